import { add, type Instant, type Millis, millis } from '@sallyport/sans-io'
import { MAX_RTO } from './rtt-estimator.ts'

/** What a {@link RetransmissionTimer} is running for. */
export type TimerPurpose = 'retransmit' | 'probe'

/** The one timer of a sender: for unacknowledged segments (RFC 6298 §5), or to probe a closed window (RFC 9293 §3.8.6.1). */
export class RetransmissionTimer {
  #deadline: Instant | undefined
  #purpose: TimerPurpose = 'retransmit'
  /** How often it has gone off without an answer. */
  #expirations = 0

  /** When it is due; `undefined` while it is stopped. */
  get deadline(): Instant | undefined {
    return this.#deadline
  }

  /** How often it has gone off since the peer last answered. */
  get expirations(): number {
    return this.#expirations
  }

  /** What it is running for, or `undefined` while it is stopped. */
  get purpose(): TimerPurpose | undefined {
    return this.#deadline === undefined ? undefined : this.#purpose
  }

  /** Starts it, unless it runs for that already. Its time doubles with each expiration (RFC 6298 §5.5). */
  start(purpose: TimerPurpose, rto: Millis, now: Instant): void {
    if (this.purpose === purpose) return
    this.#purpose = purpose
    this.#deadline = add(now, millis(Math.min(rto * 2 ** this.#expirations, MAX_RTO)))
  }

  /** Stops it. */
  stop(): void {
    this.#deadline = undefined
  }

  /** Forgets expirations: the peer has answered. */
  relax(): void {
    this.#expirations = 0
  }

  /** Returns what it went off for if it is due at `now`, which also stops it. */
  takeDue(now: Instant): TimerPurpose | undefined {
    if (this.#deadline === undefined || this.#deadline > now) return undefined
    this.#deadline = undefined
    this.#expirations++
    return this.#purpose
  }
}
