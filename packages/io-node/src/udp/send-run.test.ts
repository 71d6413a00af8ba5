import { PacketBuffer, SocketAddress } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { runEnd } from './send-run.ts'

const a = SocketAddress.of('192.0.2.1:1')
const b = SocketAddress.of('192.0.2.2:1')

function batch(lengths: readonly number[]): PacketBuffer {
  const buffer = PacketBuffer.alone({ capacity: 128, stride: 32, headroom: 16 })
  for (const length of lengths) buffer.remote[buffer.append(0, length)] = a
  return buffer
}

test('equal neighbours make a run, which a shorter one ends and a longer one can’t join', () => {
  expect(runEnd(batch([100, 100, 100]), 0, 3)).toBe(3)
  expect(runEnd(batch([100, 100, 99, 99]), 0, 4)).toBe(3)
  expect(runEnd(batch([100, 101, 101]), 0, 3)).toBe(1)
  expect(runEnd(batch([100, 0, 100]), 0, 3)).toBe(1)
})

test('a run never has more than 64 datagrams or 65000 bytes', () => {
  expect(runEnd(batch(new Array<number>(100).fill(10)), 0, 100)).toBe(64)
  expect(runEnd(batch(new Array<number>(100).fill(1312)), 0, 100)).toBe(49)
  expect(runEnd(batch(new Array<number>(100).fill(1312)), 60, 100)).toBe(100)
})

test('a run keeps to one peer, one address of ours and one mark of congestion', () => {
  const buffer = batch([9, 9, 9, 9])
  expect(runEnd(buffer, 0, 4)).toBe(4)
  buffer.ecn[3] = 1
  expect(runEnd(buffer, 0, 4)).toBe(3)
  buffer.local[2] = b
  expect(runEnd(buffer, 0, 4)).toBe(2)
  buffer.remote[1] = b
  expect(runEnd(buffer, 0, 4)).toBe(1)
})

test('equal addresses need not be the same object, and headers count', () => {
  const buffer = batch([9, 9, 5])
  buffer.remote[1] = SocketAddress.of(a.key)
  buffer.headerLength[2] = 4
  expect(runEnd(buffer, 0, 3)).toBe(3)
  buffer.headerLength[2] = 5
  expect(runEnd(buffer, 0, 3)).toBe(2)
})
