import {
  BoundedQueue,
  type Datagram,
  earliest,
  elapsed,
  type Instant,
  type Logger,
  type PacketBuffer,
  type Random,
  type SansIo,
  type SocketAddress,
  type StunCrypto,
  silentLogger,
  type Transmit,
  type WallClock,
} from '@sallyport/sans-io'
import { attributeOf, type StunHeader } from '@sallyport/stun'
import type { PublicAddresses } from './address-family.ts'
import type { Allocation } from './allocation.ts'
import { AllocationTable } from './allocation-table.ts'
import { Authentication } from './authentication.ts'
import { NoPublicAddressError } from './errors.ts'
import { Forwarding } from './forwarding.ts'
import { isSendIndication, MAX_INDICATION_HEADER_LENGTH } from './indication.ts'
import { Nonces } from './nonces.ts'
import { PeerPolicy, type PeerRules } from './peer-policy.ts'
import { PortPool } from './port-pool.ts'
import { RecentResponses } from './recent-responses.ts'
import { ReplyBudget } from './reply-budget.ts'
import { type AuthenticatedRequest, readRequest, unknownAttributes } from './request.ts'
import { failure, type Response, ResponseWriter, success } from './response.ts'
import { Service } from './service.ts'
import type { TurnServerEvent } from './turn-server-event.ts'
import { countDrop, newStats, type TurnServerStats } from './turn-server-stats.ts'

/** What a {@link TurnServer} is made of. */
export interface TurnServerOptions {
  /** The addresses under which relayed ports are reached from outside. */
  readonly addresses: PublicAddresses
  /** What usernames' passwords are derived from; see `newStampSecret`. */
  readonly secret: string
  readonly crypto: StunCrypto
  readonly random: Random
  /** A moment on both clocks, not later than any that the server is told: credentials end by the calendar. */
  readonly calendar: { readonly instant: Instant; readonly wallClock: WallClock }
  /** The relayed ports, both ends included: by default 49152 to 65535. */
  readonly ports?: { readonly lowest: number; readonly highest: number }
  /** `firezone` by default, which is what Firezone's clients expect. */
  readonly realm?: string
  /** How the server calls itself in its responses. */
  readonly software?: string
  /** Which peers clients may have, beyond what is always denied: see {@link PeerPolicy}. */
  readonly peers?: PeerRules
  /** How many allocations there may be in all: by default as many as ports. */
  readonly maxAllocations?: number
  /** How many allocations a user may have at a time: by default 100. */
  readonly maxAllocationsPerUser?: number
  /** How many channels there may be in all: by default 262144. One user gets at most half of them. */
  readonly maxChannels?: number
  /** How many permissions there may be in all: by default 262144. One user gets at most half of them. */
  readonly maxPermissions?: number
  readonly logger?: Logger
}

/**
 * A STUN (RFC 8489) and TURN (RFC 8656) server over UDP.
 *
 * Control: STUN requests come in through {@link handleInput} or with {@link handleClientDatagrams}, responses go out
 * through `pollTransmit`, from the address on which the request came in. Data: {@link handleClientDatagrams} and
 * {@link handlePeerDatagrams} answer with verdicts.
 */
export class TurnServer implements SansIo<Datagram, Transmit, TurnServerEvent> {
  /** What has happened so far. */
  readonly stats: TurnServerStats = newStats()
  readonly #calendar: TurnServerOptions['calendar']
  readonly #authentication: Authentication
  readonly #responses: ResponseWriter
  readonly #recent = new RecentResponses()
  readonly #budget: ReplyBudget
  readonly #table: AllocationTable
  readonly #service: Service
  readonly #forwarding: Forwarding
  readonly #transmits = new BoundedQueue<Transmit>(MAX_RESPONSES)
  /** As long as what happens between two drains: at most what there is of allocations and channels. */
  #events: TurnServerEvent[] = []
  #nextEvent = 0

