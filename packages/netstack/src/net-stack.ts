import { PacketHeader, TCP, UDP, verifyChecksums } from '@sallyport/ip-packet'
import {
  BoundedQueue,
  earliest,
  type Instant,
  IpAddress,
  type Millis,
  type Random,
  randomBelow,
  type SansIo,
  SocketAddress,
  seconds,
} from '@sallyport/sans-io'
import { type CloseReason, Connection, type ConnectionOptions } from './connection.ts'
import { ConnectionTable } from './connection-table.ts'
import { pickEphemeralPort } from './ephemeral-port.ts'
import { AddressInUseError, NoFreePortError, TooManySocketsError } from './errors.ts'
import { type ListenOptions, TcpListener } from './listener.ts'
import { makeReset, Segment } from './segment.ts'
import { isBefore } from './sequence-number.ts'
import { TcpSocket } from './tcp-socket.ts'
import { UdpSocket } from './udp.ts'

/** What a {@link NetStack} is made of. */
export interface NetStackOptions {
  /** For initial sequence numbers and ephemeral ports: must be unpredictable outside tests. */
  readonly random: Random
  /** The longest packet in bytes, IP header included: from 576 to 65535; 1280 if left out. */
  readonly mtu?: number
  /**
   * The addresses that are ours alone: segments to them that no socket takes are answered by a reset.
   *
   * If left out, sockets may have any address, and what none of them takes isn't recognised.
   */
  readonly addresses?: readonly IpAddress[]
  /** TCP connections at a time, handshakes and TIME-WAIT included; 256 if left out. */
  readonly maxConnections?: number
  /** Listeners and UDP sockets at a time; 256 if left out. */
  readonly maxBindings?: number
  /** Bytes of each connection's send buffer; 65535 if left out. */
  readonly sendBuffer?: number
  /** Bytes of each connection's receive buffer, from 1 to 2^30; 65535 if left out. Windows are scaled above that. */
  readonly receiveBuffer?: number
  /** How long a connection that we have closed first is kept (RFC 9293 §3.6.1); 10 s if left out. */
  readonly timeWait?: Millis
  /** Datagrams that wait in each UDP socket; 64 if left out. */
  readonly udpQueue?: number
}

/** What a {@link NetStack} has to tell. */
export type NetStackEvent =
  /** A connection to a listener is established. */
  | { readonly type: 'accepted'; readonly listener: TcpListener; readonly socket: TcpSocket }
  /** A connection of ours is established. */
  | { readonly type: 'connected'; readonly socket: TcpSocket }
  /** There is more to read, or the peer has finished; what comes before it's heard adds no other event. */
  | { readonly type: 'readable'; readonly socket: TcpSocket }
  /** There is room again, after a write that wasn't taken whole. */
  | { readonly type: 'writable'; readonly socket: TcpSocket }
  /** A connection has ended; what has arrived can still be read. */
  | { readonly type: 'closed'; readonly socket: TcpSocket; readonly reason: CloseReason }
  /** A UDP socket has datagrams: take all, since the event comes once for several. */
  | { readonly type: 'datagrams'; readonly socket: UdpSocket }

/**
 * TCP and UDP without a kernel: IP packets in, IP packets out.
 *
 * After any command to one of its sockets the stack has to be drained, like after an input.
 */
export class NetStack implements SansIo<Uint8Array, Uint8Array, NetStackEvent> {
  /** The longest packet in bytes. */
  readonly mtu: number
  readonly #options: NetStackOptions
  readonly #maxConnections: number
  readonly #maxBindings: number
  readonly #addresses: ReadonlySet<string> | undefined
  readonly #connections: ConnectionTable<Entry>
  readonly #listeners = new Map<string, TcpListener>()
  readonly #udpSockets = new Map<string, UdpSocket>()
  readonly #transmits = new BoundedQueue<Uint8Array>(MAX_TRANSMITS)
  /** What has events; they wait in each connection, so that none has the same one twice. */
  readonly #eventful = new Set<Entry | UdpSocket>()
  readonly #header = new PacketHeader()
  readonly #segment = new Segment()
  /** When a command or input came last. */
  #now = 0 as Instant

