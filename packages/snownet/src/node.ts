import {
  BoundedQueue,
  type Datagram,
  earliest,
  type Instant,
  type Logger,
  PacketBuffer,
  type SansIo,
  silentLogger,
  type Transmit,
} from '@sallyport/sans-io'
import { IndexAllocator } from '@sallyport/wireguard'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { socketOf } from './connection-state.ts'
import { ConnectionTable } from './connection-table.ts'
import { ControlInbox } from './control-inbox.ts'
import { Decapsulator } from './decapsulator.ts'
import { EarlyCandidates } from './early-candidates.ts'
import { Encapsulator } from './encapsulator.ts'
import { NoRelayError } from './errors.ts'
import type { ConnectionId, RelayId } from './ids.ts'
import { Incarnation } from './incarnation.ts'
import type { NodeEvent } from './node-event.ts'
import type { ConnectionStatus, NodeOptions, NodeStatistics } from './node-options.ts'
import type { Relay, RelayPool, RelayPoolEvent, RelayServer } from './relay-pool.ts'
import { SealingBench } from './sealing-bench.ts'

/** Transmits and events that may wait for the owner. What doesn't fit is dropped. */
const MAX_QUEUED = 16_384

/** A datagram that is longer than any that the house sends. */
const MAX_DATAGRAM = 65_535

/**
 * All peers of a client or a gateway: who they are, how they are reached, and what is said to them.
 *
 * Control follows the contract of {@link SansIo}; packets go through {@link encapsulate} and {@link decapsulate}. What
 * those stir up (a handshake that is wanted, a keepalive) comes out of the polls after the batch.
 */
export class Node implements SansIo<Datagram, Transmit, NodeEvent> {
  readonly #options: NodeOptions
  readonly #logger: Logger
  readonly #indices: IndexAllocator
  readonly #early = new EarlyCandidates()
  readonly #transmits = new BoundedQueue<Transmit>(MAX_QUEUED)
  readonly #events = new BoundedQueue<NodeEvent>(MAX_QUEUED)
  readonly #encapsulator: Encapsulator
  readonly #decapsulator: Decapsulator
  readonly #bench = new SealingBench()
  readonly #connections = new ConnectionTable()
  readonly #touched: Connection[] = []
  #incarnation: Incarnation
  #relayGeneration = 0
  #droppedPackets = 0
  #droppedDatagrams = 0
  /** When the packet path was last used. */
  #now: Instant
  #inbox: { readonly datagrams: PacketBuffer; readonly packets: PacketBuffer } | undefined

