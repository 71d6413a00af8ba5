import { randomBelow, randomBytes, seededRandom } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_RANGES, Reassembly } from './reassembly.ts'

test('pieces in any order, twice and overlapping, make the stream', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (length, seed) => {
      const random = seededRandom(seed)
      const stream = randomBytes(random, length)
      const reassembly = new Reassembly(64)
      const out: number[] = []
      while (out.length < length) {
        const expected = out.length + reassembly.readable
        const start = randomBelow(random, Math.min(reassembly.window, length - expected) + 1)
        const count = randomBelow(random, Math.min(reassembly.window, length - expected) - start + 1)
        const before = reassembly.readable
        const added = reassembly.insert(start, stream, expected + start, count)
        expect(reassembly.readable - before).toBe(added)
        const into = new Uint8Array(randomBelow(random, 20))
        out.push(...into.subarray(0, reassembly.read(into)))
      }

      expect(out).toEqual([...stream])
    }),
    { numRuns: 50 },
  )
})

test('someone who sends every other byte is remembered so far and no further', () => {
  const reassembly = new Reassembly(1000)
  const bytes = new Uint8Array(1000)
  for (let at = 1; at < 1000; at += 2) reassembly.insert(at, bytes, at, 1)

  expect(reassembly.hasGap).toBe(true)
  for (let at = 0; at < MAX_RANGES; at++) expect(reassembly.insert(0, bytes, 0, 1)).toBe(2)
  expect(reassembly.hasGap).toBe(false)
  expect(reassembly.insert(0, bytes, 0, 1)).toBe(1)
})

test('what has no place is a mistake of ours', () => {
  expect(() => new Reassembly(4).insert(2, new Uint8Array(3), 0, 3)).toThrow(RangeError)
})
