import type { Instant } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { Backoff, PROBE_BACKOFF, REQUEST_BACKOFF } from './backoff.ts'

test('a request is sent again after 1, 2.5 and 4.75 seconds and given up after 8.125', () => {
  const backoff = new Backoff(REQUEST_BACKOFF, 0 as Instant)

  expect(triggers(backoff)).toEqual([1_000, 2_500, 4_750, 8_125])
})

test('a probe is sent once and given up after a second', () => {
  expect(triggers(new Backoff(PROBE_BACKOFF, 0 as Instant))).toEqual([1_000])
})

test('a late wake-up makes no burst', () => {
  const backoff = new Backoff(REQUEST_BACKOFF, 0 as Instant)
  backoff.trigger(2_400 as Instant)

  expect(backoff.next).toBe(3_900)
})

function triggers(backoff: Backoff): Instant[] {
  const times: Instant[] = []
  for (;;) {
    times.push(backoff.next)
    if (backoff.trigger(backoff.next) === 'give-up') return times
  }
}