  /**
   * @throws `NoPublicAddressError` without any address, or a `RangeError` for ports that are none.
   */
  constructor(options: TurnServerOptions) {
    const { addresses, random, crypto, calendar } = options
    const own = [addresses.v4, addresses.v6].filter(ip => ip !== undefined)
    if (own.length === 0) throw new NoPublicAddressError()
    const range = options.ports ?? { lowest: 49152, highest: 65535 }
    const ports = new PortPool(range.lowest, range.highest, random)
    const nonces = new Nonces(random, crypto, calendar.instant)
    const policy = new PeerPolicy(addresses, range, options.peers ?? {})
    const limits = { maxChannels: options.maxChannels ?? 262_144, maxPermissions: options.maxPermissions ?? 262_144 }
    this.#calendar = calendar
    this.#authentication = new Authentication(options.realm ?? 'firezone', options.secret, nonces, crypto)
    this.#responses = new ResponseWriter(options.software ?? 'sallyport-relay', crypto)
    this.#budget = new ReplyBudget(random, calendar.instant)
    this.#table = new AllocationTable(own, policy, limits, event => this.#events.push(event))
    this.#service = new Service({
      addresses,
      table: this.#table,
      ports,
      policy,
      logger: options.logger ?? silentLogger,
      maxAllocations: options.maxAllocations ?? ports.free,
      maxAllocationsPerUser: options.maxAllocationsPerUser ?? 100,
    })
    this.#forwarding = new Forwarding(this.#table, this.stats, random)
  }

  /** Takes a datagram of control from a client: a STUN request. Returns false for anything else, data included. */
  handleInput(datagram: Datagram, now: Instant): boolean {
    if (datagram.remote.port === 0) return false // can't be answered
    const request = readRequest(datagram.payload)
    if (request === undefined) return false
    if (request.type === 'bad') this.#answerStranger(request.header, failure(request.code), datagram, now)
    else if (request.type === 'binding') {
      const unknown = unknownAttributes(request.message)
      const mapped = { type: 'xor-mapped-address', value: datagram.remote } as const
      const response = unknown.length > 0 ? refuseUnknown(unknown) : success([mapped])
      this.#answerStranger(request.message, response, datagram, now)
    } else this.#handleAuthenticated(request, datagram, now)
    return true
  }

  handleTimeout(now: Instant): void {
    this.#service.expire(now)
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
    return earliest(this.#table.next, this.#service.firstBroken)
  }

  /**
   * Takes a batch that clients have sent to the listening sockets: ChannelData, Send indications and requests mixed.
   *
   * @param datagrams - Received; entries with a `segmentSize` are several datagrams of one client. Borrowed, but what is
   *   appended to `out` lies in it. Up to three bytes behind an entry may be written to.
   * @param out - In the same arena, with room for a header of 48 bytes in each slot. For each datagram that is relayed
   *   an entry is appended; `peer` says from which relayed port it leaves, or is `LISTENING_SOCKET`.
   */
  handleClientDatagrams(datagrams: PacketBuffer, out: PacketBuffer, now: Instant): void {
    checkBuffers(datagrams, out)
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
        const roomEnd = offset + length < end ? offset + length : roomBehind(datagrams, i)
        if (isChannelData(bytes[offset]!)) {
          this.#forwarding.channelData(allocation, datagrams, offset, length, roomEnd, out)
        } else if (isSendIndication(bytes, offset, length)) {
          this.#forwarding.sendIndication(allocation, datagrams, offset, length, roomEnd, out)
        } else if (this.handleInput({ local, remote, payload: bytes.subarray(offset, offset + length) }, now)) {
          allocation = this.#forwarding.allocationOf(remote) // it may have come or gone
        } else countDrop(this.stats, 'malformed')
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
    checkBuffers(datagrams, out)
    for (let i = 0; i < datagrams.count; i++) {
      const remote = datagrams.remote[i]
      if (remote === undefined) continue
      const end = datagrams.offset[i]! + datagrams.length[i]!
      const step = datagrams.segmentSize[i]! || Math.max(1, datagrams.length[i]!)
      let offset = datagrams.offset[i]!
      do {
        const length = Math.min(step, end - offset)
        const roomEnd = offset + length < end ? offset + length : roomBehind(datagrams, i)
        this.#forwarding.fromPeer(port, remote, offset, length, roomEnd, out)
        offset += step
      } while (offset < end) // an empty datagram is relayed, too
    }
  }

  /**
   * Ends the allocation whose port couldn't be opened. The port is left alone for a while; the client finds out with its
   * next request (437) and allocates anew.
   */
  handlePortFailure(port: number, now: Instant): void {
    this.#service.handlePortFailure(port, now)
  }

  /** Makes no allocations any more (508), and keeps those that there are for as long as their clients want them. */
  drain(): void {
    this.#service.drain()
  }

  /** How many allocations there are. */
  get allocations(): number {
    return this.#table.size
  }

  /** How many channels carry data. */
  get boundChannels(): number {
    return this.#table.boundChannels
  }

  /** How many permissions there are. */
  get permissions(): number {
    return this.#table.permissions
  }

  #handleAuthenticated(request: AuthenticatedRequest, datagram: Datagram, now: Instant): void {
    const { message } = request
    const { remote } = datagram
    const today = (this.#calendar.wallClock + elapsed(this.#calendar.instant, now)) as WallClock
    const authenticity = this.#authentication.verify(message, remote, now, today)
    if (authenticity.type === 'refused') {
      const username = attributeOf(message, 'username')
      const key = username === undefined ? undefined : this.#authentication.keyOf(username)
      const isClaim = message.integrityOffset !== undefined && attributeOf(message, 'nonce') !== undefined
      if (authenticity.code === 401 && isClaim) this.stats.authenticationFailures++
      if (!this.#budget.has(remote, LEAST_CHALLENGE - datagram.payload.length, now)) {
        this.stats.withheldResponses++ // before anything is hashed for it
        return
      }
      if (username !== undefined && key === undefined) return // the answer couldn't be verified anyway
      const challenge = this.#authentication.challenge(remote, now)
      this.#answerStranger(message, failure(authenticity.code, challenge), datagram, now, key)
      return
    }
    const { key, user } = authenticity
    const known = this.#recent.find(remote, message, now)
    const unknown = unknownAttributes(message)
    if (known !== undefined) this.#send(datagram, known)
    else if (unknown.length > 0) this.#answer(message, refuseUnknown(unknown), datagram, key)
    else {
      const response = this.#service.serve(request, { datagram, user, now })
      const payload = this.#answer(message, response, datagram, key)
      const isRepeatable = request.type === 'channel-bind' || request.type === 'create-permission'
      if (response.type === 'success' && !isRepeatable) this.#recent.remember(remote, message, payload, now)
    }
  }

  /** Answers whoever has shown credentials, and a nonce that only they can have. */
  #answer(request: StunHeader, response: Response, to: Datagram, key: Uint8Array): Uint8Array {
    const payload = this.#responses.encode(request, response, key, false)
    this.#count(response)
    this.#send(to, payload)
    return payload
  }

  /** Answers whoever may have forged their address: in full, tersely or not at all, as the budget allows. */
  #answerStranger(request: StunHeader, response: Response, to: Datagram, now: Instant, key?: Uint8Array): void {
    const isHopeless = !this.#budget.has(to.remote, LEAST_RESPONSE - to.payload.length, now)
    for (const isTerse of isHopeless ? [] : [false, true]) {
      const payload = this.#responses.encode(request, response, key, isTerse)
      if (!this.#budget.spend(to.remote, payload.length - to.payload.length, now)) continue
      this.#count(response)
      this.#send(to, payload)
      return
    }
    this.stats.withheldResponses++
  }

  #count(response: Response): void {
    if (response.type === 'success') this.stats.successes++
    else {
      const { errorsByCode } = this.stats
      this.stats.errors++
      errorsByCode[response.code] = (errorsByCode[response.code] ?? 0) + 1
    }
  }

  #send({ local, remote }: Datagram, payload: Uint8Array): void {
    this.#transmits.push({ local, remote, payload })
  }
}