  /** Makes a stack without sockets. Throws a `RangeError` for sizes out of range. */
  constructor(options: NetStackOptions) {
    const { mtu = 1280, receiveBuffer = DEFAULT_BUFFER, sendBuffer = DEFAULT_BUFFER } = options
    if (!(mtu >= 576 && mtu <= 65_535)) throw new RangeError(`an MTU of ${mtu}`)
    if (!(receiveBuffer >= 1 && receiveBuffer <= 2 ** 30)) throw new RangeError(`a receive buffer of ${receiveBuffer}`)
    if (!(sendBuffer >= 1 && sendBuffer <= 2 ** 30)) throw new RangeError(`a send buffer of ${sendBuffer}`)
    this.#options = options
    this.mtu = mtu
    this.#maxConnections = options.maxConnections ?? 256
    this.#maxBindings = options.maxBindings ?? 256
    this.#addresses = options.addresses && new Set(options.addresses.map(ip => ip.text))
    this.#connections = new ConnectionTable(randomBelow(options.random, 2 ** 32))
  }

  /** How many TCP connections there are, handshakes and TIME-WAIT included. */
  get connections(): number {
    return this.#connections.size
  }

  /** How many packets were dropped since nobody took those before them. */
  get dropped(): number {
    return this.#transmits.dropped
  }

