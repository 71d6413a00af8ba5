import { MAX_PACKET_LENGTH, makeUnreachable, PacketHeader, TrainJoiner } from '@sallyport/ip-packet'
import {
  type Authorization,
  type AuthorizeFlow,
  type ClientId,
  type GatewayInit,
  type GatewayResource,
  keyBytes,
  mergeRelays,
  type PortalToGateway,
  type RejectAccess,
  type RelaysPresence,
  type ResourceId,
  type TunnelAddresses,
} from '@sallyport/portal-protocol'
import {
  add,
  BoundedQueue,
  type Datagram,
  type DataPlane,
  earliest,
  elapsed,
  type Instant,
  type IpFamily,
  type Logger,
  type Millis,
  type PacketBuffer,
  type SansIo,
  seconds,
  silentLogger,
  type Transmit,
  unreachable,
  type WallClock,
} from '@sallyport/sans-io'
import type { ConnectionId, NodeEvent } from '@sallyport/snownet'
import { CandidateBatches } from '../candidate-batches.ts'
import { equalAt } from '../equal-at.ts'
import { isNoRelayError, type Overlay } from '../overlay.ts'
import { GOODBYE, isControl, parseControl } from '../p2p-control/frame.ts'
import { makeGoodbye } from '../p2p-control/goodbye.ts'
import { isInRange, TUNNEL_RANGE } from '../ranges.ts'
import { SingleDatagram } from '../single-datagram.ts'
import { packetLength } from '../train.ts'
import { equalTunConfigs, sortedRoutes, type TunConfig } from '../tun-config.ts'
import type { ClientPeer } from './client-peer.ts'
import { ClientPeers } from './client-peers.ts'
import { GatewayCounters } from './counters.ts'
import type { GatewayTunnelEvent } from './events.ts'

/** How often expired access is looked for. */
export const POLICY_TICK: Millis = seconds(1)

/** What a {@link GatewayTunnel} works with. */
export interface GatewayTunnelOptions {
  /** Connections to clients: a snownet `Node` with the role of a gateway, which nobody else uses. */
  readonly node: Overlay
  /** One moment on both clocks: access expires by calendar time. */
  readonly calendar: { readonly instant: Instant; readonly wallClock: WallClock }
  readonly logger?: Logger
  /** Whether the TUN device takes UDP super-packets (USO); `false` by default. */
  readonly joinsUdp?: boolean
}

/**
 * A gateway: which clients are let in to which resources, until when, and with which traffic.
 *
 * What the portal says comes in through {@link handlePortalMessage}; what it is to be told goes out as events.
 */
export class GatewayTunnel implements SansIo<Datagram, Transmit, GatewayTunnelEvent>, DataPlane {
  /** Packets that were not passed on, by reason. */
  readonly counters: GatewayCounters = new GatewayCounters()
  readonly #node: Overlay
  readonly #logger: Logger
  readonly #calendar: GatewayTunnelOptions['calendar']
  readonly #header = new PacketHeader()
  readonly #joiner: TrainJoiner
  readonly #single = new SingleDatagram()
  readonly #peers = new ClientPeers()
  readonly #candidates = new CandidateBatches<ClientId>()
  readonly #events = new BoundedQueue<GatewayTunnelEvent>(MAX_EVENTS)
  #addresses: TunnelAddresses | undefined
  #config: TunConfig | undefined
  #announcesConfig = false
  #nextTick: Instant | undefined
  #isClosed = false

  constructor(options: GatewayTunnelOptions) {
    this.#node = options.node
    this.#logger = options.logger ?? silentLogger
    this.#calendar = options.calendar
    this.#joiner = new TrainJoiner({ udp: options.joinsUdp ?? false })
  }

  /** The public key that the portal has to know us by. */
  get publicKey(): Uint8Array {
    return this.#node.publicKey
  }

  /** How many clients are let in to something. */
  get clientCount(): number {
    return this.#peers.size
  }

  /** How the TUN device is to be set up; `undefined` until the portal has said so. */
  get tunConfig(): TunConfig | undefined {
    return this.#config
  }

