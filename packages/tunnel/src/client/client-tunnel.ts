import { type ChecksumKernel, type IpPrefix, type PacketHeader, TrainCutter } from '@sallyport/ip-packet'
import type {
  ClientInit,
  ClientInterface,
  ClientResource,
  ClientToPortal,
  FlowCreated,
  FlowCreationFailed,
  GatewayId,
  PortalToClient,
  ResourceId,
  TunnelAddresses,
} from '@sallyport/portal-protocol'
import {
  type Datagram,
  type DataPlane,
  earliest,
  type Instant,
  type Logger,
  type PacketBuffer,
  type SansIo,
  silentLogger,
  type Transmit,
  unreachable,
} from '@sallyport/sans-io'
import type { CandidateBatch } from '../candidate-batches.ts'
import { Connections } from '../connections.ts'
import { equalAt } from '../equal-at.ts'
import { Incoming } from '../incoming.ts'
import { Outbox } from '../outbox.ts'
import type { Overlay } from '../overlay.ts'
import { type ControlFrame, GOODBYE } from '../p2p-control/frame.ts'
import { PROXY_RANGE, SENTINEL_RANGE, TUNNEL_RANGE } from '../ranges.ts'
import { SingleDatagram } from '../single-datagram.ts'
import { sortedRoutes, type TunConfig } from '../tun-config.ts'
import { AllowedSources } from './allowed-sources.ts'
import { ClientCounters } from './counters.ts'
import type { ClientTunnelEvent, ResourceView } from './events.ts'
import { admits, type Gateway, Gateways } from './gateways.ts'
import { OutgoingRouter } from './outgoing.ts'
import { PendingFlows } from './pending-flows.ts'
import { type Access, byDisplayOrder, Resources } from './resources.ts'
import { SiteStatuses } from './site-statuses.ts'

/** What a {@link ClientTunnel} works with. */
export interface ClientTunnelOptions {
  /** Connections to gateways: a snownet `Node` with the role of a client, which nobody else uses. */
  readonly node: Overlay
  /** Silent by default. */
  readonly logger?: Logger
  /** Whether the TUN device takes UDP super-packets (USO); `false` by default. */
  readonly joinsUdp?: boolean
  /** Sums payloads of packets that have to wait; portable by default. */
  readonly checksum?: ChecksumKernel
}

/**
 * A client: which resource is a packet for, which gateway lets us in to it, and what may come back from there.
 *
 * What the portal says comes in through {@link handlePortalMessage}; what it is to be told goes out as events.
 */
