import { type Instant, toHex, type WallClock } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLater, Tai64nClock } from './tai64n.ts'

const ANCHOR = { instant: 5000 as Instant, wallClock: 1_758_585_600_500 as WallClock }

test('counts from the anchor with the monotonic clock', () => {
  const clock = new Tai64nClock(ANCHOR)

  expect(toHex(clock.label(5000 as Instant))).toBe('4000000068d1e3251dcd6500')
  expect(toHex(clock.label(5500 as Instant))).toBe('4000000068d1e32600000000')
})

test('grows although the clock stands still or goes back, across a second too', () => {
  const clock = new Tai64nClock({ ...ANCHOR, wallClock: 1_758_585_600_999 as WallClock })
  const labels = [5000.999, 5000.999, 4000, 5001, 5001].map(now => clock.label(now as Instant))

  for (let i = 1; i < labels.length; i++) expect(isLater(labels[i]!, labels[i - 1]!)).toBe(true)
})

test('carries nanoseconds into seconds', () => {
  const clock = new Tai64nClock({ instant: 0 as Instant, wallClock: 0.999999 as WallClock })
  const before = clock.label(999 as Instant)
  const label = clock.label(0 as Instant)

  expect(toHex(before)).toBe('4000000000000025' + '3b9ac9ff')
  expect(toHex(label)).toBe('4000000000000026' + '00000000')
})

test('labels are compared as bytes from the first', () => {
  const label = fc.uint8Array({ minLength: 12, maxLength: 12 })
  fc.assert(
    fc.property(label, label, (a, b) => {
      expect(isLater(a, b)).toBe(toHex(a) > toHex(b))
      expect(isLater(a, a)).toBe(false)
    }),
  )
})
