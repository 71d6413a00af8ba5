import { portableCrypto } from '@sallyport/crypto'
import {
  Arena,
  add,
  earliest,
  type Instant,
  IpAddress,
  type Millis,
  type Random,
  seededRandom,
  toHex,
  type WallClock,
} from '@sallyport/sans-io'
import {
  DATA_HEADER_LENGTH,
  type HandshakeDefect,
  MESSAGE_DATA,
  messageTypeOf,
  type OpenDefect,
  openDefectName,
  RateLimiter,
  type StaticKeyPair,
  staticKeyPair,
  Tunnel,
  type TunnelEvent,
  type TunnelOptions,
} from '../src/index.ts'
import { somePacket } from './packets.ts'

/** Decides what becomes of a datagram on the wire: the delays of its copies. None: lost. */
export type Fate = (datagram: Uint8Array, from: Side) => readonly Millis[]

const UNHARMED: Fate = () => [0 as Millis]

/** One end of the wire, with everything that reached it. */
export class Side {
  readonly name: string
  readonly ip: IpAddress
  readonly identity: StaticKeyPair
  readonly tunnel: Tunnel
  /** Packets received, in hexadecimal. */
  readonly packets: string[] = []
  readonly events: TunnelEvent[] = []
  readonly defects: (HandshakeDefect | string)[] = []
  /** Every datagram sent: when, and of which type. */
  readonly sent: { readonly at: number; readonly type: number; readonly length: number }[] = []
  /** Keepalives received. */
  keepalives = 0

  constructor(name: string, ip: string, identity: StaticKeyPair, tunnel: Tunnel) {
    this.name = name
    this.ip = IpAddress.of(ip)
    this.identity = identity
    this.tunnel = tunnel
  }

  /** How many datagrams of `type` were sent. */
  count(type: number): number {
    return this.sent.filter(datagram => datagram.type === type).length
  }

  /** When datagrams of `type` were sent. */
  times(type: number): number[] {
    return this.sent.filter(datagram => datagram.type === type).map(({ at }) => at)
  }
}

/** Options of a {@link Pair}. */
export interface PairOptions {
  readonly seed?: number
  readonly alice?: Partial<TunnelOptions>
  readonly bob?: Partial<TunnelOptions>
  /** Handshake messages per second that both answer without a cookie. */
  readonly limit?: number
}

/** Two tunnels, an imaginary wire, and time that jumps to the next deadline. */
export class Pair {
  now = 1000 as Instant
  readonly alice: Side
  bob: Side
  fate: Fate = UNHARMED
  readonly #random: Random
  readonly #options: PairOptions
  readonly #wire: { readonly at: Instant; readonly to: Side; readonly datagram: Uint8Array }[] = []

  constructor(options: PairOptions = {}) {
    this.#random = seededRandom(options.seed ?? 1)
    this.#options = options
    this.alice = this.#side('alice', '192.0.2.1', ALICE, BOB, 0x123456, options.alice)
    this.bob = this.#side('bob', '192.0.2.2', BOB, ALICE, 0xabcdef, options.bob)
  }

  /** Replaces bob by a newly started one with the same keys and another index. */
  restartBob(): void {
    this.bob = this.#side('bob', '192.0.2.2', BOB, ALICE, 0x0b0b0b, this.#options.bob)
  }

  /** Makes a session by a handshake of alice. */
  connect(): this {
    this.alice.tunnel.startHandshake(this.now)
    this.settle()
    return this
  }

