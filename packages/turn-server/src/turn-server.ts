import {
  add,
  BoundedQueue,
  type Datagram,
  earliest,
  elapsed,
  type Instant,
  type Logger,
  minutes,
  type PacketBuffer,
  type Random,
  type SansIo,
  type SocketAddress,
  type StunCrypto,
  seconds,
  silentLogger,
  type Transmit,
  unreachable,
  type WallClock,
} from '@sallyport/sans-io'
import { attributeOf, type StunAttribute, type StunHeader, type StunMessage } from '@sallyport/stun'
import { chooseAddresses, type PublicAddresses } from './address-family.ts'
import { type Allocation, relayedAddress } from './allocation.ts'
import { AllocationTable } from './allocation-table.ts'
import { Authentication } from './authentication.ts'
import { NoPublicAddressError } from './errors.ts'
import { Forwarding, type ForwardingStats } from './forwarding.ts'
import { Nonces } from './nonces.ts'
import { PortPool } from './port-pool.ts'
import { type AllocateRequest, type ChannelBindRequest, readRequest, type TurnRequest } from './request.ts'
import { type ErrorCode, ResponseWriter } from './response.ts'
import type { TurnServerEvent } from './turn-server-event.ts'

/** The lifetime of an allocation whose client doesn't ask for one (RFC 8656 §3.2). */
export const DEFAULT_LIFETIME_SECONDS = 600

/** The longest lifetime that an allocation gets at a time (RFC 8656 §7.2). */
export const MAX_LIFETIME_SECONDS = 3600

/** What a {@link TurnServer} is made of. */
export interface TurnServerOptions {
  /** The addresses under which relayed ports are reached from outside. */
  readonly addresses: PublicAddresses
  /** What usernames' passwords are derived from; see `newStampSecret`. */
  readonly secret: string
  readonly crypto: StunCrypto
  readonly random: Random
  /** A moment on both clocks: credentials end by the calendar. */
  readonly calendar: { readonly instant: Instant; readonly wallClock: WallClock }
  /** The relayed ports, both ends included: by default 49152 to 65535. */
  readonly ports?: { readonly lowest: number; readonly highest: number }
  /** `firezone` by default, which is what Firezone's clients expect. */
  readonly realm?: string
  /** How the server calls itself in its responses. */
  readonly software?: string
  /** How many channels there may be in all: by default 262144. */
  readonly maxChannels?: number
  /** How many clients' nonces are remembered: by default 65536. */
  readonly maxNonces?: number
  readonly logger?: Logger
}

/** What a {@link TurnServer} counts. Plain numbers, to be read at any time. */
export interface TurnServerStats extends ForwardingStats {
  /** Success responses sent. */
  successes: number
  /** Error responses sent. */
  errors: number
}

/**
 * A STUN (RFC 8489) and TURN (RFC 8656) server over UDP that relays through channels only.
 *
 * Control: STUN requests come in through {@link handleInput} or with {@link handleClientDatagrams}, responses go out
 * through `pollTransmit`, from the address on which the request came in. Data: {@link handleClientDatagrams} and
 * {@link handlePeerDatagrams} answer with verdicts.
 */
export class TurnServer implements SansIo<Datagram, Transmit, TurnServerEvent> {
  /** What has happened so far. */
  readonly stats: TurnServerStats = {
    relayedBytes: 0,
    relayedDatagrams: 0,
    droppedDatagrams: 0,
    successes: 0,
    errors: 0,
  }
  readonly #options: TurnServerOptions
  readonly #logger: Logger
  readonly #ports: PortPool
  readonly #authentication: Authentication
  readonly #responses: ResponseWriter
  readonly #table: AllocationTable
  readonly #forwarding: Forwarding
  readonly #transmits = new BoundedQueue<Transmit>(MAX_RESPONSES)
  /** As long as what happens between two drains: at most what there is of allocations and channels. */
  #events: TurnServerEvent[] = []
  #nextEvent = 0
  /** Ports that couldn't be opened, until when they are left alone. */
  readonly #brokenPorts = new Map<number, Instant>()

  /**
   * @throws `NoPublicAddressError` without any address, or a `RangeError` for ports that are none.
   */
  constructor(options: TurnServerOptions) {
    const { v4, v6 } = options.addresses
    const addresses = [v4, v6].filter(ip => ip !== undefined)
    if (addresses.length === 0) throw new NoPublicAddressError()
    const { lowest, highest } = options.ports ?? { lowest: 49152, highest: 65535 }
    const nonces = new Nonces(options.random, options.maxNonces ?? 65_536)
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#ports = new PortPool(lowest, highest, options.random)
    this.#authentication = new Authentication(options.realm ?? 'firezone', options.secret, nonces, options.crypto)
    this.#responses = new ResponseWriter(options.software ?? 'sallyport-relay', options.crypto)
    this.#table = new AllocationTable(addresses, options.maxChannels ?? 262_144, event => this.#events.push(event))
    this.#forwarding = new Forwarding(this.#table, this.stats)
  }

