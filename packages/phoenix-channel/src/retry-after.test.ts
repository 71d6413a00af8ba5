import type { WallClock } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { parseRetryAfter } from './retry-after.ts'

const now = Date.UTC(2025, 8, 23, 12, 0, 0) as WallClock

test.each([
  ['120', 120_000],
  [' 0 ', 0],
  ['Tue, 23 Sep 2025 12:00:30 GMT', 30_000],
  ['Tue, 23 Sep 2025 11:00:00 GMT', 0],
  ['soon', undefined],
  ['Tue, nonsense', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  [undefined, undefined],
])('Retry-After %j is %j ms', (header, expected) => {
  expect(parseRetryAfter(header, now)).toBe(expected)
})
