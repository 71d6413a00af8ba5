import { add, type Instant } from '@sallyport/sans-io'
import { REJECT_AFTER_TIME } from './constants.ts'
import type { Session } from './session.ts'

/** How many sessions of a tunnel are kept: late packets of earlier ones still open. A power of two. */
const SLOTS = 8

/** The latest sessions of a tunnel by receiver index, and the one that is sent on. */
export class SessionRing {
  readonly #slots: (Session | undefined)[] = new Array<Session | undefined>(SLOTS).fill(undefined)
  #current: Session | undefined

  /** The session that is sent on. */
  get current(): Session | undefined {
    return this.#current
  }

  /** Stores `session` in place of the one eight indices before. It is not sent on yet. */
  store(session: Session): void {
    const slot = session.localIndex & (SLOTS - 1)
    if (this.#current !== undefined && this.#slots[slot] === this.#current) this.#current = undefined
    this.#slots[slot] = session
  }

  /** Returns the session with exactly this receiver index. */
  get(localIndex: number): Session | undefined {
    const session = this.#slots[localIndex & (SLOTS - 1)]
    return session?.localIndex === localIndex ? session : undefined
  }

  /** Sends on `session` from here on, unless a later one is already sent on. Returns whether that changed anything. */
  use(session: Session): boolean {
    if (this.#current !== undefined && this.#current.order >= session.order) return false
    this.#current = session
    return true
  }

  /** Forgets the sessions that are expired at `now`. */
  dropExpired(now: Instant): void {
    for (let slot = 0; slot < SLOTS; slot++) if (this.#slots[slot]?.isExpired(now)) this.#slots[slot] = undefined
    if (this.#current?.isExpired(now)) this.#current = undefined
  }

  /** Forgets all sessions. */
  clear(): void {
    this.#slots.fill(undefined)
    this.#current = undefined
  }

  /** When the first session expires. */
  get nextExpiry(): Instant | undefined {
    let oldest: Instant | undefined
    for (const session of this.#slots)
      if (session !== undefined && (oldest === undefined || session.createdAt < oldest)) oldest = session.createdAt
    return oldest === undefined ? undefined : add(oldest, REJECT_AFTER_TIME)
  }
}