  /** Takes a datagram of control from a client: a STUN request. Returns false for anything else, ChannelData included. */
  handleInput(datagram: Datagram, now: Instant): boolean {
    const { remote } = datagram
    if (remote.port === 0) return false // can't be answered
    const request = readRequest(datagram.payload)
    if (request === undefined) return false
    if (request.type === 'bad') this.#fail(request.header, request.code, datagram)
    else if (request.type === 'binding')
      this.#succeed(request.message, [{ type: 'xor-mapped-address', value: remote }], datagram)
    else this.#handleAuthenticated(request, datagram, now)
    return true
  }

  handleTimeout(now: Instant): void {
    for (const port of this.#table.expire(now)) this.#ports.release(port)
    for (const [port, until] of this.#brokenPorts) {
      if (until > now) break // in the order in which they broke
      this.#brokenPorts.delete(port)
      this.#ports.release(port)
    }
  }

  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift()
  }

  pollEvent(): TurnServerEvent | undefined {
    const event = this.#events[this.#nextEvent]
    if (event !== undefined) this.#nextEvent++
    else if (this.#nextEvent > 0) {
      this.#events = []
      this.#nextEvent = 0
    }
    return event
  }

  pollTimeout(): Instant | undefined {
    const [firstBroken] = this.#brokenPorts.values()
    return earliest(this.#table.next, firstBroken)
  }

  /**
   * Takes a batch that clients have sent to the listening sockets, ChannelData and requests mixed.
   *
   * @param datagrams - Received; entries with a `segmentSize` are several datagrams of one client. Borrowed, but what is
   *   appended to `out` lies in it.
   * @param out - In the same arena, with room for a header of 4 bytes in each slot. For each datagram that is relayed an
   *   entry is appended; `peer` says from which relayed port it leaves, or is `LISTENING_SOCKET`.
   */
  handleClientDatagrams(datagrams: PacketBuffer, out: PacketBuffer, now: Instant): void {
    checkArenas(datagrams, out)
    const { bytes } = datagrams.arena
    let client: SocketAddress | undefined
    let allocation: Allocation | undefined
    for (let i = 0; i < datagrams.count; i++) {
      const remote = datagrams.remote[i]
      const local = datagrams.local[i]
      if (remote === undefined || local === undefined) continue
      if (remote !== client) {
        client = remote
        allocation = this.#forwarding.allocationOf(remote)
      }
      const end = datagrams.offset[i]! + datagrams.length[i]!
      const step = datagrams.segmentSize[i]! || datagrams.length[i]!
      for (let offset = datagrams.offset[i]!; offset < end; offset += step) {
        const length = Math.min(step, end - offset)
        if (isChannelData(bytes[offset]!)) {
          this.#forwarding.fromClient(allocation, datagrams, offset, length, out)
        } else if (this.handleInput({ local, remote, payload: bytes.subarray(offset, offset + length) }, now)) {
          allocation = this.#forwarding.allocationOf(remote) // it may have come or gone
        }
      }
    }
  }

  /**
   * Takes a batch that peers have sent to one relayed port.
   *
   * @param port - The relayed port.
   * @param datagrams - As for {@link handleClientDatagrams}.
   * @param out - As for {@link handleClientDatagrams}; every entry leaves from the listening socket, with a header.
   */
  handlePeerDatagrams(port: number, datagrams: PacketBuffer, out: PacketBuffer): void {
    checkArenas(datagrams, out)
    for (let i = 0; i < datagrams.count; i++) {
      const remote = datagrams.remote[i]
      if (remote === undefined) continue
      const end = datagrams.offset[i]! + datagrams.length[i]!
      const step = datagrams.segmentSize[i]! || Math.max(1, datagrams.length[i]!)
      let offset = datagrams.offset[i]!
      do {
        this.#forwarding.fromPeer(port, remote, offset, Math.min(step, end - offset), out)
        offset += step
      } while (offset < end) // an empty datagram is relayed, too
    }
  }

  /**
   * Ends the allocation whose port couldn't be opened. The port is left alone for a while; the client finds out with its
   * next request (437) and allocates anew.
   */
  handlePortFailure(port: number, now: Instant): void {
    const allocation = this.#table.withPort(port)
    if (allocation === undefined) return
    this.#table.delete(allocation)
    this.#brokenPorts.set(port, add(now, BROKEN_PORT_PAUSE))
  }

  /** How many allocations there are. */
  get allocations(): number {
    return this.#table.size
  }

  /** How many channels carry data. */
  get boundChannels(): number {
    return this.#table.boundChannels
  }

  #handleAuthenticated(request: Exclude<TurnRequest, { type: 'binding' }>, datagram: Datagram, now: Instant): void {
    const { message } = request
    const { instant, wallClock } = this.#options.calendar
    const today = (wallClock + elapsed(instant, now)) as WallClock
    const authenticity = this.#authentication.verify(message, datagram.remote, today)
    if (authenticity.type === 'refused') {
      this.#failSigned(message, authenticity.code, datagram)
      return
    }
    const { key } = authenticity
    const outcome = this.#serve(request, datagram, now)
    if (typeof outcome === 'number') this.#fail(message, outcome, datagram, [], key)
    else this.#succeed(message, outcome, datagram, key)
  }