  /** Answers SYNs to `address` from here on. Throws an {@link AddressInUseError} or a {@link TooManySocketsError}. */
  listenTcp(address: SocketAddress, options: ListenOptions = {}): TcpListener {
    this.#makeSureOfRoom(this.#listeners, address)
    const listener = new TcpListener(address, options, closed => {
      if (this.#listeners.get(address.key) === closed) this.#listeners.delete(address.key)
      this.#sweep()
    })
    this.#listeners.set(address.key, listener)
    return listener
  }

  /**
   * Opens a connection; a `connected` or `closed` event follows.
   *
   * @param from - Our address. Port 0: a random ephemeral one, which no other connection from this IP address has.
   * Throws a `RangeError` for addresses of two families, an {@link AddressInUseError}, a {@link NoFreePortError} or a
   * {@link TooManySocketsError}.
   */
  connectTcp(from: SocketAddress, to: SocketAddress, now: Instant): TcpSocket {
    this.#now = now
    if (from.family !== to.family) throw new RangeError(`${from} can't connect to ${to}`)
    const local = from.port === 0 ? this.#withFreePort(from.ip, this.#connections) : from
    const existing = this.#connections.get(local, to)
    // A peer that still knows the earlier one asks, learns from our reset, and is ready for our next SYN.
    if (existing?.connection.state === 'time-wait') this.#remove(existing)
    else if (existing !== undefined) throw new AddressInUseError(`${local} to ${to}`)
    if (!this.#makeRoom()) throw new TooManySocketsError(this.#maxConnections)
    const entry = this.#enter(new Connection(this.#connectionOptions(local, to)), undefined)
    this.#drain(entry, now)
    return entry.socket
  }

  /**
   * Binds a UDP socket. Port 0: a random ephemeral one.
   *
   * Throws an {@link AddressInUseError}, a {@link NoFreePortError} or a {@link TooManySocketsError}.
   */
  bindUdp(address: SocketAddress): UdpSocket {
    const local = address.port === 0 ? this.#withFreePort(address.ip, this.#udpSockets.values()) : address
    this.#makeSureOfRoom(this.#udpSockets, local)
    const link = {
      mtu: this.mtu,
      transmit: (packet: Uint8Array) => this.#transmits.push(packet),
      close: (closed: UdpSocket) => {
        if (this.#udpSockets.get(local.key) === closed) this.#udpSockets.delete(local.key)
        this.#eventful.delete(closed)
      },
    }
    const socket = new UdpSocket(local, link, this.#options.udpQueue ?? 64)
    this.#udpSockets.set(local.key, socket)
    return socket
  }

  /** Feeds one IP packet. Returns whether it was for one of our sockets, or for one of our addresses. */
  handleInput(packet: Uint8Array, now: Instant): boolean {
    const header = this.#header
    if (header.parse(packet, 0, packet.length) !== undefined) return false
    this.#now = now
    switch (header.protocol) {
      case TCP:
        return this.#handleTcp(packet, now)
      case UDP:
        return this.#handleUdp(packet)
      default:
        return false
    }
  }

  handleTimeout(now: Instant): void {
    this.#now = now
    for (const entry of this.#connections) {
      const at = entry.connection.pollTimeout()
      if (at === undefined || at > now) continue
      entry.connection.handleTimeout(now)
      this.#drain(entry, now)
    }
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift()
  }

  pollEvent(): NetStackEvent | undefined {
    for (const source of this.#eventful) {
      const event = source instanceof UdpSocket ? undefined : this.#nextEvent(source)
      if (event !== undefined) return event
      this.#eventful.delete(source)
      if (source instanceof UdpSocket) return { type: 'datagrams', socket: source }
    }
    return undefined
  }

  pollTimeout(): Instant | undefined {
    let first: Instant | undefined
    for (const { connection } of this.#connections) first = earliest(first, connection.pollTimeout())
    return first
  }

  #handleTcp(packet: Uint8Array, now: Instant): boolean {
    const header = this.#header
    const entry = this.#connections.find(packet, header)
    if (entry !== undefined) {
      if (!verifyChecksums(packet, header)) return true
      this.#segment.read(packet, header)
      if (!this.#isReopened(entry)) {
        entry.connection.handleSegment(this.#segment, now)
        this.#drain(entry, now)
        return true
      }
      this.#remove(entry)
    }
    const local = this.#destinationOf(packet)
    const listener = this.#listeners.get(local.key)
    if (listener === undefined && this.#addresses?.has(local.ip.text) !== true) return false
    if (!verifyChecksums(packet, header)) return true
    this.#segment.read(packet, header)
    const remote = this.#sourceOf(packet)
    if (listener === undefined || this.#segment.isAck) this.#transmit(makeReset(local, remote, this.#segment))
    else if (this.#segment.isSyn && !this.#segment.isRst) this.#answer(listener, local, remote, now)
    return true
  }

  /** A SYN to a listener (RFC 9293 §3.10.7.2). */
  #answer(listener: TcpListener, local: SocketAddress, remote: SocketAddress, now: Instant): void {
    if (remote.port === 0 || remote.equals(local)) return // nobody can be there; and we won't talk to ourselves
    if (!listener.admits()) return
    this.#sweep()
    if (!this.#makeRoom()) return
    this.#drain(this.#enter(Connection.answer(this.#connectionOptions(local, remote), this.#segment), listener), now)
  }

  #handleUdp(packet: Uint8Array): boolean {
    const header = this.#header
    const local = this.#destinationOf(packet)
    const socket = this.#udpSockets.get(local.key)
    if (socket === undefined) return this.#addresses?.has(local.ip.text) === true
    if (!verifyChecksums(packet, header)) return true
    const end =
      header.transportOffset + ((packet[header.transportOffset + 4]! << 8) | packet[header.transportOffset + 5]!)
    const payload = packet.slice(header.payloadOffset, end)
    if (socket.deliver({ remote: this.#sourceOf(packet), payload })) this.#eventful.add(socket)
    return true
  }

  /** A SYN that is newer than a connection in TIME-WAIT begins another one, if somebody listens (RFC 9293 §3.6.1). */
  #isReopened({ connection }: Entry): boolean {
    const { isSyn, isAck, isRst, sequence } = this.#segment
    if (connection.state !== 'time-wait' || !isSyn || isAck || isRst) return false
    return isBefore(connection.expected, sequence) && this.#listeners.has(connection.local.key)
  }

  #enter(connection: Connection, listener: TcpListener | undefined): Entry {
    const { local, remote } = connection
    const socket = new TcpSocket(connection, now => {
      if (now !== undefined) this.#now = now
      this.#drain(entry, this.#now)
    })
    const entry: Entry = { local, remote, connection, listener, socket, isKnown: listener === undefined }
    this.#connections.add(entry)
    return entry
  }

  #remove(entry: Entry): void {
    this.#connections.delete(entry)
    entry.connection.forget()
    entry.listener?.track(entry.connection)
  }

  /** Takes what a connection has to send and to tell. */
  #drain(entry: Entry, now: Instant): void {
    const { connection, listener } = entry
    for (let packet = connection.pollTransmit(now); packet !== undefined; packet = connection.pollTransmit(now))
      this.#transmit(packet)
    listener?.track(connection)
    if (connection.state === 'closed') this.#connections.delete(entry)
    if (connection.hasEvents) this.#eventful.add(entry)
  }

  #nextEvent(entry: Entry): NetStackEvent | undefined {
    const { connection, socket, listener } = entry
    for (let event = connection.pollEvent(); event !== undefined; event = connection.pollEvent()) {
      switch (event) {
        case 'connected':
          entry.isKnown = true
          return listener === undefined ? { type: 'connected', socket } : { type: 'accepted', listener, socket }
        case 'readable':
        case 'writable':
          return { type: event, socket }
        case 'closed':
          if (entry.isKnown) return { type: 'closed', socket, reason: connection.reason! }
      }
    }
    return undefined
  }

  /** Drops handshakes that a listener has given up. */
  #sweep(): void {
    for (const entry of this.#connections) if (entry.connection.state === 'closed') this.#connections.delete(entry)
  }

  /** Returns whether there is room for another connection, for which the oldest in TIME-WAIT may have to go. */
  #makeRoom(): boolean {
    if (this.#connections.size < this.#maxConnections) return true
    for (const entry of this.#connections) {
      if (entry.connection.state !== 'time-wait') continue
      this.#remove(entry)
      return true
    }
    return false
  }

  #makeSureOfRoom(bindings: ReadonlyMap<string, unknown>, address: SocketAddress): void {
    if (bindings.has(address.key)) throw new AddressInUseError(address.key)
    if (this.#listeners.size + this.#udpSockets.size >= this.#maxBindings)
      throw new TooManySocketsError(this.#maxBindings)
  }

  #withFreePort(ip: IpAddress, sockets: Iterable<{ readonly local: SocketAddress }>): SocketAddress {
    const used = new Set<number>()
    for (const { local } of sockets) if (local.ip.equals(ip)) used.add(local.port)
    const port = pickEphemeralPort(this.#options.random, used)
    if (port === undefined) throw new NoFreePortError(ip.text)
    return new SocketAddress(ip, port)
  }

  #connectionOptions(local: SocketAddress, remote: SocketAddress): ConnectionOptions {
    const {
      random,
      sendBuffer = DEFAULT_BUFFER,
      receiveBuffer = DEFAULT_BUFFER,
      timeWait = seconds(10),
    } = this.#options
    const initialSequence = randomBelow(random, 2 ** 32)
    return { local, remote, mtu: this.mtu, initialSequence, sendBuffer, receiveBuffer, timeWait }
  }

  #transmit(packet: Uint8Array | undefined): void {
    if (packet !== undefined) this.#transmits.push(packet)
  }

  #sourceOf(packet: Uint8Array): SocketAddress {
    const { sourceOffset: at, addressLength, sourcePort } = this.#header
    return new SocketAddress(IpAddress.fromBytes(packet.subarray(at, at + addressLength)), sourcePort)
  }

  #destinationOf(packet: Uint8Array): SocketAddress {
    const { destinationOffset: at, addressLength, destinationPort } = this.#header
    return new SocketAddress(IpAddress.fromBytes(packet.subarray(at, at + addressLength)), destinationPort)
  }
}

interface Entry {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly connection: Connection
  /** Whose SYN it answers. */
  readonly listener: TcpListener | undefined
  readonly socket: TcpSocket
  /** Whether its owner has heard of it: handshakes with a listener that fail are nobody's business. */
  isKnown: boolean
}

/** Whole windows of a few connections; more than that at once is as good as lost. */
const MAX_TRANSMITS = 4096
/** Needs no window scaling. */
const DEFAULT_BUFFER = 65_535
