import { elapsed, type Instant, type Millis, millis, minutes, type Random, seconds } from '@sallyport/sans-io'

/** How the waits between attempts grow. */
export interface BackoffOptions {
  /** The first wait, before randomisation. Default: 500 ms. */
  readonly initialInterval?: Millis
  /** By how much each wait is longer than the one before. Default: 1.5. */
  readonly multiplier?: number
  /** Each wait is drawn uniformly from `1 ± jitter` times its length. Default: 0.5. */
  readonly jitter?: number
  /** The longest wait, before randomisation. Default: one minute. */
  readonly maxInterval?: Millis
  /** How long an outage may last before we give up; `undefined`: for ever. Default: 15 minutes. */
  readonly maxElapsed?: Millis | undefined
}

/**
 * The retry clock of one outage: exponential, randomised, limited.
 *
 * It starts with its construction and must therefore be made at the first failure of an outage and forgotten at the
 * first success: a clock that also counts the healthy life of a connection gives up at the first hiccup of any
 * connection older than {@link BackoffOptions.maxElapsed}.
 */
export class Backoff {
  readonly #options: Required<BackoffOptions>
  readonly #random: Random
  readonly #start: Instant
  #interval: number

  /** @param now - When the outage began. */
  constructor(options: BackoffOptions, random: Random, now: Instant) {
    this.#options = { ...DEFAULTS, ...options }
    this.#random = random
    this.#start = now
    this.#interval = this.#options.initialInterval
  }

  /** Returns how long to wait after a failure at `now`, or `undefined` to give up. */
  next(now: Instant): Millis | undefined {
    const { jitter, multiplier, maxInterval } = this.#options
    const delay = millis(Math.round(this.#interval * (1 - jitter + 2 * jitter * this.#uniform())))
    this.#interval = Math.min(this.#interval * multiplier, maxInterval)
    return this.permits(delay, now) ? delay : undefined
  }

  /** Returns whether an attempt may still be made `delay` after `now`. */
  permits(delay: Millis, now: Instant): boolean {
    const { maxElapsed } = this.#options
    return maxElapsed === undefined || elapsed(this.#start, now) + delay <= maxElapsed
  }

  #uniform(): number {
    const bytes = new Uint8Array(4)
    this.#random(bytes)
    return new DataView(bytes.buffer).getUint32(0) / 2 ** 32
  }
}

const DEFAULTS: Required<BackoffOptions> = {
  initialInterval: millis(500),
  multiplier: 1.5,
  jitter: 0.5,
  maxInterval: seconds(60),
  maxElapsed: minutes(15),
}
