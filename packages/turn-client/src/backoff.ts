import { add, elapsed, type Instant, type Millis, millis, seconds } from '@sallyport/sans-io'

/** How long a request waits for its answer, and how often it is sent again meanwhile. */
export interface BackoffPolicy {
  /** The wait after the first send. */
  readonly initialInterval: Millis
  /** By how much each wait is longer than the one before. */
  readonly factor: number
  /** The request is given up at the first trigger at which it is at least this old. */
  readonly giveUpAfter: Millis
}

/** Sends at 0, 1, 2.5 and 4.75 s and gives up at 8.125 s. */
export const REQUEST_BACKOFF: BackoffPolicy = { initialInterval: seconds(1), factor: 1.5, giveUpAfter: seconds(8) }

/** A liveness probe: one send, given up after a second. */
export const PROBE_BACKOFF: BackoffPolicy = { initialInterval: seconds(1), factor: 1, giveUpAfter: seconds(1) }

/** The exponential back-off of one request. */
export class Backoff {
  readonly #policy: BackoffPolicy
  readonly #startedAt: Instant
  #interval: Millis
  #next: Instant

  /** Starts with a request that is sent at `now`. */
  constructor(policy: BackoffPolicy, now: Instant) {
    this.#policy = policy
    this.#startedAt = now
    this.#interval = policy.initialInterval
    this.#next = add(now, this.#interval)
  }

  /** When the request was sent first. */
  get startedAt(): Instant {
    return this.#startedAt
  }

  /** When {@link trigger} is next due. */
  get next(): Instant {
    return this.#next
  }

  /** Decides what happens at a trigger: send once more, or give up. To be called when {@link next} has come. */
  trigger(now: Instant): 'resend' | 'give-up' {
    if (elapsed(this.#startedAt, now) + ROUNDING >= this.#policy.giveUpAfter) return 'give-up'
    this.#interval = millis(this.#interval * this.#policy.factor)
    this.#next = add(now, this.#interval) // from now on, not from when it was due: a late wake-up makes no burst
    return 'resend'
  }
}

/** Instants are fractions: a sum of intervals may fall short of the whole by less than that many milliseconds. */
const ROUNDING = 0.001