  constructor(options: NodeOptions, now: Instant) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#now = now
    this.#incarnation = this.#newIncarnation(now)
    this.#indices = new IndexAllocator(options.random)
    const inbox = new ControlInbox({
      crypto: options.crypto,
      logger: this.#logger,
      connections: this.#connections,
      incarnation: () => this.#incarnation,
      followRelays: at => this.#followRelays(at),
      send: transmit => this.#transmits.push(transmit),
      drop: () => this.#countDropped(),
    })
    this.#encapsulator = new Encapsulator(
      () => this.#relays,
      packets => {
        this.#droppedPackets += packets
      },
      options.checksum,
    )
    this.#decapsulator = new Decapsulator({
      relayAt: address => this.#relays.at(address),
      connectionWithIndex: index => this.#connections.withIndex(index),
      handleStun: (relay, local, remote, message) => inbox.handleStun(relay, local, remote, message, this.#now),
      handleHandshake: (relay, local, remote, message) =>
        inbox.handleHandshake(relay, local, remote, message, this.#now),
      touch: connection => this.#touch(connection),
      drop: () => this.#countDropped(),
    })
  }

  /** Our WireGuard key, 32 bytes: to be told to the portal. Another one after {@link reset}. */
  get publicKey(): Uint8Array {
    return this.#incarnation.identity.publicKey
  }

  /** How many connections there are. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** What was counted. A copy. */
  get statistics(): NodeStatistics {
    return {
      relayStunBytes: this.#relays.stunBytes,
      droppedPackets: this.#droppedPackets,
      droppedDatagrams: this.#droppedDatagrams,
      held:
        this.#connections.size +
        this.#relays.size +
        this.#early.size +
        this.#incarnation.context.transactions.size +
        this.#transmits.length +
        this.#events.length,
    }
  }

  /**
   * Takes up what the portal says about relays: forgets those in `remove`, uses those in `add`.
   *
   * A relay that is named again with other credentials was restarted and is used anew. Those that aren't named are asked
   * for a sign of life, within a second. Connections whose relay is gone move to another one.
   */
  updateRelays(remove: ReadonlySet<RelayId>, add: readonly RelayServer[], now: Instant): void {
    this.#relays.update(remove, add, now)
    this.#followRelays(now)
  }

  /**
   * Makes a connection, or finds that there is one between the same two processes already: then all of our candidates
   * are told again, because the peer may have forgotten them, and a client begins a new session.
   *
   * Throws a {@link NoRelayError} if no relay is known, and what WireGuard and ICE throw for keys and credentials that
   * can't be any; a connection that exists then stays as it is.
   */
  upsertConnection(id: ConnectionId, options: ConnectionOptions, now: Instant): void {
    const known = this.#connections.get(id)
    if (known?.isFor(options) === true) {
      known.reuse(now)
      return
    }
    const relay = this.#relays.sample()
    if (relay === undefined) throw new NoRelayError(id)
    const connection = this.#newConnection(id, relay, options, now)
    if (known !== undefined) this.#forget(known)
    this.#connections.add(connection)
    this.#logger.info({ connection: id, relay: relay.id }, 'connecting to peer')
    for (const line of this.#early.take(id, now)) connection.addRemoteCandidate(line, now)
  }

  /**
   * Takes a candidate of the peer's, as the portal brought it. For a connection that doesn't exist it is kept for a few
   * seconds. What is no candidate is ignored.
   */
  addRemoteCandidate(id: ConnectionId, candidate: string, now: Instant): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) this.#early.add(id, candidate, now)
    else connection.addRemoteCandidate(candidate, now)
  }

  /** Takes a candidate of the peer's back. */
  removeRemoteCandidate(id: ConnectionId, candidate: string, now: Instant): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) this.#early.remove(id, candidate)
    else connection.removeRemoteCandidate(candidate, now)
  }

  /** Forgets a connection, without a word to anybody. Harmless if there is none. */
  removeConnection(id: ConnectionId): void {
    const connection = this.#connections.get(id)
    if (connection !== undefined) this.#forget(connection)
  }

  /** Says goodbye to a peer with that packet, once and best effort, and forgets the connection. */
  closeConnection(id: ConnectionId, goodbye: Uint8Array, now: Instant): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    if (connection.close(goodbye, now)) this.#emit({ type: 'connection-closed', connection: id })
    this.#forget(connection)
  }

  /** Says goodbye to all peers, then gives the allocations on relays back. What is left is to send what is polled. */
  closeAll(goodbye: Uint8Array, now: Instant): void {
    for (const { id } of [...this.#connections]) this.closeConnection(id, goodbye, now)
    this.#relays.release(now)
    // Behind the goodbyes: they may need the relays.
    for (let out = this.#relays.pollTransmit(); out !== undefined; out = this.#relays.pollTransmit())
      this.#transmits.push(out)
    this.#followRelays(now)
  }

  /**
   * Starts all over, after the network has changed: connections are closed, relays forgotten, and we have a new key.
   *
   * Nothing is sent: from the new network, nobody would recognise us.
   */
  reset(now: Instant): void {
    this.#transmits.clear()
    this.#events.clear()
    for (const { id } of this.#connections) this.#emit({ type: 'connection-closed', connection: id })
    for (const connection of [...this.#connections]) this.#forget(connection)
    this.#early.clear()
    this.#incarnation = this.#newIncarnation(now)
  }

  /**
   * Goes on after the network has changed: finds out which addresses we have, tells peers about them, and moves
   * connections to paths that work. Key and connections stay, in contrast to {@link reset}: for gateways, whose key the
   * portal has told to clients.
   */
  relocate(now: Instant): void {
    this.#relays.relocate(now)
    this.#followRelays(now)
  }

  /** Tells all peers all of our candidates again, because what was told may have been lost on the way. */
  repeatCandidates(): void {
    for (const connection of this.#connections) connection.repeatCandidates()
  }

  /** Returns what the packet path calls a connection: a small number, or -1 if there is none. */
  handleOf(id: ConnectionId): number {
    return this.#connections.get(id)?.handle ?? -1
  }

  /** Returns which connection the packet path calls that, or `undefined` if it is gone. */
  idOf(handle: number): ConnectionId | undefined {
    return this.#connections.at(handle)?.id
  }

  /** Returns how a connection fares, or `undefined` if there is none: for status pages. */
  statusOf(id: ConnectionId): ConnectionStatus | undefined {
    const connection = this.#connections.get(id)
    if (connection === undefined) return undefined
    const { state, relay, stunBytes } = connection
    return { state: state.type, path: socketOf(state)?.kind, relay: relay.id, stunBytes }
  }

  /**
   * Sends a train: cuts it into packets, seals them, and appends a datagram for each.
   *
   * While there is no session packets wait in the tunnel (256 of them); while a client connects they wait for a path
   * (128), while a gateway does they are dropped. Also dropped is what belongs to no connection or finds no room.
   *
   * @param handle - The connection, see {@link handleOf}.
   * @param trains - Entry `index` is used up. Best in the arena of `datagrams`: then nothing is copied.
   * @param datagrams - With at least 64 bytes of headroom, and room for a packet and 32 bytes.
   */
  encapsulate(handle: number, trains: PacketBuffer, index: number, datagrams: PacketBuffer, now: Instant): void {
    const connection = this.#connections.at(handle)
    if (connection === undefined) {
      this.#droppedPackets++
      return
    }
    this.#now = now
    this.#encapsulator.encapsulate(connection, trains, index, datagrams, now)
    this.#touch(connection)
  }

  /** Sends one packet that doesn't come from a TUN device. Returns whether there is such a connection. */
  sendPacket(id: ConnectionId, packet: Uint8Array, now: Instant): boolean {
    const connection = this.#connections.get(id)
    connection?.sendPacket(packet, now)
    return connection !== undefined
  }

  /**
   * Takes datagrams that were received: handles those of control, and appends the packets that the others hold.
   *
   * @param datagrams - Bytes are used up. 64 bytes in front of each entry may be overwritten.
   * @param packets - `peer` is the connection's number, `ecn` that of the datagram, which is merged into the packet.
   */
  decapsulate(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    this.#now = now
    this.#decapsulator.decapsulate(datagrams, packets, now)
  }

  /** Takes one datagram of control. A packet that it may hold is lost: use {@link decapsulate} for those. */
  handleInput({ local, remote, payload }: Datagram, now: Instant): boolean {
    if (payload.length > MAX_DATAGRAM) return false
    this.#inbox ??= {
      datagrams: PacketBuffer.alone({ capacity: 1, stride: MAX_DATAGRAM + 128, headroom: 128 }),
      packets: PacketBuffer.alone({ capacity: 1, stride: MAX_DATAGRAM + 128, headroom: 128 }),
    }
    const { datagrams, packets } = this.#inbox
    datagrams.clear()
    packets.clear()
    const index = datagrams.appendCopy(payload)
    datagrams.local[index] = local
    datagrams.remote[index] = remote
    const before = this.#droppedDatagrams
    this.decapsulate(datagrams, packets, now)
    return this.#droppedDatagrams === before
  }

  handleTimeout(now: Instant): void {
    this.#now = now
    this.#settle()
    this.#relays.handleTimeout(now)
    this.#followRelays(now)
    for (const connection of this.#connections)
      if (connection.deadline !== undefined && connection.deadline <= now) connection.handleTimeout(now)
    for (const connection of this.#connections) {
      const reason = connection.failure
      if (reason === undefined) continue
      this.#forget(connection)
      // It may have failed because its relay has forgotten us: the next one shouldn't.
      if (reason === 'ice-disconnected') this.#relays.verify(connection.relay, now)
      this.#emit({ type: 'connection-failed', connection: connection.id, reason })
    }
  }

  pollTransmit(): Transmit | undefined {
    this.#settle()
    return this.#relays.pollTransmit() ?? this.#transmits.shift()
  }

  pollEvent(): NodeEvent | undefined {
    this.#settle()
    return this.#events.shift()
  }

  pollTimeout(): Instant | undefined {
    this.#settle()
    return earliest(this.#relays.pollTimeout(), this.#connections.nextDeadline)
  }

  get #relays(): RelayPool {
    return this.#incarnation.relays
  }

  #newIncarnation(now: Instant): Incarnation {
    const shared = {
      bench: this.#bench,
      send: (transmit: Transmit) => void this.#transmits.push(transmit),
      emit: (event: NodeEvent) => this.#emit(event),
    }
    return new Incarnation(this.#options, shared, now)
  }

  #countDropped(): void {
    this.#droppedDatagrams++
  }

  #newConnection(id: ConnectionId, relay: Relay, options: ConnectionOptions, now: Instant): Connection {
    const { crypto, random, calendar } = this.#options
    const handle = this.#connections.newHandle()
    const tunnel = {
      crypto,
      random,
      calendar,
      identity: this.#incarnation.identity,
      rateLimiter: this.#incarnation.rateLimiter,
      peerPublicKey: options.peerPublicKey,
      presharedKey: options.presharedKey,
      localIndex: this.#indices.allocate(),
    }
    try {
      return new Connection(this.#incarnation.context, { id, handle, relay, tunnel }, options, now)
    } catch (error) {
      this.#indices.release(tunnel.localIndex)
      this.#connections.restHandle(handle)
      throw error
    }
  }

  /** Notes that the packet path has used `connection`: what that has stirred up is seen to after the batch. */
  #touch(connection: Connection): void {
    if (connection.isTouched) return
    connection.isTouched = true
    this.#touched.push(connection)
  }

  #settle(): void {
    if (this.#touched.length === 0) return
    // By index: after every batch of packets an iterator would be garbage.
    for (let i = 0; i < this.#touched.length; i++) {
      const connection = this.#touched[i]!
      if (this.#connections.at(connection.handle) === connection) connection.drain(this.#now)
    }
    this.#touched.length = 0
  }

  #forget(connection: Connection): void {
    this.#connections.remove(connection)
    this.#indices.release(connection.index)
    if (this.#connections.size === 0) this.#incarnation.context.transactions.clear()
  }

  #emit(event: NodeEvent): void {
    if (!this.#events.push(event)) this.#logger.warn({ type: event.type }, 'nobody takes events')
  }

  /** Passes on what relays have taught us, and finds another relay for connections that have lost theirs. */
  #followRelays(now: Instant): void {
    for (let event = this.#relays.pollEvent(); event !== undefined; event = this.#relays.pollEvent())
      this.#followAddress(event, now)
    if (this.#relayGeneration === this.#relays.generation) return
    this.#relayGeneration = this.#relays.generation
    for (const connection of this.#connections) {
      if (this.#relays.get(connection.relay.id) === connection.relay) continue
      const relay = this.#relays.sample()
      if (relay === undefined) {
        this.#logger.debug({}, 'no relay is left to move connections to')
        return
      }
      this.#logger.info({ connection: connection.id, relay: relay.id }, 'moving connection to another relay')
      connection.moveTo(relay, now)
    }
  }

  #followAddress({ type, relay, candidate }: RelayPoolEvent, now: Instant): void {
    if (type === 'new-candidate') {
      for (const connection of this.#connections)
        if (candidate.kind !== 'relay' || connection.relay === relay) connection.addAddress(candidate, now)
    } else if (candidate.kind === 'relay' || !this.#relays.stillKnows(candidate)) {
      for (const connection of this.#connections) connection.removeAddress(candidate, now)
    }
  }
}
