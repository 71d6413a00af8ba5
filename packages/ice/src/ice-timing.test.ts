import { millis, seconds } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { IceOptionsError } from './error.ts'
import { assertTiming, checkDelay, DEFAULT_TIMING, IDLE_TIMING, iceTimeout } from './ice-timing.ts'

test('a dead path is noticed after 15.25 s, on an idle connection after 100 s', () => {
  expect(iceTimeout(DEFAULT_TIMING)).toBe(seconds(15.25))
  expect(iceTimeout(IDLE_TIMING)).toBe(seconds(100))
})

test('the delay doubles up to its maximum and starts at nothing', () => {
  expect([0, 1, 2, 3, 4, 5, 12, 2000].map(count => checkDelay(DEFAULT_TIMING, count))).toEqual([
    0, 250, 500, 1000, 1500, 1500, 1500, 1500,
  ])
})

test.each([
  { initialRto: millis(0) },
  { initialRto: millis(2000) },
  { initialRto: millis(Number.NaN) },
  { maxRto: millis(Number.POSITIVE_INFINITY) },
  { maxRetransmits: 0 },
  { maxRetransmits: 1.5 },
])('timing with %o is the caller’s mistake', wrong => {
  expect(() => assertTiming({ ...DEFAULT_TIMING, ...wrong })).toThrow(IceOptionsError)
})