  /** Returns the attributes of the success response, or the code of the error. */
  #serve(
    request: Exclude<TurnRequest, { type: 'binding' }>,
    datagram: Datagram,
    now: Instant,
  ): readonly StunAttribute[] | ErrorCode {
    switch (request.type) {
      case 'allocate':
        return this.#allocate(request, datagram, now)
      case 'refresh':
        return this.#refresh(request.lifetime, datagram, now)
      case 'channel-bind':
        return this.#bindChannel(request, datagram, now)
      case 'create-permission':
        return [] // channels are the only permissions
      default:
        return unreachable(request)
    }
  }

  #allocate(request: AllocateRequest, { local, remote }: Datagram, now: Instant): readonly StunAttribute[] | ErrorCode {
    if (this.#table.of(remote) !== undefined) return 437
    if (this.#ports.free === 0) return 508
    if (request.transport !== UDP) return 400
    const ips = chooseAddresses(this.#options.addresses, request.requestedFamily, request.additionalFamily)
    if (typeof ips === 'number') return ips
    const lifetime = grant(request.lifetime)
    const port = this.#ports.take()!
    const { relayed } = this.#table.create(remote, local, port, ips, add(now, seconds(lifetime)))
    this.#logger.debug({ client: remote.key, port, lifetime }, 'allocated')
    return [
      ...relayed.map(value => ({ type: 'xor-relayed-address', value }) as const),
      { type: 'xor-mapped-address', value: remote },
      { type: 'lifetime', value: lifetime },
    ]
  }

  #refresh(requested: number | undefined, { local, remote }: Datagram, now: Instant): readonly StunAttribute[] | 437 {
    const allocation = this.#table.of(remote)
    if (allocation === undefined) return 437
    const lifetime = grant(requested)
    if (lifetime === 0) {
      this.#table.delete(allocation)
      this.#ports.release(allocation.port)
      this.#logger.debug({ client: remote.key, port: allocation.port }, 'given back')
    } else {
      allocation.local = local
      this.#table.extend(allocation, add(now, seconds(lifetime)))
    }
    return [{ type: 'lifetime', value: lifetime }]
  }

  #bindChannel(
    { channel, peer }: ChannelBindRequest,
    { local, remote }: Datagram,
    now: Instant,
  ): readonly StunAttribute[] | ErrorCode {
    const allocation = this.#table.of(remote)
    if (allocation === undefined) return 437
    if (relayedAddress(allocation, peer.family) === undefined) return 443
    const conflict = this.#table.bind(allocation, channel, peer, now)
    if (conflict !== undefined) {
      this.#logger.debug({ client: remote.key, channel, peer: peer.key, conflict }, 'not binding a channel')
      return conflict === 'too-many-channels' ? 508 : 400
    }
    allocation.local = local
    return []
  }

  /** Answers a request that isn't its user's: signed for the user that it names, if it names one. */
  #failSigned(message: StunMessage, code: 401 | 438, datagram: Datagram): void {
    const username = attributeOf(message, 'username')
    const key = username === undefined ? undefined : this.#authentication.keyOf(username)
    if (username !== undefined && key === undefined) return // the answer couldn't be verified anyway
    this.#fail(message, code, datagram, this.#authentication.challenge(datagram.remote), key)
  }

  #succeed(request: StunHeader, attributes: readonly StunAttribute[], to: Datagram, key?: Uint8Array): void {
    this.stats.successes++
    this.#respond(to, this.#responses.success(request, attributes, key))
  }

  #fail(
    request: StunHeader,
    code: ErrorCode,
    to: Datagram,
    challenge: readonly StunAttribute[] = [],
    key?: Uint8Array,
  ): void {
    this.stats.errors++
    this.#respond(to, this.#responses.error(request, code, challenge, key))
  }

  #respond({ local, remote }: Datagram, payload: Uint8Array): void {
    this.#transmits.push({ local, remote, payload })
  }
}

const UDP = 17

/** More responses than that between two drains are dropped: clients ask again. */
const MAX_RESPONSES = 4096

/** How long a port that couldn't be opened is left alone: somebody else on this machine has it. */
const BROKEN_PORT_PAUSE = minutes(1)

const grant = (lifetime: number | undefined): number =>
  Math.min(lifetime ?? DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS)

/** RFC 8656 §12: of the four kinds of first byte that a TURN server meets, 64 to 79 is ChannelData. */
const isChannelData = (firstByte: number): boolean => firstByte >= 0x40 && firstByte <= 0x4f

function checkArenas(datagrams: PacketBuffer, out: PacketBuffer): void {
  if (datagrams.arena !== out.arena) throw new Error('a verdict describes bytes in the arena of its datagram')
}