  /** Handles one message of the portal. */
  handlePortalMessage(message: PortalToGateway, now: Instant): void {
    if (this.#isClosed) return
    switch (message.event) {
      case 'init':
        this.#init(message.payload, now)
        break
      case 'authorize_flow':
        this.#authorizeFlow(message.payload, now)
        break
      case 'reject_access':
        this.#rejectAccess(message.payload, now)
        break
      case 'access_authorization_expiry_updated':
        this.#updateExpiry(message.payload)
        break
      case 'resource_updated':
        this.#updateResource(message.payload)
        break
      case 'relays_presence':
        this.#updateRelays(message.payload, now)
        break
      case 'ice_candidates':
        for (const candidate of message.payload.candidates)
          this.#node.addRemoteCandidate(connectionOf(message.payload.client_id), candidate, now)
        break
      case 'invalidate_ice_candidates':
        for (const candidate of message.payload.candidates)
          this.#node.removeRemoteCandidate(connectionOf(message.payload.client_id), candidate, now)
        break
      default:
        unreachable(message)
    }
    this.#node.handleTimeout(now)
    this.#drainNode()
  }

  /** Says goodbye to every client: the datagrams come out of {@link pollTransmit}. From then on nothing happens here. */
  shutdown(now: Instant): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#nextTick = undefined
    this.#peers.clear()
    this.#node.closeAll(makeGoodbye(), now)
    this.#drainNode()
    this.#candidates.clear()
  }

  /** Convenience for a single datagram: as {@link receiveDatagrams}, except that packets for the TUN device are lost. */
  handleInput(input: Datagram, now: Instant): boolean {
    const { datagrams, packets } = this.#single.load(input)
    if (datagrams.count > 0) this.receiveDatagrams(datagrams, packets, now)
    return datagrams.count > 0
  }

  handleTimeout(now: Instant): void {
    this.#node.handleTimeout(now)
    this.#drainNode()
    if (this.#nextTick !== undefined && this.#nextTick <= now) this.#tick(now)
  }

  pollTransmit(): Transmit | undefined {
    return this.#node.pollTransmit()
  }

  pollEvent(): GatewayTunnelEvent | undefined {
    const event = this.#events.shift()
    if (event !== undefined) return event
    const batch = this.#candidates.take()
    if (batch !== undefined) {
      const client_ids = [batch.peer]
      if (batch.removed.length > 0)
        this.#tellPortal({
          event: 'broadcast_invalidated_ice_candidates',
          payload: { client_ids, candidates: batch.removed },
        })
      if (batch.added.length > 0)
        this.#tellPortal({ event: 'broadcast_ice_candidates', payload: { client_ids, candidates: batch.added } })
      return this.#events.shift()
    }
    if (this.#announcesConfig && this.#config !== undefined) {
      this.#announcesConfig = false
      return { type: 'interface-changed', config: this.#config }
    }
    return undefined
  }

  pollTimeout(): Instant | undefined {
    return earliest(this.#node.pollTimeout(), this.#nextTick)
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    if (this.#isClosed) return
    for (let i = 0; i < trains.count; i++) {
      const peer = this.#clientOf(trains, i)
      if (peer !== undefined) this.#node.encapsulate(peer.handle, trains, i, datagrams, now)
    }
    this.#drainNode()
  }

  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    if (this.#isClosed) return
    const from = packets.count
    this.#node.decapsulate(datagrams, packets, now)
    const to = packets.count
    for (let i = from; i < to; i++)
      if (packets.segments[i] !== 0 && !this.#admit(packets, i, now)) packets.segments[i] = 0
    this.#joiner.join(packets, from, to)
    this.#drainNode()
  }

  // --- the packet path ---

  /** Returns the client that train `index` goes to; `undefined` if it goes nowhere. */
  #clientOf(trains: PacketBuffer, index: number): ClientPeer | undefined {
    const { counters } = this
    const header = this.#header
    const bytes = trains.arena.bytes
    if (header.parse(bytes, trains.offset[index]!, trains.length[index]!) !== undefined) {
      counters.malformedOut++
      return undefined
    }
    if (packetLength(header, trains.segmentSize[index]!) > MAX_PACKET_LENGTH) {
      counters.tooLongOut++
      return undefined
    }
    const family = header.version === 4 ? 4 : 6
    const peer = this.#peers.byAddress(bytes, header.destinationOffset, family)
    if (peer === undefined) {
      counters.unknownPeerOut++
      return undefined
    }
    const isAllowed =
      this.#isOwn(bytes, header.sourceOffset, family) ||
      header.isIcmpError || // says what became of a packet that was allowed
      peer.permits(header, bytes, header.sourceOffset, header.sourcePort)
    if (!isAllowed) {
      counters.filteredOut++
      return undefined
    }
    if (peer.handle < 0) {
      counters.notConnectedOut++
      return undefined
    }
    return peer
  }

  /** Returns whether packet `index` of a client goes on to the TUN device. */
  #admit(packets: PacketBuffer, index: number, now: Instant): boolean {
    const { counters } = this
    const header = this.#header
    const bytes = packets.arena.bytes
    if (
      header.parse(bytes, packets.offset[index]!, packets.length[index]!) !== undefined ||
      header.totalLength > MAX_PACKET_LENGTH
    ) {
      counters.malformedIn++
      return false
    }
    packets.length[index] = header.totalLength
    const peer = this.#peers.byHandle(packets.peer[index]!)
    if (isControl(header, bytes)) {
      this.#handleControl(peer, bytes)
      return false
    }
    if (peer === undefined) {
      counters.unknownPeerIn++
      return false
    }
    const family = header.version === 4 ? 4 : 6
    const source = family === 4 ? peer.addresses.ipv4.bytes : peer.addresses.ipv6.bytes
    if (!equalAt(source, bytes, header.sourceOffset)) {
      counters.foreignSourceIn++
      this.#refuse(peer, packets.bytesOf(index), now)
      return false
    }
    const destination = header.destinationOffset
    const isAllowed =
      this.#isOwn(bytes, destination, family) ||
      // No network that a resource may have gives access to other clients.
      (!isInRange(TUNNEL_RANGE, bytes, destination, family) &&
        peer.permits(header, bytes, destination, header.destinationPort))
    if (!isAllowed) {
      counters.filteredIn++
      this.#refuse(peer, packets.bytesOf(index), now)
      return false
    }
    return true
  }

  #isOwn(bytes: Uint8Array, offset: number, family: IpFamily): boolean {
    const own = family === 4 ? this.#addresses?.ipv4 : this.#addresses?.ipv6
    return own !== undefined && equalAt(own.bytes, bytes, offset)
  }

