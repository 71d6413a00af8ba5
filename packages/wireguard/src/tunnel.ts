import {
  Arena,
  add,
  BoundedQueue,
  CIPHER_SCRATCH_AFTER,
  CIPHER_SCRATCH_BEFORE,
  copyBytes,
  earliest,
  type Instant,
  type IpAddress,
  type Millis,
  millis,
  type Random,
  randomBelow,
  unreachable,
  type WireguardCrypto,
} from '@sallyport/sans-io'
import { MAX_JITTER, REKEY_ATTEMPT_TIME, STOP_SENDING_AFTER_TIME } from './constants.ts'
import { Handshakes, type PeerDefect } from './handshakes.ts'
import { ipPacketLength } from './ip-packet-length.ts'
import { DATA_HEADER_LENGTH, DATA_OVERHEAD, MESSAGE_DATA, messageTypeOf, receiverIndexOf } from './message.ts'
import type { ReceivedInitiation, SessionKeys } from './noise-handshake.ts'
import { OPEN_EXPIRED_SESSION, OPEN_NOT_DATA, OPEN_UNKNOWN_SESSION } from './open-defect.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { type DoorDefect, type ReceivedHandshake, receiveHandshake } from './receive-handshake.ts'
import { Session } from './session.ts'
import { SessionRing } from './session-ring.ts'
import { InvalidPeerKeyError, InvalidPresharedKeyError, type StaticKeyPair } from './static-key.ts'
import type { CalendarAnchor } from './tai64n.ts'
import { type Role, Timers } from './timers.ts'

/** How many packets wait for a session. */
export const QUEUED_PACKETS = 256

/** Options of a {@link Tunnel}. */
export interface TunnelOptions {
  readonly crypto: WireguardCrypto
  readonly random: Random
  /** Who we are. */
  readonly identity: StaticKeyPair
  /** Who the peer is: 32 bytes. */
  readonly peerPublicKey: Uint8Array
  /** A secret that both know beforehand: 32 bytes. None by default. */
  readonly presharedKey?: Uint8Array
  /** 24 bits that are unique among the tunnels of a node: the upper part of all its receiver indices. */
  readonly localIndex: number
  /** Shared by all tunnels of one identity. */
  readonly rateLimiter: RateLimiter
  /** Ties the monotonic clock to the calendar, which dates our initiations. */
  readonly calendar: CalendarAnchor
  /** How long initiations are repeated without an answer; {@link REKEY_ATTEMPT_TIME} by default. */
  readonly rekeyAttemptTime?: Millis
}

/** What a {@link Tunnel} tells its owner. */
export type TunnelEvent =
  /** A session was made. A responder sends on it once the peer has. */
  | { readonly type: 'established'; readonly role: Role }
  /** The tunnel is dead for good: the peer didn't answer, or there was no session for nine minutes. */
  | { readonly type: 'expired' }

/** Why a datagram was refused by {@link Tunnel.handleHandshake}. */
export type HandshakeDefect = DoorDefect | PeerDefect | 'under-load' | 'expired'

/**
 * WireGuard with one peer: handshakes and timers as a machine, packets as plain calls between them.
 *
 * Control follows the contract of `SansIo`: after every call, drain {@link pollTransmit} and {@link pollEvent}, then
 * sleep until {@link pollTimeout}. {@link seal} and {@link open} allocate nothing as long as a session is there.
 */
export class Tunnel {
  /** The upper 24 bits of the receiver indices of this tunnel. */
  readonly localIndex: number
  readonly #options: TunnelOptions
  readonly #handshakes: Handshakes
  readonly #timers: Timers
  readonly #sessions = new SessionRing()
  readonly #waiting = new BoundedQueue<Uint8Array>(QUEUED_PACKETS)
  /** Room for all that waits and the messages around it. */
  readonly #transmits = new BoundedQueue<Uint8Array>(2 * QUEUED_PACKETS)
  readonly #events = new BoundedQueue<TunnelEvent>(64, 'drop-oldest')
  #sessionCount = 0
  #isExpired = false

  /** Throws an {@link InvalidPeerKeyError} or {@link InvalidPresharedKeyError} for keys that can't be used. */
  constructor(options: TunnelOptions, now: Instant) {
    const { crypto, random, identity, peerPublicKey, presharedKey = new Uint8Array(32), localIndex, calendar } = options
    if (localIndex !== (localIndex & 0xffffff)) throw new RangeError(`${localIndex} is no 24-bit index`)
    if (presharedKey.length !== 32) throw new InvalidPresharedKeyError(presharedKey.length)
    if (peerPublicKey.length !== 32) throw new InvalidPeerKeyError()
    const staticStatic = crypto.x25519.diffieHellman(identity.privateKey, peerPublicKey)
    if (staticStatic === undefined) throw new InvalidPeerKeyError()
    const acquaintance = {
      identity,
      peerPublicKey: copyBytes(peerPublicKey),
      staticStatic,
      presharedKey: copyBytes(presharedKey),
    }
    this.localIndex = localIndex
    this.#options = options
    this.#handshakes = new Handshakes(crypto, random, acquaintance, localIndex, calendar)
    this.#timers = new Timers(options.rekeyAttemptTime ?? REKEY_ATTEMPT_TIME, now)
  }

