import { performance } from 'node:perf_hooks'
import type { Instant, WallClock } from '@sallyport/sans-io'

/** Returns the time of a clock that never jumps. */
export const monotonicNow = (): Instant => performance.now() as Instant

/** Returns the calendar time. */
export const wallClock = (): WallClock => Date.now() as WallClock

/** Returns one moment on both clocks: what a machine needs that dates something while it only sees instants. */
export const calendarNow = (): { readonly instant: Instant; readonly wallClock: WallClock } => ({
  instant: monotonicNow(),
  wallClock: wallClock(),
})
