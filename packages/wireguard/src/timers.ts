import { add, earliest, type Instant, type Millis } from '@sallyport/sans-io'
import { KEEPALIVE_TIMEOUT, REJECT_AFTER_TIME, REKEY_AFTER_TIME, REKEY_TIMEOUT, TUNNEL_LIFETIME } from './constants.ts'

/** Who began the handshake of a session. */
export type Role = 'initiator' | 'responder'

/** What a timer asks for: to give up, to plan a handshake, to send a planned one, to send an empty message. */
export type TimerAction = 'expire' | 'plan-handshake' | 'send-handshake' | 'send-keepalive'

/** An initiator that only receives makes a fresh session so early that it is there before the old one is gone. */
const REKEY_AFTER_TIME_RECEIVING = (REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT) as Millis

/** What was sent stays unanswered for so long: the peer would have sent a keepalive by then (paper §6.3). */
const DEAD_PEER_TIMEOUT = (KEEPALIVE_TIMEOUT + REKEY_TIMEOUT) as Millis

/**
 * The clockwork of a tunnel (paper §6): it notes what happens and says what is due.
 *
 * Noting is cheap, because it is done for every packet; deadlines are worked out from the notes when they are asked for.
 */
export class Timers {
  readonly #rekeyAttemptTime: Millis
  #role: Role | undefined
  /** When the last session was made, or else the tunnel. */
  #establishedAt: Instant
  /** When the first packet was sent since then. */
  #firstSentAt: Instant | undefined
  /** When the first packet was received since then. */
  #firstReceivedAt: Instant | undefined
  /** When the first packet was sent that nothing has been received after. */
  #unansweredSince: Instant | undefined
  /** When the last packet was received that nothing has been sent after. */
  #unacknowledgedSince: Instant | undefined
  /** The initiation in flight: when it was last sent, and when the first of its series. */
  #initiatedAt: Instant | undefined
  #seriesBeganAt: Instant | undefined
  #plannedAt: Instant | undefined

  constructor(rekeyAttemptTime: Millis, now: Instant) {
    this.#rekeyAttemptTime = rekeyAttemptTime
    this.#establishedAt = now
  }

  /** Who began the last session; `undefined` before the first. */
  get role(): Role | undefined {
    return this.#role
  }

  /** Notes that a packet was sent. */
  sentPacket(now: Instant): void {
    this.#unacknowledgedSince = undefined
    this.#firstSentAt ??= now
    this.#unansweredSince ??= now
  }

  /** Notes that something was sent that needs no answer: an empty message or a response. */
  sentOther(): void {
    this.#unacknowledgedSince = undefined
  }

  /** Notes that a packet was received. */
  receivedPacket(now: Instant): void {
    this.#unansweredSince = undefined
    this.#firstReceivedAt ??= now
    // Every further packet postpones the keepalive, as in the original; other WireGuards count from the first one.
    this.#unacknowledgedSince = now
  }

  /** Notes that something authentic was received that wants no answer. */
  receivedOther(): void {
    this.#unansweredSince = undefined
  }

  /** Notes that an initiation was sent. */
  sentInitiation(now: Instant): void {
    this.sentOther()
    this.#plannedAt = undefined
    this.#initiatedAt = now
    this.#seriesBeganAt ??= now
  }

  /** Notes that no initiation of ours is in flight any more. */
  #landed(): void {
    this.#initiatedAt = undefined
    this.#seriesBeganAt = undefined
  }

  /** Notes that a session was made. */
  established(role: Role, now: Instant): void {
    this.#landed()
    this.receivedOther()
    this.#role = role
    this.#establishedAt = now
    this.#firstSentAt = undefined
    this.#firstReceivedAt = undefined
    this.#plannedAt = undefined
  }

  /** Plans a handshake for `at`, unless one is planned already. */
  plan(at: Instant): void {
    this.#plannedAt ??= at
  }

  /** Returns the gravest thing due at `now`, if any. It stays due until it is noted as done. */
  due(now: Instant): TimerAction | undefined {
    if (this.#expiry <= now) return 'expire'
    if (isDue(this.#plannedAt, now)) return 'send-handshake'
    if (isDue(this.#needsHandshakeAt, now)) return 'plan-handshake'
    if (isDue(this.#keepaliveAt, now)) return 'send-keepalive'
    return undefined
  }

  /** When something is next due. */
  get next(): Instant {
    return earliest(this.#expiry, this.#plannedAt, this.#needsHandshakeAt, this.#keepaliveAt)!
  }

  get #expiry(): Instant {
    const dead = add(this.#establishedAt, TUNNEL_LIFETIME)
    if (this.#seriesBeganAt === undefined) return dead
    return earliest(dead, add(this.#seriesBeganAt, this.#rekeyAttemptTime))!
  }

  get #needsHandshakeAt(): Instant | undefined {
    if (this.#plannedAt !== undefined) return undefined
    if (this.#initiatedAt !== undefined) return add(this.#initiatedAt, REKEY_TIMEOUT)
    const deadPeerAt = this.#unansweredSince === undefined ? undefined : add(this.#unansweredSince, DEAD_PEER_TIMEOUT)
    if (this.#role !== 'initiator') return deadPeerAt
    return earliest(
      deadPeerAt,
      this.#ageIfUsed(REKEY_AFTER_TIME, this.#firstSentAt),
      this.#ageIfUsed(REKEY_AFTER_TIME_RECEIVING, this.#firstReceivedAt),
    )
  }

  /** When the session reaches `age`, or when it is first used if that is later; `undefined` if it isn't used. */
  #ageIfUsed(age: Millis, usedAt: Instant | undefined): Instant | undefined {
    return usedAt === undefined ? undefined : (Math.max(add(this.#establishedAt, age), usedAt) as Instant)
  }

  get #keepaliveAt(): Instant | undefined {
    return this.#unacknowledgedSince === undefined ? undefined : add(this.#unacknowledgedSince, KEEPALIVE_TIMEOUT)
  }
}

const isDue = (at: Instant | undefined, now: Instant): boolean => at !== undefined && at <= now