export class ClientTunnel implements SansIo<Datagram, Transmit, ClientTunnelEvent>, DataPlane {
  /** Packets that were not passed on, by reason. */
  readonly counters: ClientCounters = new ClientCounters()
  readonly #node: Overlay
  readonly #logger: Logger
  readonly #connections: Connections<GatewayId>
  readonly #cutter: TrainCutter
  readonly #incoming: Incoming
  readonly #single = new SingleDatagram()
  readonly #resources = new Resources()
  readonly #gateways = new Gateways()
  readonly #pending = new PendingFlows()
  readonly #sites = new SiteStatuses()
  readonly #router = new OutgoingRouter(this.#resources, this.#gateways, this.counters)
  readonly #outbox = new Outbox<ClientToPortal, ClientTunnelEvent>(() => {
    const batch = this.#connections.takeCandidates()
    return batch === undefined ? [] : messagesOf(batch)
  })
  #addresses: TunnelAddresses | undefined
  #searchDomain: string | null = null
  #announcesResources = false
  #isClosed = false

  constructor(options: ClientTunnelOptions) {
    this.#node = options.node
    this.#logger = options.logger ?? silentLogger
    this.#cutter = new TrainCutter(options.checksum === undefined ? {} : { checksum: options.checksum })
    this.#connections = new Connections(this.#node, this.#logger, {
      established: id => this.#established(id),
      moved: (gateway, path) => this.#outbox.emit({ type: 'path-changed', gateway, ...path }),
      lost: id => this.#dropGateway(id),
    })
    const guard = {
      counters: this.counters,
      admits: (header: PacketHeader, packets: PacketBuffer, index: number) => this.#admits(header, packets, index),
      handleControl: (peer: number, frame: ControlFrame | undefined) => this.#handleControl(peer, frame),
    }
    this.#incoming = new Incoming(this.#node, guard, options.joinsUdp ?? false)
  }

  /** The public key that the portal has to know us by. Changes with {@link reset}. */
  get publicKey(): Uint8Array {
    return this.#node.publicKey
  }

  /** The resources that we know, in the order to be shown. */
  get resources(): readonly ResourceView[] {
    return [...this.#resources.values()]
      .map(({ resource }) => resource)
      .sort(byDisplayOrder)
      .map(resource => ({
        resource,
        status: this.#sites.of(resource),
        isEnabled: !this.#resources.isDisabled(resource.id),
      }))
  }

  /** How the TUN device is to be set up; `undefined` until the portal has said so. */
  get tunConfig(): TunConfig | undefined {
    return this.#outbox.config
  }

  /** Handles one message of the portal. */
  handlePortalMessage(message: PortalToClient, now: Instant): void {
    if (this.#isClosed) return
    switch (message.event) {
      case 'init':
        this.#init(message.payload, now)
        break
      case 'config_changed':
        this.#setInterface(message.payload.interface)
        break
      case 'resource_created_or_updated':
        this.#addResource(message.payload, now)
        this.#updateConfig()
        break
      case 'resource_deleted':
        this.#removeResource(message.payload, now)
        this.#updateConfig()
        break
      case 'relays_presence':
        this.#connections.updateRelays(message.payload, now)
        break
      case 'ice_candidates':
        this.#connections.addCandidates(message.payload.gateway_id, message.payload.candidates, now)
        break
      case 'invalidate_ice_candidates':
        this.#connections.removeCandidates(message.payload.gateway_id, message.payload.candidates, now)
        break
      case 'flow_created':
        this.#flowCreated(message.payload, now)
        break
      case 'flow_creation_failed':
        this.#flowCreationFailed(message.payload, now)
        break
      default:
        unreachable(message)
    }
    this.#node.handleTimeout(now)
    this.#connections.drain()
  }

  /** Switches exactly these resources off: they stay listed, but no packet is for them. */
  setDisabledResources(ids: ReadonlySet<ResourceId>, now: Instant): void {
    if (this.#isClosed) return
    const before = this.#resources.disabled
    this.#resources.setDisabled(ids)
    for (const id of ids) if (!before.has(id)) this.#disable(id, now)
    this.#updateConfig()
    this.#announcesResources = true
    this.#connections.drain()
  }

  /**
   * Starts over on another network: all connections are gone, and so is our key.
   *
   * Resources and packets that wait for access are kept. Then the sockets are to be bound again and the portal's channel
   * is to be joined with the new {@link publicKey}; when that tells us about relays, access is asked for again to all
   * that we had access to, so that whoever just waits for data goes on, too. No goodbye is sent.
   */
  reset(now: Instant): void {
    if (this.#isClosed) return
    const used = [...this.#resources.values()].filter(({ gateway }) => gateway !== undefined)
    this.#pending.restart(used.map(({ resource }) => resource.id))
    this.#connections.reset(now)
    for (const gateway of [...this.#gateways.values()]) this.#dropGateway(gateway.id)
    this.#gateways.clear()
    this.#sites.clearOnline()
  }

  /** Says goodbye to every gateway: the datagrams come out of {@link pollTransmit}. From then on no packet passes. */
  shutdown(now: Instant): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#gateways.clear()
    this.#pending.clear()
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
    if (this.#sites.expire(now)) this.#announcesResources = true
    this.#connections.drain()
  }

  pollTransmit(): Transmit | undefined {
    return this.#node.pollTransmit()
  }

  pollEvent(): ClientTunnelEvent | undefined {
    const event = this.#outbox.poll()
    if (event !== undefined || !this.#announcesResources) return event
    this.#announcesResources = false
    return { type: 'resources-changed', resources: this.resources }
  }

  pollTimeout(): Instant | undefined {
    return earliest(this.#node.pollTimeout(), this.#sites.nextExpiry)
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    if (this.#isClosed || this.#addresses === undefined) return
    const router = this.#router
    for (let i = 0; i < trains.count; i++) {
      router.route(trains, i, this.#addresses)
      if (router.gateway !== undefined) this.#node.encapsulate(router.gateway.handle, trains, i, datagrams, now)
      else if (router.access !== undefined) this.#wait(router.access, trains, i, now)
    }
    this.#connections.drain()
  }

  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    if (this.#isClosed) this.#incoming.discard(datagrams, packets, now)
    else this.#incoming.receive(datagrams, packets, now)
    this.#connections.drain()
  }

  // --- the packet path ---

  /** Keeps the packets of a train until we are let in to their resource, and asks for that. */
  #wait(access: Access, trains: PacketBuffer, index: number, now: Instant): void {
    const { arena } = trains
    const cutter = this.#cutter
    const { offset, length, segmentSize, flags } = trains
    if (cutter.begin(arena, offset[index]!, length[index]!, segmentSize[index]!, flags[index]!) !== undefined) {
      this.counters.malformedOut++
      return
    }
    const { packets, isIntentDue } = this.#pending.want(access.resource.id, now)
    while (cutter.next()) {
      packets.push(arena.bytes, cutter.segmentOffset, cutter.segmentLength)
      this.counters.pendingOut++
    }
    if (isIntentDue) this.#ask(access.resource.id)
  }

  #ask(resource: ResourceId): void {
    this.#logger.debug({ resource }, 'asking for access')
    this.#outbox.tellPortal({
      event: 'create_flow',
      payload: { resource_id: resource, connected_gateway_ids: this.#gateways.remembered },
    })
  }

  #admits(header: PacketHeader, packets: PacketBuffer, index: number): boolean {
    const { counters } = this
    const { bytes } = packets.arena
    const gateway = this.#gateways.byHandle(packets.peer[index]!)
    if (gateway === undefined) {
      counters.unknownPeerIn += packets.segments[index]!
      return false
    }
    const family = header.version === 4 ? 4 : 6
    if (!admits(gateway, bytes, header.sourceOffset, family)) {
      counters.foreignSourceIn += packets.segments[index]!
      return false
    }
    const own = family === 4 ? this.#addresses?.ipv4 : this.#addresses?.ipv6
    if (own === undefined || !equalAt(own.bytes, bytes, header.destinationOffset)) {
      counters.foreignDestinationIn += packets.segments[index]!
      return false
    }
    return true
  }

  #handleControl(peer: number, frame: ControlFrame | undefined): void {
    const gateway = this.#gateways.byHandle(peer)
    if (gateway === undefined) return
    if (frame?.event === GOODBYE) {
      this.#logger.debug({ gateway: gateway.id }, 'the gateway said goodbye')
      this.#connections.forget(gateway.id)
      this.#dropGateway(gateway.id)
    } else this.#logger.debug({ gateway: gateway.id, event: frame?.event }, 'ignoring a control message')
  }

  // --- what the portal says ---

  #init(init: ClientInit, now: Instant): void {
    this.#setInterface(init.interface)
    this.#setResources(init.resources, now)
    this.#connections.updateRelays({ disconnected_ids: [], connected: init.relays }, now)
    for (const resource of this.#pending.takeUnasked(now)) this.#ask(resource)
  }

  #setInterface(config: ClientInterface): void {
    this.#addresses = { ipv4: config.ipv4, ipv6: config.ipv6 }
    this.#searchDomain = config.search_domain
    this.#updateConfig()
  }

  /** A resource that hasn't changed is not touched, so that its traffic goes on. */
  #setResources(resources: readonly ClientResource[], now: Instant): void {
    const listed = new Set(resources.map(({ id }) => id))
    for (const { resource } of [...this.#resources.values()])
      if (!listed.has(resource.id)) this.#removeResource(resource.id, now)
    for (const resource of resources) this.#addResource(resource, now)
    this.#updateConfig()
    this.#announcesResources = true
  }

  #addResource(resource: ClientResource, now: Instant): void {
    if (this.#resources.isReplacedBy(resource)) this.#removeResource(resource.id, now)
    if (resource.type !== 'cidr' && this.#resources.get(resource.id) === undefined)
      this.#logger.debug({ resource: resource.id, type: resource.type }, 'listing a resource that no packet will match')
    this.#resources.set(resource)
    this.#announcesResources = true
  }

  #removeResource(id: ResourceId, now: Instant): void {
    if (this.#resources.get(id) === undefined) return
    this.#disable(id, now)
    this.#resources.delete(id)
    this.#announcesResources = true
  }

  /** Forgets who lets us in to a resource. A gateway that serves us nothing else is said goodbye to. */
  #disable(id: ResourceId, now: Instant): void {
    this.#pending.take(id)
    const access = this.#resources.get(id)
    const gateway = access?.gateway
    if (access === undefined || gateway === undefined) return
    access.gateway = undefined
    gateway.sources.remove(id)
    if (!gateway.sources.isEmpty) return
    this.#dropGateway(gateway.id)
    this.#connections.close(gateway.id, now)
  }

  #flowCreated(flow: FlowCreated, now: Instant): void {
    const access = this.#resources.get(flow.resource_id)
    if (access === undefined) {
      this.#logger.warn({ resource: flow.resource_id }, 'access to an unknown resource')
      return
    }
    const waiting = this.#pending.take(flow.resource_id)
    if (waiting === undefined) {
      this.#logger.debug({ resource: flow.resource_id }, 'ignoring access that nobody waits for')
      return
    }
    const id = flow.gateway_id
    const secrets = {
      publicKey: flow.gateway_public_key,
      presharedKey: flow.preshared_key,
      ownCredentials: flow.client_ice_credentials,
      peerCredentials: flow.gateway_ice_credentials,
    }
    const handle = this.#connections.connect(id, secrets, now)
    if (handle < 0) {
      this.#pending.putBack(flow.resource_id, waiting) // asked for again when the portal tells us about relays
      this.#outbox.emit({ type: 'relays-wanted' })
      return
    }
    if (access.gateway !== undefined && access.gateway.id !== id) {
      this.#logger.error({ resource: flow.resource_id }, 'another gateway still serves this resource: switching')
      this.#disable(flow.resource_id, now)
    }
    const identity = JSON.stringify(secrets)
    // A gateway that has started anew remembers nobody: what it served has to be asked for again.
    if (this.#gateways.get(id)?.identity !== identity) this.#dropGateway(id)
    const gateway = this.#gateways.get(id) ?? this.#addGateway(flow, identity, handle)
    access.gateway = gateway
    if (access.prefix !== undefined) gateway.sources.add(access.prefix, flow.resource_id)
    for (const packet of waiting) this.#connections.send(id, packet, now)
  }

  #addGateway(flow: FlowCreated, identity: string, handle: number): Gateway {
    const gateway: Gateway = {
      id: flow.gateway_id,
      site: flow.gateway_group_id,
      addresses: { ipv4: flow.gateway_ipv4, ipv6: flow.gateway_ipv6 },
      identity,
      handle,
      sources: new AllowedSources(),
      isEstablished: false,
    }
    this.#gateways.add(gateway)
    return gateway
  }

  #flowCreationFailed(failure: FlowCreationFailed, now: Instant): void {
    const access = this.#resources.get(failure.resource_id)
    if (access === undefined) return
    this.#logger.debug({ ...failure }, 'access was not granted')
    if (failure.reason !== 'offline') return // more traffic asks again
    if (this.#pending.take(failure.resource_id) === undefined) return // answered otherwise in the meantime
    for (const site of access.resource.gateway_groups) this.#sites.setOffline(site.id, now)
    this.#announcesResources = true
  }

  // --- what the overlay says ---

  #established(id: GatewayId): void {
    const gateway = this.#gateways.get(id)
    if (gateway === undefined) return
    gateway.isEstablished = true
    this.#sites.setOnline(gateway.site)
    this.#announcesResources = true
    this.#outbox.emit({ type: 'connection-state', gateway: id, state: 'connected' })
  }

  /** Forgets a gateway that is gone: the next packet for any of its resources asks for access again. */
  #dropGateway(id: GatewayId): void {
    const gateway = this.#gateways.remove(id)
    if (gateway === undefined) return
    for (const access of this.#resources.values()) if (access.gateway === gateway) access.gateway = undefined
    const { site } = gateway
    if (![...this.#gateways.values()].some(other => other.site === site && other.isEstablished))
      this.#sites.setUnknown(site)
    this.#announcesResources = true
    if (gateway.isEstablished) this.#outbox.emit({ type: 'connection-state', gateway: id, state: 'disconnected' })
  }

  // --- what we say ---

  #updateConfig(): void {
    if (this.#addresses === undefined) return
    this.#outbox.configure({
      ...this.#addresses,
      routes: sortedRoutes([...FIXED_ROUTES, ...this.#resources.networks]),
      searchDomain: this.#searchDomain,
    })
  }
}

const FIXED_ROUTES: readonly IpPrefix[] = [TUNNEL_RANGE, PROXY_RANGE, SENTINEL_RANGE].flatMap(({ v4, v6 }) => [v4, v6])

function messagesOf({ peer, added, removed }: CandidateBatch<GatewayId>): ClientToPortal[] {
  const gateway_ids = [peer]
  const messages: ClientToPortal[] = []
  if (removed.length > 0)
    messages.push({ event: 'broadcast_invalidated_ice_candidates', payload: { gateway_ids, candidates: removed } })
  if (added.length > 0)
    messages.push({ event: 'broadcast_ice_candidates', payload: { gateway_ids, candidates: added } })
  return messages
}
