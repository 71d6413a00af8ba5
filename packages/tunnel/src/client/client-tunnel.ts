import { type ChecksumKernel, IpPrefix, PacketHeader, TrainCutter, UDP } from '@sallyport/ip-packet'
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
  type IpAddress,
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
import { encodeAssignedIps } from '../p2p-control/assigned-ips.ts'
import { parseDomainStatus } from '../p2p-control/domain-status.ts'
import { type ControlFrame, DOMAIN_STATUS, GOODBYE } from '../p2p-control/frame.ts'
import { PROXY_RANGE, SENTINEL_RANGE, TUNNEL_RANGE } from '../ranges.ts'
import { SingleDatagram } from '../single-datagram.ts'
import { sortedRoutes, type TunConfig } from '../tun-config.ts'
import { AllowedSources } from './allowed-sources.ts'
import { ClientCounters } from './counters.ts'
import { ClientDns } from './dns/client-dns.ts'
import type { DnsRecordAssignment, ProxiedName } from './dns/proxy-addresses.ts'
import type { ClientTunnelEvent, ResourceView } from './events.ts'
import { admits, type Gateway, Gateways } from './gateways.ts'
import { OutgoingRouter } from './outgoing.ts'
import { PendingFlows, type Waiting } from './pending-flows.ts'
import { type Access, byDisplayOrder, Resources } from './resources.ts'
import { SiteStatuses } from './site-statuses.ts'
import type { UniquePackets } from './unique-packets.ts'

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
  /** Which addresses stood for names in the session before: they still do. */
  readonly dnsRecords?: readonly DnsRecordAssignment[]
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
  readonly #dns: ClientDns
  readonly #router: OutgoingRouter
  readonly #ownHeader = new PacketHeader()
  readonly #outbox = new Outbox<ClientToPortal, ClientTunnelEvent>(() => {
    const batch = this.#connections.takeCandidates()
    return batch === undefined ? [] : messagesOf(batch)
  })
  #addresses: TunnelAddresses | undefined
  #searchDomain: string | null = null
  #announcesResources = false
  #announcesRecords = false
  #isClosed = false

  constructor(options: ClientTunnelOptions) {
    this.#node = options.node
    this.#logger = options.logger ?? silentLogger
    this.#cutter = new TrainCutter(options.checksum === undefined ? {} : { checksum: options.checksum })
    this.#dns = new ClientDns(
      {
        counters: this.counters,
        logger: this.#logger,
        isTunnelled: ip => this.#resources.lookup(ip.bytes, 0, ip.family) !== undefined,
        gatewayOf: resource => this.#resources.get(resource)?.gateway,
        wait: (resource, packet, now) => this.#want(resource, now).queries.push(packet, 0, packet.length),
        sendPacket: (packet, now) => this.#sendOwn(packet, now),
        assign: (gateway, proxied, now) => this.#assign(gateway, proxied, now),
        queryHost: query => this.#outbox.emit({ type: 'dns-query', query }),
        recordsChanged: () => {
          this.#announcesRecords = true
        },
      },
      options.dnsRecords ?? [],
    )
    this.#router = new OutgoingRouter(this.#resources, this.#gateways, this.#dns.proxies, this.counters)
    this.#connections = new Connections(this.#node, this.#logger, {
      established: id => this.#established(id),
      moved: (gateway, path) => this.#outbox.emit({ type: 'path-changed', gateway, ...path }),
      lost: id => this.#dropGateway(id),
    })
    const guard = {
      counters: this.counters,
      admits: (header: PacketHeader, packets: PacketBuffer, index: number) => this.#admits(header, packets, index),
      handleControl: (peer: number, frame: ControlFrame | undefined, now: Instant) =>
        this.#handleControl(peer, frame, now),
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

  /** Takes the DNS servers that the machine would ask without us: used while the portal names none. */
  setSystemDns(servers: readonly IpAddress[]): void {
    if (this.#dns.sentinels.setSystemServers(servers)) this.#updateConfig()
  }

  /** Takes the answer to a query that an event of type `dns-query` asked for; `undefined`: no server has answered. */
  handleDnsResponse(id: number, message: Uint8Array | undefined): void {
    if (!this.#isClosed) this.#dns.handleResponse(id, message)
  }

  /** Switches exactly these resources off: they stay listed, but no packet is for them. */
  setDisabledResources(ids: ReadonlySet<ResourceId>, now: Instant): void {
    if (this.#isClosed) return
    const before = this.#resources.disabled
    this.#resources.setDisabled(ids)
    for (const id of ids) if (!before.has(id)) this.#disable(id, now)
    for (const id of before) if (!ids.has(id)) this.#serve(this.#resources.get(id)?.resource)
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
    this.#dns.forget()
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
    this.#dns.handleTimeout(now)
    this.#connections.drain()
  }

  pollTransmit(): Transmit | undefined {
    return this.#node.pollTransmit()
  }

  pollEvent(): ClientTunnelEvent | undefined {
    const event = this.#outbox.poll()
    if (event !== undefined) return event
    if (this.#announcesRecords) {
      this.#announcesRecords = false
      return { type: 'dns-records-changed', records: this.#dns.proxies.assignments }
    }
    if (!this.#announcesResources) return undefined
    this.#announcesResources = false
    return { type: 'resources-changed', resources: this.resources }
  }

  pollTimeout(): Instant | undefined {
    return earliest(this.#node.pollTimeout(), this.#sites.nextExpiry, this.#dns.pollTimeout())
  }

  pollPacket(): Uint8Array | undefined {
    return this.#dns.pollPacket()
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    if (this.#isClosed || this.#addresses === undefined) return
    const router = this.#router
    for (let i = 0; i < trains.count; i++) {
      router.route(trains, i, this.#addresses)
      const { access, gateway, proxied } = router
      if (gateway !== undefined) {
        const isReady =
          proxied === undefined || isTranslated(proxied, gateway) || !this.#hold(proxied, gateway, trains, i, now)
        if (isReady) this.#node.encapsulate(gateway.handle, trains, i, datagrams, now)
      } else if (access !== undefined) this.#wait(access, trains, i, now)
      else if (router.isDns) this.#cut(trains, i, packet => this.#dns.handlePacket(packet, now))
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
    let packets: UniquePackets | undefined
    this.#cut(trains, index, packet => {
      packets ??= this.#want(access.resource.id, now).packets
      packets.push(packet, 0, packet.length)
      this.counters.pendingOut++
    })
  }

  /** Keeps the packets of a train until a gateway translates the name that they go to. Returns whether they are kept. */
  #hold(proxied: ProxiedName, gateway: Gateway, trains: PacketBuffer, index: number, now: Instant): boolean {
    const waiting = this.#dns.hold(proxied, gateway, now)
    if (waiting === undefined) return false
    this.#cut(trains, index, packet => {
      waiting.push(packet, 0, packet.length)
      this.counters.pendingOut++
    })
    return true
  }

  /** Hands out the packets that a train stands for, one by one; each is only borrowed. */
  #cut(trains: PacketBuffer, index: number, each: (packet: Uint8Array) => void): void {
    const { arena } = trains
    const cutter = this.#cutter
    const { offset, length, segmentSize, flags } = trains
    if (cutter.begin(arena, offset[index]!, length[index]!, segmentSize[index]!, flags[index]!) !== undefined) {
      this.counters.malformedOut++
      return
    }
    while (cutter.next()) each(arena.bytes.subarray(cutter.segmentOffset, cutter.segmentOffset + cutter.segmentLength))
  }

  /** Returns what waits for a resource, to push to; asks the portal for access unless it was asked just before. */
  #want(resource: ResourceId, now: Instant): Waiting {
    const waiting = this.#pending.want(resource, now)
    if (waiting.isIntentDue) this.#ask(resource)
    return waiting
  }

  #ask(resource: ResourceId): void {
    this.#logger.debug({ resource }, 'asking for access')
    this.#outbox.tellPortal({
      event: 'create_flow',
      payload: { resource_id: resource, connected_gateway_ids: this.#gateways.remembered },
    })
  }

  /** Sends a packet of our own, as if an application had sent it. */
  #sendOwn(packet: Uint8Array, now: Instant): void {
    const header = this.#ownHeader
    if (header.parse(packet, 0, packet.length) !== undefined) return
    const family = header.version === 4 ? 4 : 6
    const peer = this.#gateways.byAddress(packet, header.destinationOffset, family)
    const access = peer === undefined ? this.#resources.lookup(packet, header.destinationOffset, family) : undefined
    const gateway = peer ?? access?.gateway
    if (gateway !== undefined) this.#connections.send(gateway.id, packet, now)
    else if (access !== undefined) this.#want(access.resource.id, now).packets.push(packet, 0, packet.length)
  }

  /** Tells a gateway which addresses stand for a name. Where they are all given out there may be too few for that. */
  #assign(gateway: Gateway, proxied: ProxiedName, now: Instant): void {
    const proxyIps = [...proxied.ipv4, ...proxied.ipv6]
    for (const ip of proxyIps) gateway.sources.add(IpPrefix.host(ip), proxied.resource)
    const isTooLong = JSON.stringify(proxied.name.text).length > MAX_DOMAIN_TEXT
    if (isTooLong || (proxyIps.length !== 4 && proxyIps.length !== 8)) {
      this.#logger.warn({ domain: proxied.name.text }, 'a name that no gateway can be told about')
      return
    }
    const message = { resource: proxied.resource, domain: proxied.name.text, proxyIps }
    this.#connections.send(gateway.id, encodeAssignedIps(message), now)
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
    return (
      header.protocol !== UDP || !this.#dns.awaitsAnswersFrom(header.sourcePort) || !this.#takeAnswers(packets, index)
    )
  }

  /** Takes the packets of a train that answer DNS queries; the first decides about all. */
  #takeAnswers(packets: PacketBuffer, index: number): boolean {
    const header = this.#ownHeader
    for (let i = index; i < index + packets.segments[index]!; i++) {
      if (header.parse(packets.arena.bytes, packets.offset[i]!, packets.length[i]!) !== undefined) continue
      if (!this.#dns.takeAnswer(header, packets.arena.bytes) && i === index) return false
    }
    return true
  }

  #handleControl(peer: number, frame: ControlFrame | undefined, now: Instant): void {
    const gateway = this.#gateways.byHandle(peer)
    if (gateway === undefined) return
    const status = frame?.event === DOMAIN_STATUS ? parseDomainStatus(frame.body) : undefined
    if (status !== undefined) {
      const waiting = this.#dns.handleStatus(gateway, status.resource, status.domain, status.isActive)
      for (const packet of waiting) this.#connections.send(gateway.id, packet, now)
    } else if (frame?.event === GOODBYE) {
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
    this.#dns.sentinels.setPortalServers(config.upstream_dns.map(({ address }) => address))
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
    if (resource.type === 'internet' && this.#resources.get(resource.id) === undefined)
      this.#logger.debug({ resource: resource.id, type: resource.type }, 'listing a resource that no packet will match')
    this.#resources.set(resource)
    this.#serve(resource)
    this.#announcesResources = true
  }

  /** Answers for the names of a resource, unless it is switched off. */
  #serve(resource: ClientResource | undefined): void {
    if (resource?.type === 'dns' && !this.#resources.isDisabled(resource.id)) this.#dns.add(resource)
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
    this.#dns.remove(id)
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
    if (access.resource.type === 'dns') {
      // Its name server is in use as well, for as long as the resource is.
      for (const own of [gateway.addresses.ipv4, gateway.addresses.ipv6])
        gateway.sources.add(IpPrefix.host(own), flow.resource_id)
      this.#dns.updateAll(flow.resource_id, gateway, now)
    }
    for (const packet of waiting.packets) this.#sendWaiting(packet, gateway, now)
    for (const packet of waiting.queries) this.#dns.handlePacket(packet, now)
  }

  /** Sends a packet that has waited for access, or lets it wait for the translation of its name. */
  #sendWaiting(packet: Uint8Array, gateway: Gateway, now: Instant): void {
    const header = this.#ownHeader
    if (header.parse(packet, 0, packet.length) !== undefined) return
    const proxied = this.#dns.proxies.lookup(packet, header.destinationOffset, header.version === 4 ? 4 : 6)
    const waiting = proxied && this.#dns.hold(proxied, gateway, now)
    if (waiting === undefined) this.#connections.send(gateway.id, packet, now)
    else waiting.push(packet, 0, packet.length)
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
    this.#dns.forget(gateway)
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
      dnsServers: this.#dns.sentinels.servers,
    })
  }
}

/** Longer than the text of any name that people use, and short enough for a packet with its addresses. */
const MAX_DOMAIN_TEXT = 512

/** Whether packets to a name may go at once: what the packet path asks. */
const isTranslated = (proxied: ProxiedName, gateway: Gateway): boolean =>
  proxied.translation?.gateway === gateway && proxied.translation.state !== 'pending'

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
