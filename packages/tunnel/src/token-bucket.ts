import { elapsed, type Instant } from '@sallyport/sans-io'

/** Lets so many things happen per second, and so many at once: keeps our answers from being an amplifier or a flood. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at: Instant | undefined

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** Returns whether one more may happen at `now`, and counts it if so. */
  take(now: Instant): boolean {
    const gained = this.#at === undefined ? 0 : (Math.max(0, elapsed(this.#at, now)) * this.#perSecond) / 1000
    this.#tokens = Math.min(this.#burst, this.#tokens + gained)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
