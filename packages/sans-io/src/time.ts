import type { Brand } from './brand.ts'

/** A length of time in milliseconds. */
export type Millis = Brand<number, 'ms'>

/** A point on a monotonic clock, in milliseconds. Its origin means nothing; differences do. */
export type Instant = Brand<number, 'instant-ms'>

/** A point of calendar time: milliseconds since 1970-01-01T00:00:00Z. Only for what a protocol dates (TAI64N, expiry). */
export type WallClock = Brand<number, 'unix-ms'>

/** Returns `n` milliseconds. */
export const millis = (n: number): Millis => n as Millis

/** Returns `n` seconds. */
export const seconds = (n: number): Millis => (n * 1000) as Millis

/** Returns `n` minutes. */
export const minutes = (n: number): Millis => (n * 60_000) as Millis

/** Returns the point `length` after `at`. */
export const add = (at: Instant, length: Millis): Instant => (at + length) as Instant

/** Returns how long it was from `earlier` to `later`; negative if they are the other way round. */
export const elapsed = (earlier: Instant, later: Instant): Millis => (later - earlier) as Millis

/** Returns the earliest of the given deadlines, or `undefined` if none is set. */
export function earliest(...deadlines: readonly (Instant | undefined)[]): Instant | undefined {
  let first: Instant | undefined
  for (const at of deadlines) if (at !== undefined && (first === undefined || at < first)) first = at
  return first
}
