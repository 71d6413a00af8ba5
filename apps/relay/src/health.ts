import { elapsed, type Instant, type Millis, minutes } from '@sallyport/sans-io'

/** How long after the last sign of life of the portal's connection a relay counts as ill. */
const HEALTHY_FOR: Millis = minutes(15)

/** What the outside is told of how a relay is. */
export class Health {
  #lastHeartbeat: Instant | undefined
  /** Whether the portal knows this relay at present; a relay without a portal is ready at once. */
  isReady = false

  /** Notes that a heartbeat has been sent to the portal. */
  noteHeartbeat(now: Instant): void {
    this.#lastHeartbeat = now
  }

  /** Returns whether the relay is in touch with the portal, or hasn't been yet. */
  isHealthy(now: Instant): boolean {
    return this.#lastHeartbeat === undefined || elapsed(this.#lastHeartbeat, now) < HEALTHY_FOR
  }
}