/** No response is shorter: a header and an address or error code. */
const LEAST_RESPONSE = 28

/** Nor any 401 or 438: with a realm of at least one character and a nonce. */
const LEAST_CHALLENGE = 76

/** More responses than that between two drains are dropped: clients ask again. */
const MAX_RESPONSES = 4096

const refuseUnknown = (numbers: readonly number[]): Response =>
  failure(420, [{ type: 'unknown-attributes', value: numbers }])

/** RFC 8656 §12: of the four kinds of first byte that a TURN server meets, 64 to 79 is ChannelData. */
const isChannelData = (firstByte: number): boolean => firstByte >= 0x40 && firstByte <= 0x4f

/** Returns up to where the bytes behind entry `index` belong to no other entry. */
function roomBehind({ count, offset, length, layout }: PacketBuffer, index: number): number {
  const end = offset[index]! + length[index]!
  const next = index + 1 < count ? offset[index + 1]! : layout.start + layout.capacity * layout.stride
  return Math.max(end, next)
}

function checkBuffers(datagrams: PacketBuffer, out: PacketBuffer): void {
  if (datagrams.arena !== out.arena) throw new Error('a verdict describes bytes in the arena of its datagram')
  if (out.room < MAX_INDICATION_HEADER_LENGTH) throw new Error('a verdict needs room for a header of 48 bytes')
}