  /** Sends a packet, which waits if it must. Returns it in hexadecimal. */
  send(from: Side, packet: Uint8Array = somePacket(this.#random)): string {
    const datagram = sealed(from.tunnel, packet, this.now)
    if (datagram === undefined) from.tunnel.queuePacket(packet)
    else this.#put(from, datagram)
    return toHex(packet)
  }

  /** Delivers what is on the wire at this instant, and what that brings about, until all is quiet. */
  settle(): void {
    for (;;) {
      this.#drain(this.alice)
      this.#drain(this.bob)
      const index = this.#wire.findIndex(({ at }) => at <= this.now)
      const next = this.#wire[index]
      if (next === undefined) return
      this.#wire.splice(index, 1)
      if (next.to === this.alice || next.to === this.bob) this.#deliver(next.to, next.datagram)
    }
  }

  /** Lets `length` pass: every deadline and every arrival in it happens in its time. */
  run(length: Millis): void {
    const end = add(this.now, length)
    this.settle()
    for (;;) {
      const arrivals = this.#wire.map(({ at }) => at)
      const next = earliest(this.alice.tunnel.pollTimeout(), this.bob.tunnel.pollTimeout(), ...arrivals)
      if (next === undefined || next > end) break
      if (next < this.now) throw new Error(`a wake-up at ${next}, in the past of ${this.now}`)
      this.now = next
      for (const { tunnel } of [this.alice, this.bob]) {
        tunnel.handleTimeout(this.now)
        const deadline = tunnel.pollTimeout()
        if (deadline !== undefined && deadline <= this.now) throw new Error('a deadline that is not later than now')
      }
      this.settle()
    }
    this.now = end
  }

  /** Lets `length` pass while `from` sends a packet every `interval`. */
  runSending(from: Side, interval: Millis, length: Millis): void {
    for (const end = add(this.now, length); this.now < end; ) {
      this.send(from)
      this.run(Math.min(interval, end - this.now) as Millis)
    }
  }

  /** Delivers `datagram` to `to`, whoever sent it. */
  inject(to: Side, datagram: Uint8Array): void {
    this.#deliver(to, datagram)
    this.settle()
  }

  #drain(side: Side): void {
    for (let event: TunnelEvent | undefined; (event = side.tunnel.pollEvent()) !== undefined; ) side.events.push(event)
    for (let datagram: Uint8Array | undefined; (datagram = side.tunnel.pollTransmit()) !== undefined; )
      this.#put(side, datagram)
  }

  #put(from: Side, datagram: Uint8Array): void {
    from.sent.push({ at: this.now, type: datagram[0]!, length: datagram.length })
    const to = from === this.alice ? this.bob : this.alice
    for (const delay of this.fate(datagram, from)) this.#wire.push({ at: add(this.now, delay), to, datagram })
  }

  #deliver(to: Side, datagram: Uint8Array): void {
    if (messageTypeOf(datagram, 0, datagram.length) !== MESSAGE_DATA) {
      const from = to === this.alice ? this.bob : this.alice
      const defect = to.tunnel.handleHandshake(datagram, from.ip, this.now)
      if (defect !== undefined) to.defects.push(defect)
      return
    }
    const opened = openCopy(to.tunnel, datagram, this.now)
    if (typeof opened === 'number') to.defects.push(openDefectName(opened))
    else if (opened.length === 0) to.keepalives++
    else to.packets.push(toHex(opened))
  }

  #side(
    name: string,
    ip: string,
    identity: StaticKeyPair,
    peer: StaticKeyPair,
    localIndex: number,
    options: Partial<TunnelOptions> = {},
  ): Side {
    const { limit = 100 } = this.#options
    const random = this.#random
    const rateLimiter = new RateLimiter(
      { crypto: portableCrypto, random, publicKey: identity.publicKey, limit },
      this.now,
    )
    const tunnel = new Tunnel(
      {
        crypto: portableCrypto,
        random,
        identity,
        peerPublicKey: peer.publicKey,
        localIndex,
        rateLimiter,
        calendar: { instant: this.now, wallClock: (1_758_585_600_000 + this.now) as WallClock },
        ...options,
      },
      this.now,
    )
    return new Side(name, ip, identity, tunnel)
  }
}

export const ALICE: StaticKeyPair = staticKeyPair(portableCrypto, new Uint8Array(32).fill(0x11))
export const BOB: StaticKeyPair = staticKeyPair(portableCrypto, new Uint8Array(32).fill(0x22))
export const MALLORY: StaticKeyPair = staticKeyPair(portableCrypto, new Uint8Array(32).fill(0x66))

/** Seals `packet` in an arena of its own. */
export function sealed(tunnel: Tunnel, packet: Uint8Array, now: Instant): Uint8Array | undefined {
  const arena = Arena.ofLength(64 + packet.length + 64)
  arena.bytes.set(packet, 64)
  const length = tunnel.seal(arena, 64, packet.length, 64, now)
  return length === 0 ? undefined : arena.bytes.slice(64 - DATA_HEADER_LENGTH, 64 - DATA_HEADER_LENGTH + length)
}

/** Opens a copy of `datagram` in an arena of its own. */
export function openCopy(tunnel: Tunnel, datagram: Uint8Array, now: Instant): Uint8Array | OpenDefect {
  const arena = Arena.ofLength(64 + datagram.length + 64)
  arena.bytes.set(datagram, 64)
  const into = 64 + DATA_HEADER_LENGTH
  const length = tunnel.open(arena, 64, datagram.length, into, now)
  return length < 0 ? (length as OpenDefect) : arena.bytes.slice(into, into + length)
}

/** Loses everything. */
export const LOST: Fate = () => []

/** Delivers everything after `length`. */
export const delayed =
  (length: Millis): Fate =>
  () => [length]
