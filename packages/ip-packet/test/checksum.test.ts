import { Arena, fromHex } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checksumOf, foldSum, portableChecksum, sumBytes, updateChecksum } from '../src/index.ts'

test('sums the example of RFC 1071 §3', () => {
  expect(foldSum(sumBytes(fromHex('00 01 f2 03 f4 f5 f6 f7'), 0, 8, 0))).toBe(0xddf2)
})

test('the wide sum equals the plain one at every alignment and length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.nat(0xffff), (bytes, offset, sum) => {
      const at = Math.min(offset, bytes.length)
      const length = bytes.length - at

      expect(portableChecksum(new Arena(bytes), at, length, sum)).toBe(sumBytes(bytes, at, length, sum))
    }),
  )
})

test('the largest packet of all ones does not overflow', () => {
  const arena = Arena.ofLength(65_535)
  arena.bytes.fill(0xff)

  expect(foldSum(portableChecksum(arena, 0, 65_535, 0xffff))).toBe(foldSum(sumBytes(arena.bytes, 0, 65_535, 0xffff)))
  expect(foldSum(2 ** 40 + 5)).toBe(261)
})

test('an updated checksum equals a computed one', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0xffff), { minLength: 2, maxLength: 20 }), fc.nat(0xffff), (words, value) => {
      const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0)
      const changed = [value, ...words.slice(1)]
      if (sum(words) === 0 || sum(changed) === 0) return // all zero: the one case with two forms of zero

      expect(updateChecksum(checksumOf(sum(words)), words[0]!, value)).toBe(checksumOf(sum(changed)))
    }),
  )
})
