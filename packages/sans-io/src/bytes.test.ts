import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  concatBytes,
  copyBytes,
  equalBytes,
  fromHex,
  parseBase64,
  parseUtf8,
  toBase64,
  toHex,
  utf8,
  viewOf,
} from './bytes.ts'

const bytes = fc.uint8Array({ maxLength: 70 })

test('base64 reads back to what was written', () => {
  fc.assert(fc.property(bytes, bytes => void expect(parseBase64(toBase64(bytes))).toEqual(bytes)))
})

// RFC 4648 §10
test.each([
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
])('base64 of %j is %j', (text, encoded) => {
  expect(toBase64(utf8(text))).toBe(encoded)
})

test.each(['Z', 'Zg', 'Zg=', 'Zh==', 'Zm9=', '====', 'Zm9v\n', 'Zm-_', 'Zg==Zg=='])('%j is not base64', text => {
  expect(parseBase64(text)).toBeUndefined()
})

test('hexadecimal reads back to what was written', () => {
  fc.assert(fc.property(bytes, bytes => void expect(fromHex(toHex(bytes))).toEqual(bytes)))
  expect(fromHex('DE ad\nbe ef')).toEqual(new Uint8Array([0xde, 0xad, 0xbe, 0xef]))
})

test.each(['0', 'zz', '0x00'])('%j is not hexadecimal', text => {
  expect(() => fromHex(text)).toThrow(RangeError)
})

test('text reads back from its UTF-8 bytes, and what is not UTF-8 is refused', () => {
  expect(parseUtf8(utf8('sällyport 🏰'))).toBe('sällyport 🏰')
  expect(parseUtf8(new Uint8Array([0xff]))).toBeUndefined()
})

test('parts are joined in order', () => {
  expect(concatBytes(new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3]))).toEqual(new Uint8Array([1, 2, 3]))
})

test('bytes are equal only where length and each byte agree', () => {
  fc.assert(fc.property(bytes, bytes, (a, b) => void expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b))))
  expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBe(true)
})

test('a view covers exactly the bytes it was made of', () => {
  const view = viewOf(new Uint8Array([0, 1, 2, 3]).subarray(1, 3))

  expect(view.byteLength).toBe(2)
  expect(view.getUint16(0)).toBe(0x0102)
})

test('a copy stays as it is, also one of a Buffer, whose slice would not', () => {
  const { Buffer } = globalThis as unknown as { Buffer: { from(bytes: Uint8Array): Uint8Array } }
  const reused = Buffer.from(Uint8Array.of(1, 2, 3))
  const slice = reused.slice()
  const copy = copyBytes(reused)
  reused.fill(0)

  expect([...copy]).toEqual([1, 2, 3])
  expect([...slice]).toEqual([0, 0, 0])
})