  /** Answers a packet that may not pass, so that its sender need not wait for a timeout. */
  #refuse(peer: ClientPeer, packet: Uint8Array, now: Instant): void {
    if (!peer.icmpErrors.take(now)) {
      this.counters.icmpErrorsSuppressed++
      return
    }
    const error = makeUnreachable(packet, 'administratively-prohibited')
    if (error !== undefined) this.#node.sendPacket(connectionOf(peer.id), error, now)
  }

  #handleControl(peer: ClientPeer | undefined, bytes: Uint8Array): void {
    const frame = parseControl(this.#header, bytes)
    if (peer === undefined) return
    if (frame?.event === GOODBYE) {
      this.#logger.debug({ client: peer.id }, 'the client said goodbye')
      this.#node.removeConnection(connectionOf(peer.id))
      this.#forget(peer)
    } else this.#logger.debug({ client: peer.id, event: frame?.event }, 'ignoring a control message')
  }

  // --- what the portal says ---

  #init(init: GatewayInit, now: Instant): void {
    this.#updateRelays({ disconnected_ids: [], connected: init.relays }, now)
    this.#addresses = init.interface
    this.#updateConfig()
    const listed = new Map<ClientId, Set<ResourceId>>()
    for (const { client_id, resource_id } of init.authorizations) {
      const resources = listed.get(client_id)
      if (resources === undefined) listed.set(client_id, new Set([resource_id]))
      else resources.add(resource_id)
    }
    for (const peer of [...this.#peers.values()]) {
      peer.retain(listed.get(peer.id) ?? new Set())
      if (peer.isEmpty) this.#close(peer, now)
    }
    for (const authorization of init.authorizations)
      if (!this.#peers.get(authorization.client_id)?.setExpiry(authorization.resource_id, authorization.expires_at))
        this.#logger.debug({ ...authorization }, 'the portal lists access that we do not know')
  }

  #updateRelays(presence: RelaysPresence, now: Instant): void {
    const relays = mergeRelays(presence.connected, relay =>
      this.#logger.warn({ relay }, 'ignoring a second address of one family'),
    )
    this.#node.updateRelays(new Set(presence.disconnected_ids), relays, now)
  }

  #authorizeFlow(flow: AuthorizeFlow, now: Instant): void {
    const { client, resource } = flow
    const id = connectionOf(client.id)
    try {
      this.#node.upsertConnection(
        id,
        {
          peerPublicKey: keyBytes(client.public_key),
          presharedKey: keyBytes(client.preshared_key),
          localCredentials: credentialsOf(flow.gateway_ice_credentials),
          remoteCredentials: credentialsOf(flow.client_ice_credentials),
        },
        now,
      )
    } catch (error) {
      if (!isNoRelayError(error)) throw error
      this.#logger.warn({ client: client.id }, 'no relay to connect through')
      this.#emit({ type: 'relays-wanted' })
      return // unanswered: the client asks again
    }
    const rival = this.#peers.rivalOf(client.id, client)
    if (rival !== undefined) this.#logger.warn({ client: client.id, other: rival.id }, 'two clients with one address')
    const peer = this.#peers.upsert(client.id, { ipv4: client.ipv4, ipv6: client.ipv6 })
    this.#peers.setHandle(peer, this.#node.handleOf(id))
    peer.authorize(resource, flow.expires_at)
    if (resource.type !== 'cidr')
      this.#logger.debug(
        { resource: resource.id, type: resource.type },
        'access to a resource that no packet will match',
      )
    this.#nextTick ??= add(now, POLICY_TICK)
    this.#tellPortal({ event: 'flow_authorized', payload: { ref: flow.ref } })
  }

  #rejectAccess(rejection: RejectAccess, now: Instant): void {
    const peer = this.#peers.get(rejection.client_id)
    if (peer === undefined) return
    peer.revoke(rejection.resource_id)
    if (peer.isEmpty) this.#close(peer, now)
  }

  #updateExpiry(authorization: Authorization): void {
    const peer = this.#peers.get(authorization.client_id)
    if (peer === undefined) this.#logger.warn({ ...authorization }, 'new expiry for an unknown client')
    else if (!peer.setExpiry(authorization.resource_id, authorization.expires_at))
      this.#logger.debug({ ...authorization }, 'new expiry for unknown access')
  }

  #updateResource(resource: GatewayResource): void {
    for (const peer of this.#peers.values())
      if (peer.updateFilters(resource) === 'wrong-type')
        this.#logger.error({ resource: resource.id, client: peer.id }, 'a resource can not change its type')
  }

  // --- time ---

  #tick(now: Instant): void {
    const wallClock = (this.#calendar.wallClock + elapsed(this.#calendar.instant, now)) as WallClock
    for (const peer of [...this.#peers.values()]) {
      const expired = peer.expire(wallClock)
      if (expired.length > 0) this.#logger.info({ client: peer.id, resources: expired }, 'access has expired')
      if (peer.isEmpty) this.#close(peer, now)
    }
    this.#nextTick = this.#peers.size > 0 ? add(now, POLICY_TICK) : undefined
    this.#drainNode()
  }

  // --- what the overlay says ---

  #drainNode(): void {
    for (let event = this.#node.pollEvent(); event !== undefined; event = this.#node.pollEvent())
      this.#handleNodeEvent(event)
  }

  #handleNodeEvent(event: NodeEvent): void {
    const client = event.connection as string as ClientId
    switch (event.type) {
      case 'candidate-added':
        this.#candidates.add(client, event.candidate)
        break
      case 'candidate-removed':
        this.#candidates.remove(client, event.candidate)
        break
      case 'connection-established':
        this.#emit({ type: 'connection-state', client, state: 'connected' })
        break
      case 'connection-failed':
      case 'connection-closed': {
        // The client may come back: what it is let in to stays.
        this.#candidates.forget(client)
        const peer = this.#peers.get(client)
        if (peer !== undefined) this.#peers.setHandle(peer, -1)
        this.#emit({ type: 'connection-state', client, state: 'disconnected' })
        break
      }
      default:
        unreachable(event)
    }
  }

  /** Ends the connection to a client that is let in to nothing any more. */
  #close(peer: ClientPeer, now: Instant): void {
    this.#peers.remove(peer)
    this.#node.closeConnection(connectionOf(peer.id), makeGoodbye(), now)
    this.#candidates.forget(peer.id)
  }

  /** Forgets a client whose connection is gone already. */
  #forget(peer: ClientPeer): void {
    this.#peers.remove(peer)
    this.#candidates.forget(peer.id)
    this.#emit({ type: 'connection-state', client: peer.id, state: 'disconnected' })
  }

  // --- what we say ---

  #updateConfig(): void {
    if (this.#addresses === undefined) return
    const { ipv4, ipv6 } = this.#addresses
    const config = { ipv4, ipv6, routes: sortedRoutes([TUNNEL_RANGE.v4, TUNNEL_RANGE.v6]), searchDomain: null }
    if (equalTunConfigs(config, this.#config)) return
    this.#config = config
    this.#announcesConfig = true
  }

  #tellPortal(message: Extract<GatewayTunnelEvent, { type: 'send-portal' }>['message']): void {
    this.#emit({ type: 'send-portal', message })
  }

  #emit(event: GatewayTunnelEvent): void {
    if (!this.#events.push(event)) this.#logger.warn({ type: event.type }, 'dropped an event that nobody polls')
  }
}

const MAX_EVENTS = 16_384

const connectionOf = (id: ClientId): ConnectionId => id as string as ConnectionId

const credentialsOf = (credentials: { readonly username: string; readonly password: string }) => ({
  ufrag: credentials.username,
  password: credentials.password,
})
