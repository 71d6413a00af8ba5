import { elapsed, type Instant, seconds } from '@sallyport/sans-io'

/** How many acknowledgements a connection answers to segments that don't fit, so that two ends can't keep each other busy. */
export class ChallengeLimit {
  #since: Instant | undefined
  #count = 0

  /** Returns whether another one may leave (RFC 5961 §7). */
  allows(now: Instant): boolean {
    if (this.#since === undefined || elapsed(this.#since, now) >= seconds(1)) {
      this.#since = now
      this.#count = 0
    }
    return ++this.#count <= CHALLENGES_PER_SECOND
  }
}

const CHALLENGES_PER_SECOND = 10
