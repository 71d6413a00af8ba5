import { DomainName } from '@sallyport/dns-message'
import { makeUnreachable, type PacketHeader, type UnreachableReason } from '@sallyport/ip-packet'
import type {
  Authorization,
  AuthorizeFlow,
  ClientId,
  GatewayInit,
  GatewayResource,
  GatewayToPortal,
  PortalToGateway,
  RejectAccess,
  ResourceId,
  TunnelAddresses,
} from '@sallyport/portal-protocol'
import {
  add,
  type Datagram,
  type DataPlane,
  earliest,
  elapsed,
  type Instant,
  type IpAddress,
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
import type { CandidateBatch } from '../candidate-batches.ts'
import { Connections } from '../connections.ts'
import { Incoming } from '../incoming.ts'
import { Outbox } from '../outbox.ts'
import type { Overlay } from '../overlay.ts'
import { type AssignedIps, parseAssignedIps } from '../p2p-control/assigned-ips.ts'
import { encodeDomainStatus } from '../p2p-control/domain-status.ts'
import { ASSIGNED_IPS, type ControlFrame, GOODBYE } from '../p2p-control/frame.ts'
import { TUNNEL_RANGE } from '../ranges.ts'
import { SingleDatagram } from '../single-datagram.ts'
import { sortedRoutes, type TunConfig } from '../tun-config.ts'
import type { ClientPeer } from './client-peer.ts'
import { ClientPeers } from './client-peers.ts'
import { GatewayCounters } from './counters.ts'
import type { GatewayTunnelEvent, ResolveRequest } from './events.ts'
import { Gate } from './gate.ts'

/** How often expired access is looked for. */
const POLICY_TICK: Millis = seconds(1)

/** How often sessions are looked for that are over; whether one is shows at each of its packets. */
const SWEEP_TICKS = 30

/** Longer than the text of any name that people use, and short enough for a packet. */
const MAX_DOMAIN_TEXT = 512

/** What a {@link GatewayTunnel} works with. */
export interface GatewayTunnelOptions {
  /** Connections to clients: a snownet `Node` with the role of a gateway, which nobody else uses. */
  readonly node: Overlay
  /** One moment on both clocks: access expires by calendar time. */
  readonly calendar: { readonly instant: Instant; readonly wallClock: WallClock }
  /** Silent by default. */
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
  readonly #connections: Connections<ClientId>
  readonly #incoming: Incoming
  readonly #single = new SingleDatagram()
  readonly #peers = new ClientPeers()
  readonly #gate = new Gate(this.#peers, this.counters)
  readonly #outbox = new Outbox<GatewayToPortal, GatewayTunnelEvent>(() => {
    const batch = this.#connections.takeCandidates()
    return batch === undefined ? [] : messagesOf(batch)
  })
  #nextTick: Instant | undefined
  #tickCount = 0
  #isClosed = false
  #repeatsCandidates = false

  constructor(options: GatewayTunnelOptions) {
    this.#node = options.node
    this.#logger = options.logger ?? silentLogger
    this.#calendar = options.calendar
    this.#connections = new Connections(this.#node, this.#logger, {
      established: client => this.#outbox.emit({ type: 'connection-state', client, state: 'connected' }),
      moved: (client, path) => this.#outbox.emit({ type: 'path-changed', client, ...path }),
      lost: client => this.#lost(client),
    })
    const guard = {
      counters: this.counters,
      admits: (header: PacketHeader, packets: PacketBuffer, index: number, now: Instant) =>
        this.#admits(header, packets, index, now),
      handleControl: (peer: number, frame: ControlFrame | undefined, now: Instant) =>
        this.#handleControl(peer, frame, now),
    }
    this.#incoming = new Incoming(this.#node, guard, options.joinsUdp ?? false)
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
    return this.#outbox.config
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
        this.#connections.updateRelays(message.payload, now)
        break
      case 'ice_candidates':
        this.#connections.addCandidates(message.payload.client_id, message.payload.candidates, now)
        break
      case 'invalidate_ice_candidates':
        this.#connections.removeCandidates(message.payload.client_id, message.payload.candidates, now)
        break
      default:
        unreachable(message)
    }
    this.#node.handleTimeout(now)
    this.#connections.drain()
  }

  /**
   * Goes on after the network has changed: clients are told our new addresses and stay connected. The portal's channel
   * is to be joined again, because it carries those. The sockets may stay, as they hear all addresses.
   */
  relocate(now: Instant): void {
    if (this.#isClosed) return
    this.#repeatsCandidates = true
    this.#connections.relocate(now)
  }

  /** Says goodbye to every client: the datagrams come out of {@link pollTransmit}. From then on no packet passes. */
  shutdown(now: Instant): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#nextTick = undefined
    this.#peers.clear()
    this.#connections.closeAll(now)
  }

  /** Convenience for a single datagram: as {@link receiveDatagrams}, except that packets for the TUN device are lost. */
  handleInput(input: Datagram, now: Instant): boolean {
    const { datagrams, packets } = this.#single.load(input)
    if (datagrams.count > 0) this.receiveDatagrams(datagrams, packets, now)
    return datagrams.count > 0
  }

  handleTimeout(now: Instant): void {
    this.#node.handleTimeout(now)
    this.#connections.drain()
    if (this.#nextTick !== undefined && this.#nextTick <= now) this.#tick(now)
  }

  pollTransmit(): Transmit | undefined {
    return this.#node.pollTransmit()
  }

  pollEvent(): GatewayTunnelEvent | undefined {
    return this.#outbox.poll()
  }

  pollTimeout(): Instant | undefined {
    return earliest(this.#node.pollTimeout(), this.#nextTick)
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    if (this.#isClosed) return
    for (let i = 0; i < trains.count; i++) {
      const peer = this.#gate.clientOf(trains, i, now)
      if (peer === undefined) continue
      if (this.#gate.replacement !== undefined) this.#connections.send(peer.id, this.#gate.replacement, now)
      else this.#node.encapsulate(peer.handle, trains, i, datagrams, now)
    }
    this.#connections.drain()
  }

  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    if (this.#isClosed) this.#incoming.discard(datagrams, packets, now)
    else this.#incoming.receive(datagrams, packets, now)
    this.#connections.drain()
  }

  // --- the packet path ---

  #admits(header: PacketHeader, packets: PacketBuffer, index: number, now: Instant): boolean {
    const peer = this.#peers.byHandle(packets.peer[index]!)
    if (peer === undefined) {
      this.counters.unknownPeerIn += packets.segments[index]!
      return false
    }
    const admission = this.#gate.admit(peer, header, packets, index, now)
    if (admission === 'admitted') return true
    this.#refuse(peer, packets.bytesOf(index), admission, now)
    return false
  }

  /** Answers a packet that may not pass, so that its sender need not wait for a timeout. */
  #refuse(peer: ClientPeer, packet: Uint8Array, reason: UnreachableReason, now: Instant): void {
    if (!peer.icmpErrors.take(now)) {
      this.counters.icmpErrorsSuppressed++
      return
    }
    const error = makeUnreachable(packet, reason)
    if (error !== undefined) this.#connections.send(peer.id, error, now)
  }

  #handleControl(handle: number, frame: ControlFrame | undefined, now: Instant): void {
    const peer = this.#peers.byHandle(handle)
    if (peer === undefined) return
    const assigned = frame?.event === ASSIGNED_IPS ? parseAssignedIps(frame.body) : undefined
    if (assigned !== undefined) this.#resolve(peer, assigned, now)
    else if (frame?.event === GOODBYE) {
      this.#logger.debug({ client: peer.id }, 'the client said goodbye')
      this.#connections.forget(peer.id)
      this.#peers.remove(peer)
      this.#outbox.emit({ type: 'connection-state', client: peer.id, state: 'disconnected' })
    } else this.#logger.debug({ client: peer.id, event: frame?.event }, 'ignoring a control message')
  }

  // --- names ---

  /** Takes the addresses of a name that an event of type `resolve-domain` asked for; `undefined`: it can't be resolved. */
  handleDomainResolved(request: ResolveRequest, addresses: readonly IpAddress[] | undefined, now: Instant): void {
    const { client, domain, proxyIps, resource } = request
    const peer = this.#peers.get(client)
    if (this.#isClosed || peer === undefined) return
    const isActive =
      addresses !== undefined &&
      peer.mayReach(resource, domain) &&
      peer.translate(domain, resource, proxyIps, addresses)
    this.#tellStatus(peer, resource, domain.text, isActive, now)
    this.#connections.drain()
  }

  #resolve(peer: ClientPeer, { domain: text, proxyIps, resource }: AssignedIps, now: Instant): void {
    const domain = DomainName.parse(text)
    if (domain !== undefined && peer.mayReach(resource, domain)) {
      const request = { client: peer.id, resource, domain, proxyIps }
      this.#outbox.emit({ type: 'resolve-domain', request })
    } else {
      this.#logger.debug({ client: peer.id, resource, domain: text }, 'a name that the client is not let in to')
      this.#tellStatus(peer, resource, text, false, now)
    }
  }

  #tellStatus(peer: ClientPeer, resource: ResourceId, domain: string, isActive: boolean, now: Instant): void {
    if (JSON.stringify(domain).length > MAX_DOMAIN_TEXT) return // none that we would have heard of from a client of ours
    this.#connections.send(peer.id, encodeDomainStatus({ resource, domain, isActive }), now)
  }

  // --- what the portal says ---

  #init(init: GatewayInit, now: Instant): void {
    this.#connections.updateRelays({ disconnected_ids: [], connected: init.relays }, now)
    // What was told since we had moved may have gone into a connection to the portal that was dead already.
    if (this.#repeatsCandidates) this.#connections.repeatCandidates()
    this.#repeatsCandidates = false
    this.#setInterface(init.interface)
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

  #authorizeFlow(flow: AuthorizeFlow, now: Instant): void {
    const { client, resource } = flow
    const secrets = {
      publicKey: client.public_key,
      presharedKey: client.preshared_key,
      ownCredentials: flow.gateway_ice_credentials,
      peerCredentials: flow.client_ice_credentials,
    }
    const handle = this.#connections.connect(client.id, secrets, now)
    if (handle < 0) {
      this.#outbox.emit({ type: 'relays-wanted' })
      return // unanswered: the client asks again
    }
    const rival = this.#peers.rivalOf(client.id, client)
    if (rival !== undefined) this.#logger.warn({ client: client.id, other: rival.id }, 'two clients with one address')
    const peer = this.#peers.upsert(client.id, { ipv4: client.ipv4, ipv6: client.ipv6 })
    this.#peers.setHandle(peer, handle)
    peer.authorize(resource, flow.expires_at)
    if (resource.type === 'internet')
      this.#logger.debug(
        { resource: resource.id, type: resource.type },
        'access to a resource that no packet will match',
      )
    this.#nextTick ??= add(now, POLICY_TICK)
    this.#outbox.tellPortal({ event: 'flow_authorized', payload: { ref: flow.ref } })
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
      if (this.#tickCount % SWEEP_TICKS === 0) peer.nat.sweep(now)
      if (peer.isEmpty) this.#close(peer, now)
    }
    this.#tickCount++
    this.#nextTick = this.#peers.size > 0 ? add(now, POLICY_TICK) : undefined
    this.#connections.drain()
  }

  // --- what the overlay says ---

  /** The client may come back: what it is let in to stays. */
  #lost(client: ClientId): void {
    const peer = this.#peers.get(client)
    if (peer !== undefined) this.#peers.setHandle(peer, -1)
    this.#outbox.emit({ type: 'connection-state', client, state: 'disconnected' })
  }

  /** Ends the connection to a client that is let in to nothing any more. */
  #close(peer: ClientPeer, now: Instant): void {
    this.#peers.remove(peer)
    this.#connections.close(peer.id, now)
  }

  // --- what we say ---

  #setInterface(addresses: TunnelAddresses): void {
    const { ipv4, ipv6 } = addresses
    this.#gate.own = addresses
    this.#outbox.configure({
      ipv4,
      ipv6,
      routes: sortedRoutes([TUNNEL_RANGE.v4, TUNNEL_RANGE.v6]),
      searchDomain: null,
      dnsServers: [],
    })
  }
}

function messagesOf({ peer, added, removed }: CandidateBatch<ClientId>): GatewayToPortal[] {
  const client_ids = [peer]
  const messages: GatewayToPortal[] = []
  if (removed.length > 0)
    messages.push({ event: 'broadcast_invalidated_ice_candidates', payload: { client_ids, candidates: removed } })
  if (added.length > 0) messages.push({ event: 'broadcast_ice_candidates', payload: { client_ids, candidates: added } })
  return messages
}
