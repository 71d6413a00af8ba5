import { type Instant, viewOf, type WallClock } from '@sallyport/sans-io'

/** What the calendar said at one instant: from then on the monotonic clock counts. */
export interface CalendarAnchor {
  readonly instant: Instant
  readonly wallClock: WallClock
}

/** Bytes of a TAI64N label. */
const TAI64N_LENGTH = 12

/** The second that 1970-01-01T00:00:00Z has in TAI64: 2^62, and the 37 leap seconds since, added at once. */
const TAI_OFFSET_SECONDS = 37
const TAI64_EPOCH_HIGH = 0x4000_0000

/** Makes TAI64N labels that only ever grow, even within one instant of the clock. */
export class Tai64nClock {
  readonly #anchor: CalendarAnchor
  #seconds = 0
  #nanoseconds = 0

  constructor(anchor: CalendarAnchor) {
    this.#anchor = anchor
  }

  /** Returns the label of `now`, or the next higher one after the last that was returned. */
  label(now: Instant): Uint8Array {
    const unixMillis = this.#anchor.wallClock + (now - this.#anchor.instant)
    const seconds = Math.floor(unixMillis / 1000)
    const nanoseconds = Math.floor((unixMillis - seconds * 1000) * 1e6)
    if (seconds > this.#seconds || (seconds === this.#seconds && nanoseconds > this.#nanoseconds)) {
      this.#seconds = seconds
      this.#nanoseconds = nanoseconds
    } else if (++this.#nanoseconds === 1e9) {
      this.#seconds++
      this.#nanoseconds = 0
    }
    return encode(this.#seconds + TAI_OFFSET_SECONDS, this.#nanoseconds)
  }
}

/** Returns whether label `a` is later than label `b`: they are compared as bytes, whatever they mean. */
export function isLater(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < TAI64N_LENGTH; i++) if (a[i] !== b[i]) return a[i]! > b[i]!
  return false
}

function encode(seconds: number, nanoseconds: number): Uint8Array {
  const label = new Uint8Array(TAI64N_LENGTH)
  const view = viewOf(label)
  view.setUint32(0, TAI64_EPOCH_HIGH + Math.floor(seconds / 2 ** 32))
  view.setUint32(4, seconds >>> 0)
  view.setUint32(8, nanoseconds)
  return label
}
