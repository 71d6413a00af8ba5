import { expect, test } from 'vitest'
import { Arena, CHECKSUM_PENDING, PacketBuffer } from './packet-buffer.ts'

const layout = { capacity: 2, stride: 64, headroom: 16 }

test('entries lie in slots behind their headroom', () => {
  const buffer = PacketBuffer.alone(layout)
  buffer.appendCopy(new Uint8Array([1, 2, 3]))
  buffer.appendCopy(new Uint8Array([4]))

  expect([...buffer.offset]).toEqual([16, 80])
  expect(buffer.bytesOf(0)).toEqual(new Uint8Array([1, 2, 3]))
  expect(buffer.bytesOf(1)).toEqual(new Uint8Array([4]))
  expect(buffer.free).toBe(0)
  expect(buffer.room).toBe(48)
})

test('an entry may describe any bytes of the arena', () => {
  const buffer = new PacketBuffer(Arena.ofLength(1024), { ...layout, start: 512 })
  buffer.arena.bytes[3] = 9
  buffer.append(3, 1)

  expect(buffer.bytesOf(0)).toEqual(new Uint8Array([9]))
})

test('an appended entry is neutral, whatever its predecessor in that place was', () => {
  const buffer = PacketBuffer.alone(layout)
  buffer.append(0, 1)
  buffer.flags[0] = CHECKSUM_PENDING
  buffer.segments[0] = 7
  buffer.peer[0] = 3
  buffer.headerLength[0] = 4
  buffer.clear()
  buffer.append(0, 1)

  expect([buffer.flags[0], buffer.segments[0], buffer.peer[0], buffer.headerLength[0]]).toEqual([0, 1, -1, 0])
})

test('a layout that leaves its arena, or leaves no room, is refused', () => {
  expect(() => new PacketBuffer(Arena.ofLength(100), { ...layout, start: 0 })).toThrow(RangeError)
  expect(() => new PacketBuffer(Arena.ofLength(1000), { ...layout, start: -1 })).toThrow(RangeError)
  expect(() => PacketBuffer.alone({ capacity: 1, stride: 16, headroom: 16 })).toThrow('no room')
})

test('bytes that do not fit in a slot are refused', () => {
  expect(() => PacketBuffer.alone(layout).appendCopy(new Uint8Array(49))).toThrow("49 bytes don't fit")
})
