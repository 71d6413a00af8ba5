import { add, earliest, type Instant, type Millis, millis, minutes, seconds } from '@sallyport/sans-io'
import { hasMoved, isOnline, type NetworkState } from './network-state.ts'

/** How long it has to be quiet before we look: an address and its routes come one after another. */
export const QUIET_TIME: Millis = millis(200)

/** We look after this time even where it never is quiet. */
export const LONGEST_WAIT: Millis = seconds(1)

/** How soon after a change the next one may be told. Doubled each time, until {@link CALM_TIME} passes without any. */
export const FIRST_SPACING: Millis = seconds(1)

/** The longest time between two changes that are told. */
export const LONGEST_SPACING: Millis = seconds(30)

/** After this time without a change, the spacing starts over. */
export const CALM_TIME: Millis = minutes(1)

/**
 * Decides when to look at the network, and whether what is seen is worth telling.
 *
 * Each change that is told costs all connections, so they are told at growing distances: a laptop that moves twice within
 * seconds is followed at once, a cable with a loose contact every 30 s. While there is no way out nothing is told; a
 * network that comes back is a change even if all looks as before, because it may be another one with equal addresses.
 */
export class NetworkChanges {
  #known: NetworkState
  #wasOffline: boolean
  #isDemanded = false
  #lookAt: Instant | undefined
  #lookBy: Instant | undefined
  #notBefore: Instant | undefined
  #spacing: Millis = FIRST_SPACING
  #calmAt: Instant | undefined

  constructor(initial: NetworkState) {
    this.#known = initial
    this.#wasOffline = !isOnline(initial)
  }

  /** Notes that something has happened. */
  stir(now: Instant): void {
    this.#lookBy ??= add(now, LONGEST_WAIT)
    this.#lookAt = earliest(add(now, QUIET_TIME), this.#lookBy)
  }

  /** Notes that somebody says that the network has changed: that is told whatever {@link look} sees. */
  demand(now: Instant): void {
    this.#isDemanded = true
    this.#lookAt = earliest(this.#lookAt, now)
  }

  /** When {@link look} is due; `undefined` while nothing happens. */
  get lookAt(): Instant | undefined {
    return this.#lookAt
  }

  /** Takes what the network looks like. Returns whether that is a change to tell. */
  look(state: NetworkState, now: Instant): boolean {
    this.#lookAt = undefined
    this.#lookBy = undefined
    if (!isOnline(state)) this.#wasOffline = true
    const isWorthIt = isOnline(state) && (this.#wasOffline || hasMoved(this.#known, state))
    if (!isWorthIt && !this.#isDemanded) return false
    if (this.#notBefore !== undefined && now < this.#notBefore) {
      this.#lookAt = this.#notBefore
      return false
    }
    this.#known = state
    this.#wasOffline = !isOnline(state)
    this.#isDemanded = false
    if (this.#calmAt !== undefined && now >= this.#calmAt) this.#spacing = FIRST_SPACING
    this.#notBefore = add(now, this.#spacing)
    this.#spacing = Math.min(this.#spacing * 2, LONGEST_SPACING) as Millis
    this.#calmAt = add(now, CALM_TIME)
    return true
  }
}
