import fc from 'fast-check'
import { expect, test } from 'vitest'
import { messageTypeOf, receiverIndexOf } from './message.ts'

test.each([
  [1, 148],
  [2, 92],
  [3, 64],
  [4, 32],
  [4, 1500],
])('type %d of %d bytes is a message', (type, length) => {
  expect(typeOf(message(type, length))).toBe(type)
})

test.each([
  ['an initiation that is too short', message(1, 147)],
  ['an initiation that is too long', message(1, 149)],
  ['a response that is too short', message(2, 91)],
  ['a response that is too long', message(2, 93)],
  ['a cookie reply that is too short', message(3, 63)],
  ['a cookie reply that is too long', message(3, 65)],
  ['data without room for a tag', message(4, 31)],
  ['type 0', message(0, 148)],
  ['type 5', message(5, 148)],
  ['reserved byte 1', Uint8Array.of(4, 1, ...new Uint8Array(60))],
  ['reserved byte 2', Uint8Array.of(4, 0, 1, ...new Uint8Array(60))],
  ['reserved byte 3', Uint8Array.of(4, 0, 0, 1, ...new Uint8Array(60))],
  ['nothing', new Uint8Array(0)],
])('%s is no message', (_, bytes) => {
  expect(typeOf(bytes)).toBeUndefined()
})

test('the receiver index lies where the type says, and is unsigned', () => {
  const response = message(2, 92)
  response.set([1, 2, 3, 0xff], 8)
  const data = message(4, 32)
  data.set([0x01, 0x56, 0x34, 0x12], 4)

  expect(receiverIndexOf(response, 0, 2)).toBe(0xff030201)
  expect(receiverIndexOf(data, 0, 4)).toBe(0x12345601)
})

test('a message is read from the middle of an arena', () => {
  const bytes = new Uint8Array(100)
  bytes.set(message(3, 64), 20)
  bytes.set([7, 0, 0, 0], 24)

  expect(messageTypeOf(bytes, 20, 64)).toBe(3)
  expect(receiverIndexOf(bytes, 20, 3)).toBe(7)
})

test('arbitrary bytes have a type or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      expect([undefined, 1, 2, 3, 4]).toContain(typeOf(bytes))
    }),
  )
})

const typeOf = (bytes: Uint8Array): number | undefined => messageTypeOf(bytes, 0, bytes.length)

function message(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes[0] = type
  return bytes
}
