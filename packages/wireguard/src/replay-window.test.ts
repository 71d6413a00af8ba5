import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { REPLAY_WINDOW_SIZE, ReplayWindow } from './replay-window.ts'

test('a counter is accepted once', () => {
  const receive = receiver()

  expect([receive(0), receive(0), receive(1), receive(1), receive(0)]).toEqual([true, false, true, false, false])
})

test('late counters are accepted in any order inside the window', () => {
  const receive = receiver()
  const counters = Array.from({ length: REPLAY_WINDOW_SIZE }, (_, i) => i)

  expect(counters.toReversed().map(receive)).toEqual(counters.map(() => true))
  expect(counters.map(receive)).toEqual(counters.map(() => false))
})

test('the window reaches exactly 1024 counters behind the highest, inclusive of it', () => {
  const receive = receiver()
  receive(5000)

  expect(receive(5000 - REPLAY_WINDOW_SIZE)).toBe(false)
  expect(receive(5000 - REPLAY_WINDOW_SIZE + 1)).toBe(true)
})

test('a jump beyond the window forgets everything, and what it skipped is accepted', () => {
  const receive = receiver()
  for (let counter = 0; counter < 3000; counter++) receive(counter)
  const far = 3000 + 10 * REPLAY_WINDOW_SIZE

  expect(receive(far)).toBe(true)
  expect(receive(2999)).toBe(false)
  for (let counter = far - REPLAY_WINDOW_SIZE + 1; counter < far; counter++) expect(receive(counter)).toBe(true)
  expect(receive(far)).toBe(false)
})

describe('at the boundaries of words', () => {
  test.each([31, 32, 33, 63, 64, 1023, 1024, 2047, 2048, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1])(
    '%d is accepted once, and so are its neighbours',
    counter => {
      const receive = receiver()

      expect([counter - 1, counter, counter - 2, counter].map(receive)).toEqual([true, true, true, false])
    },
  )
})

test('checking changes nothing', () => {
  const window = new ReplayWindow()

  expect([window.accepts(7), window.accepts(7), window.next]).toEqual([true, true, 0])
})

test('it agrees with a set that remembers everything', () => {
  const start = fc.constantFrom(0, 1000, 2 ** 32 - 2000, 2 ** 40)
  const steps = fc.array(fc.oneof(fc.integer({ min: -1100, max: 80 }), fc.integer({ min: 0, max: 5000 })), {
    maxLength: 300,
  })
  fc.assert(
    fc.property(start, steps, (first, distances) => {
      const receive = receiver()
      const seen = new Set<number>()
      let highest = first
      seen.add(first)
      receive(first)
      for (const distance of distances) {
        const counter = Math.max(0, highest + distance)
        const expected = counter > highest - REPLAY_WINDOW_SIZE && !seen.has(counter)

        expect(receive(counter)).toBe(expected)
        if (!expected) continue
        seen.add(counter)
        highest = Math.max(highest, counter)
      }
    }),
  )
})

/** Marks what is accepted and says whether it was. */
function receiver(): (counter: number) => boolean {
  const window = new ReplayWindow()
  return counter => {
    const accepted = window.accepts(counter)
    if (accepted) window.mark(counter)
    return accepted
  }
}
