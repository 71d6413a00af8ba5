import fc from 'fast-check'
import { expect, test } from 'vitest'
import { randomBelow, randomBytes, randomElement, seededRandom } from './random.ts'

test('the same seed gives the same bytes, another one others', () => {
  expect(randomBytes(seededRandom(1), 32)).toEqual(randomBytes(seededRandom(1), 32))
  expect(randomBytes(seededRandom(1), 32)).not.toEqual(randomBytes(seededRandom(2), 32))
})

test('an integer is below its bound, and each one comes up', () => {
  const random = seededRandom(7)
  const seen = new Set(Array.from({ length: 500 }, () => randomBelow(random, 7)))

  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 32 }),
      bound => void expect(randomBelow(random, bound)).toBeLessThan(bound),
    ),
  )
})

test('values that would favour small results are drawn again', () => {
  const draws = [
    [255, 255, 255, 255],
    [0, 0, 0, 5],
  ]

  expect(randomBelow(out => out.set(draws.shift()!), 3)).toBe(2)
})

test('an element is one of the items', () => {
  expect(randomElement(seededRandom(1), [])).toBeUndefined()
  expect(['a', 'b']).toContain(randomElement(seededRandom(1), ['a', 'b']))
})