  /** Whether the tunnel is dead for good. */
  get isExpired(): boolean {
    return this.#isExpired
  }

  /** Whether an initiation of ours waits for its response. */
  get isHandshakeInFlight(): boolean {
    return this.#handshakes.isInFlight
  }

  /** Returns whether a packet that is sealed at `now` would leave at once. */
  canSeal(now: Instant): boolean {
    return this.#sendingSession(now) !== undefined
  }

  // ---- packets

  /**
   * Seals the packet of `length` bytes at `from`. An empty one is a keepalive.
   *
   * The ciphertext comes to lie at `into`, its tag behind it and the header of 16 bytes in front; `into` may be `from`.
   * Scratch space in the arena is that of `TransportCipher`: 64 bytes in front of `from` and `into`, 32 behind.
   *
   * @returns the length of the datagram, which begins at `into - 16` and is 32 bytes longer than the packet; or 0 if
   * there is no session to send on. Then a handshake is under way, and {@link queuePacket} lets the packet wait for it.
   */
  seal(arena: Arena, from: number, length: number, into: number, now: Instant): number {
    const session = this.#sendingSession(now)
    if (session === undefined) {
      this.startHandshake(now)
      return 0
    }
    if (length === 0) this.#timers.sentOther()
    else this.#timers.sentPacket(now)
    return session.seal(arena, from, length, into)
  }

