import { type Millis, millis, seconds } from '@sallyport/sans-io'

/** Estimates the round-trip time, from which the retransmission timeout follows (RFC 6298 §2). */
export class RttEstimator {
  /** Smoothed round-trip time; `undefined` before the first measurement. */
  #smoothed: number | undefined
  #variation = 0

  /**
   * Takes a measurement. It must not be of a segment that was sent twice: nobody knows which one was acknowledged (Karn's
   * algorithm, RFC 6298 §3).
   */
  sample(rtt: Millis): void {
    if (this.#smoothed === undefined) {
      this.#smoothed = rtt
      this.#variation = rtt / 2
      return
    }
    this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#smoothed - rtt)
    this.#smoothed = 0.875 * this.#smoothed + 0.125 * rtt
  }

  /** The retransmission timeout before any backing off: from 200 ms to 60 s, 1 s before the first measurement. */
  get rto(): Millis {
    if (this.#smoothed === undefined) return INITIAL_RTO
    return millis(Math.min(this.#smoothed + Math.max(MIN_VARIATION, 4 * this.#variation), MAX_RTO))
  }
}

/** RFC 6298 §2.1. */
export const INITIAL_RTO: Millis = seconds(1)
/** RFC 6298 §2.5. */
export const MAX_RTO: Millis = seconds(60)
/** Above the longest delayed acknowledgements in use, where RFC 6298 §2.4 has a whole second as the lower bound of the RTO. */
const MIN_VARIATION = millis(200)
