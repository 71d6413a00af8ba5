import type { Instant, Random, WireguardCrypto } from '@sallyport/sans-io'
import { equalBytes } from '@sallyport/sans-io'
import { type CookieDefect, CookieJar } from './cookie.ts'
import { mac1Key, writeMacs } from './macs.ts'
import { MESSAGE_RESPONSE, receiverIndexOf } from './message.ts'
import {
  type Acquaintance,
  createInitiation,
  createResponse,
  type PendingInitiation,
  type ReceivedInitiation,
  readResponse,
  readTimestamp,
  type SessionKeys,
} from './noise-handshake.ts'
import { type CalendarAnchor, isLater, Tai64nClock } from './tai64n.ts'

/** Why a handshake message that reached its tunnel was refused. */
export type PeerDefect =
  | CookieDefect
  | 'wrong-peer'
  | 'bad-timestamp'
  | 'old-timestamp'
  | 'bad-ephemeral'
  | 'unexpected-response'
  | 'bad-response'

/** The handshakes with one peer, in both roles: what is in flight, what was seen, which cookie to show. */
export class Handshakes {
  readonly #crypto: WireguardCrypto
  readonly #random: Random
  readonly #acquaintance: Acquaintance
  readonly #mac1Key: Uint8Array
  readonly #clock: Tai64nClock
  readonly #cookies: CookieJar
  readonly #localIndex: number
  #indexCounter = 0
  #current: PendingInitiation | undefined
  #previous: PendingInitiation | undefined
  #latestTimestamp: Uint8Array | undefined

  /** @param localIndex - The 24 bits that all receiver indices of this tunnel begin with. */
  constructor(
    crypto: WireguardCrypto,
    random: Random,
    acquaintance: Acquaintance,
    localIndex: number,
    calendar: CalendarAnchor,
  ) {
    this.#crypto = crypto
    this.#random = random
    this.#acquaintance = acquaintance
    this.#mac1Key = mac1Key(crypto, acquaintance.peerPublicKey)
    this.#clock = new Tai64nClock(calendar)
    this.#cookies = new CookieJar(crypto, acquaintance.peerPublicKey)
    this.#localIndex = localIndex
  }

  /** Makes an initiation. An answer to the one before it is still accepted, to earlier ones no more. */
  initiate(now: Instant): Uint8Array {
    const label = this.#clock.label(now)
    const { message, pending } = createInitiation(
      this.#crypto,
      this.#random,
      this.#acquaintance,
      this.#nextIndex(),
      label,
    )
    this.#previous = this.#current ?? this.#previous
    this.#current = pending
    return this.#finish(message, pending.senderIndex, now)
  }

  /** Answers an initiation. Our own, if one is in flight, may still be answered but counts as the previous one. */
  respond(
    initiation: ReceivedInitiation,
    now: Instant,
  ): { readonly message: Uint8Array; readonly keys: SessionKeys } | PeerDefect {
    if (!equalBytes(initiation.publicKey, this.#acquaintance.peerPublicKey)) return 'wrong-peer'
    const opened = readTimestamp(this.#acquaintance, initiation)
    if (opened === undefined) return 'bad-timestamp'
    if (this.#latestTimestamp !== undefined && !isLater(opened.timestamp, this.#latestTimestamp)) return 'old-timestamp'
    const index = this.#nextIndex()
    const answer = createResponse(this.#crypto, this.#random, this.#acquaintance, initiation, opened.state, index)
    if (answer === undefined) return 'bad-ephemeral'

    this.#latestTimestamp = opened.timestamp
    if (this.#current !== undefined) {
      this.#previous = this.#current
      this.#current = undefined
    }
    return { message: this.#finish(answer.message, index, now), keys: answer.keys }
  }

  /** Finishes the handshake that the response `message` answers. */
  complete(message: Uint8Array): SessionKeys | PeerDefect {
    const index = receiverIndexOf(message, 0, MESSAGE_RESPONSE)
    const pending = [this.#current, this.#previous].find(initiation => initiation?.senderIndex === index)
    if (pending === undefined) return 'unexpected-response'
    const keys = readResponse(this.#crypto, this.#acquaintance, pending, message)
    if (keys === undefined) return 'bad-response'
    // Nothing needs to be repeated any more, but a later initiation that is under way may still be answered.
    this.#previous = pending === this.#current ? undefined : this.#current
    this.#current = undefined
    return keys
  }

  /** Takes the cookie for mac2 of the messages to come. */
  receiveCookie(message: Uint8Array, now: Instant): CookieDefect | undefined {
    return this.#cookies.receive(message, now)
  }

  /** Forgets what is in flight. */
  abandon(): void {
    this.#current = undefined
    this.#previous = undefined
  }

  /** Whether an initiation of ours waits for its response and would be repeated. */
  get isInFlight(): boolean {
    return this.#current !== undefined
  }

  /** Writes the MACs and remembers what a cookie reply may answer. */
  #finish(message: Uint8Array, senderIndex: number, now: Instant): Uint8Array {
    this.#cookies.asked(senderIndex, writeMacs(this.#crypto, message, this.#mac1Key, this.#cookies.at(now)))
    return message
  }

  /** The 24 bits of the tunnel and a counter that wraps, which starts at 1. */
  #nextIndex(): number {
    this.#indexCounter = (this.#indexCounter + 1) & 0xff
    return this.#localIndex * 256 + this.#indexCounter
  }
}