  /**
   * Opens the data message of `length` bytes at `from`.
   *
   * The packet comes to lie at `into`, which is usually `from + 16`. `length - 32` bytes there are written to. Padding
   * behind the packet is cut off. Scratch space is that of `TransportCipher`: 64 bytes in front of both ciphertext and
   * packet.
   *
   * @returns the length of the packet; 0 for a keepalive; a negative `OpenDefect` if it is refused.
   */
  open(arena: Arena, from: number, length: number, into: number, now: Instant): number {
    if (messageTypeOf(arena.bytes, from, length) !== MESSAGE_DATA) return OPEN_NOT_DATA
    const session = this.#sessions.get(receiverIndexOf(arena.bytes, from, MESSAGE_DATA))
    if (session === undefined) return OPEN_UNKNOWN_SESSION
    if (session.isExpired(now)) return OPEN_EXPIRED_SESSION
    const plaintextLength = session.open(arena, from, length, into)
    if (plaintextLength < 0) return plaintextLength
    // The first message on a new session shows a responder that the initiator has it too (paper §5.4.6).
    if (this.#sessions.use(session)) this.#sendWaiting(now)
    if (plaintextLength === 0) {
      this.#timers.receivedOther()
      return 0
    }
    this.#timers.receivedPacket(now)
    return ipPacketLength(arena.bytes, into, plaintextLength)
  }

  /**
   * Lets a packet wait for a session; it leaves through {@link pollTransmit}. `packet` is handed over.
   *
   * Returns whether there was room: {@link QUEUED_PACKETS} wait at most.
   */
  queuePacket(packet: Uint8Array): boolean {
    return !this.#isExpired && this.#waiting.push(packet)
  }

  // ---- handshakes

  /** Sends an initiation, unless one is in flight or the tunnel is expired. Returns whether it did. */
  startHandshake(now: Instant): boolean {
    if (this.#isExpired || this.#handshakes.isInFlight) return false
    this.#initiate(now)
    return true
  }

  /**
   * Feeds a datagram that is no data message, for owners of a single tunnel.
   *
   * Owners of many call `receiveHandshake` once and route what it returns to {@link handleReceived}. `remote` is where
   * the datagram came from: it is asked for a cookie when there is much to do.
   *
   * @returns why the datagram was refused, or `undefined` if it wasn't.
   */
  handleHandshake(datagram: Uint8Array, remote: IpAddress | undefined, now: Instant): HandshakeDefect | undefined {
    const received = receiveHandshake(this.#options, datagram, remote, now)
    if (received.type === 'turned-away') return received.defect
    if (received.type !== 'under-load') return this.handleReceived(received, now)
    if (received.cookieReply !== undefined) this.#transmits.push(received.cookieReply)
    return 'under-load'
  }

  /** Feeds a handshake message that `receiveHandshake` has let in. Returns why it was refused, if it was. */
  handleReceived(received: ReceivedHandshake, now: Instant): HandshakeDefect | undefined {
    if (this.#isExpired) return 'expired'
    switch (received.type) {
      case 'initiation':
        return this.#handleInitiation(received.initiation, now)
      case 'response':
        return this.#handleResponse(received.message, now)
      case 'cookie-reply':
        return this.#handshakes.receiveCookie(received.message, now)
      default:
        return unreachable(received)
    }
  }

  #handleInitiation(initiation: ReceivedInitiation, now: Instant): HandshakeDefect | undefined {
    const answer = this.#handshakes.respond(initiation, now)
    if (typeof answer === 'string') return answer
    this.#storeSession(answer.keys, 'responder', now)
    this.#timers.sentOther()
    this.#transmits.push(answer.message)
    return undefined
  }

  #handleResponse(message: Uint8Array, now: Instant): HandshakeDefect | undefined {
    const keys = this.#handshakes.complete(message)
    if (typeof keys === 'string') return keys
    this.#sessions.use(this.#storeSession(keys, 'initiator', now))
    this.#sendCopy(EMPTY_PACKET, now) // confirms the session to the responder
    this.#sendWaiting(now)
    return undefined
  }

  #storeSession(keys: SessionKeys, role: Role, now: Instant): Session {
    const session = new Session(this.#options.crypto.transport, keys, this.#sessionCount++, now)
    this.#sessions.store(session)
    this.#timers.established(role, now)
    this.#events.push({ type: 'established', role })
    return session
  }

  #initiate(now: Instant): void {
    this.#transmits.push(this.#handshakes.initiate(now))
    this.#timers.sentInitiation(now)
  }

  /** A responder of the last handshake uses a session to its end; an initiator stops so early that answers arrive. */
  #sendingSession(now: Instant): Session | undefined {
    const session = this.#sessions.current
    if (session === undefined || session.isExpired(now)) return undefined
    if (this.#timers.role === 'initiator' && now > add(session.createdAt, STOP_SENDING_AFTER_TIME)) return undefined
    return session
  }

  #sendWaiting(now: Instant): void {
    for (let packet: Uint8Array | undefined; (packet = this.#waiting.shift()) !== undefined; )
      this.#sendCopy(packet, now)
  }

  /** Seals a packet of control size to a datagram of its own. */
  #sendCopy(packet: Uint8Array, now: Instant): void {
    const from = CIPHER_SCRATCH_BEFORE
    const arena = Arena.ofLength(from + packet.length + CIPHER_SCRATCH_AFTER)
    arena.bytes.set(packet, from)
    const length = this.seal(arena, from, packet.length, from, now)
    const start = from - DATA_HEADER_LENGTH
    if (length > 0) this.#transmits.push(copyBytes(arena.bytes.subarray(start, start + packet.length + DATA_OVERHEAD)))
  }

  // ---- time

  /** Does what is due at `now`. Harmless when nothing is. */
  handleTimeout(now: Instant): void {
    if (this.#isExpired) return
    this.#dropExpiredSessions(now)
    for (let action = this.#timers.due(now); action !== undefined; action = this.#timers.due(now)) {
      switch (action) {
        case 'expire':
          this.#expire()
          return
        case 'plan-handshake':
          this.#planHandshake(now)
          break
        case 'send-handshake':
          this.#initiate(now)
          break
        case 'send-keepalive':
          this.#timers.sentOther() // even if there is no session to send it on
          if (this.canSeal(now)) this.#sendCopy(EMPTY_PACKET, now)
          break
        default:
          unreachable(action)
      }
    }
  }

  /** An initiator that loses its last session makes another one: an idle tunnel stays usable at once. */
  #dropExpiredSessions(now: Instant): void {
    const had = this.#sessions.current !== undefined
    this.#sessions.dropExpired(now)
    const lost = had && this.#sessions.current === undefined
    if (lost && !this.#handshakes.isInFlight && this.#timers.role === 'initiator') this.#planHandshake(now)
  }

  /** A little chance keeps both sides from doing the same at the same time, for ever (paper §6.1). */
  #planHandshake(now: Instant): void {
    this.#timers.plan(add(now, millis(randomBelow(this.#options.random, MAX_JITTER + 1))))
  }

  #expire(): void {
    this.#isExpired = true
    this.#handshakes.abandon()
    this.#sessions.clear()
    this.#waiting.clear()
    this.#events.push({ type: 'expired' })
  }

  // ---- polls

  /** Takes the next datagram to send to the peer, or `undefined`. It belongs to the caller. */
  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift()
  }

  /** Takes the next thing that the owner should know, or `undefined`. */
  pollEvent(): TunnelEvent | undefined {
    return this.#events.shift()
  }

  /** Peeks at when {@link handleTimeout} is next due; `undefined` once the tunnel is expired. Any call may change it. */
  pollTimeout(): Instant | undefined {
    return this.#isExpired ? undefined : earliest(this.#timers.next, this.#sessions.nextExpiry)
  }
}

const EMPTY_PACKET = new Uint8Array(0)
