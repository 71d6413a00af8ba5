import {
  DomainName,
  encodeMessage,
  MAX_MESSAGE_LENGTH,
  type OneQuestion,
  parseQuery,
  truncateMessage,
} from '@sallyport/dns-message'
import {
  MAX_PACKET_LENGTH,
  makeTcpPacket,
  makeUdpPacket,
  PacketHeader,
  TCP,
  TCP_ACK,
  TCP_RST,
  UDP,
} from '@sallyport/ip-packet'
import type { ClientDnsResource, ResourceId } from '@sallyport/portal-protocol'
import {
  BoundedQueue,
  earliest,
  type Instant,
  IpAddress,
  type IpFamily,
  type Logger,
  SocketAddress,
  unreachable,
  viewOf,
} from '@sallyport/sans-io'
import type { ClientCounters } from '../counters.ts'
import type { Gateway } from '../gateways.ts'
import { HostQueries, type HostQuery } from './host-queries.ts'
import { type DnsRecordAssignment, type ProxiedName, ProxyAddresses } from './proxy-addresses.ts'
import { DNS_PORT, Sentinels } from './sentinels.ts'
import { StubResolver } from './stub-resolver.ts'
import { Translations } from './translations.ts'
import { TunnelledQueries } from './tunnelled-queries.ts'

/** Where gateways answer queries about names of their site. */
export const SITE_DNS_PORT = 53_535

/** The most bytes of an answer over UDP: with the longest IP header it is a packet that fits. */
const MAX_UDP_ANSWER = MAX_PACKET_LENGTH - 60 - 8

/** Answers that wait for the TUN device. */
const MAX_ANSWERS = 1024

/** What the client's tunnel does for its DNS. */
export interface ClientDnsHost {
  readonly counters: ClientCounters
  readonly logger: Logger
  /** Returns whether packets to an address go through the tunnel. */
  isTunnelled(ip: IpAddress): boolean
  /** Returns the gateway that lets us in to a resource. */
  gatewayOf(resource: ResourceId): Gateway | undefined
  /** Keeps a packet to a sentinel until we are let in to a resource, and asks for that. Then it comes back to us. */
  wait(resource: ResourceId, packet: Uint8Array, now: Instant): void
  /** Sends a packet through the tunnel as if an application had sent it. */
  sendPacket(packet: Uint8Array, now: Instant): void
  /** Tells a gateway which addresses stand for a name. */
  assign(gateway: Gateway, proxied: ProxiedName, now: Instant): void
  /** Has a query answered outside of the tunnel. */
  queryHost(query: HostQuery): void
  /** Names have got addresses. */
  recordsChanged(): void
}

/** DNS on the client: what is sent to the sentinels, what stands for names, and what gateways do about those. */
export class ClientDns {
  readonly sentinels: Sentinels = new Sentinels()
  readonly proxies: ProxyAddresses
  readonly translations: Translations
  readonly #host: ClientDnsHost
  readonly #stub: StubResolver
  readonly #tunnelled = new TunnelledQueries()
  readonly #queries = new HostQueries()
  readonly #answers = new BoundedQueue<Uint8Array>(MAX_ANSWERS)
  readonly #header = new PacketHeader()
  #now = 0 as Instant

  constructor(host: ClientDnsHost, assignments: readonly DnsRecordAssignment[]) {
    this.#host = host
    this.proxies = new ProxyAddresses(assignments)
    this.#stub = new StubResolver(this.proxies)
    this.translations = new Translations((gateway, proxied) => host.assign(gateway, proxied, this.#now))
  }

  /** Serves the names of a resource. */
  add(resource: ClientDnsResource): void {
    if (!this.#stub.add(resource))
      this.#host.logger.warn({ resource: resource.id, pattern: resource.address }, 'a pattern that no name matches')
  }

  /** Serves the names of a resource no longer; what stands for them stays known. */
  remove(id: ResourceId): void {
    this.#stub.remove(id)
    for (const proxied of this.proxies.values()) if (proxied.resource === id) proxied.translation = undefined
  }

  /** Takes an IP packet to a sentinel. The bytes are borrowed. */
  handlePacket(packet: Uint8Array, now: Instant): void {
    this.#now = now
    const header = this.#header
    if (header.parse(packet, 0, packet.length) !== undefined) return
    const { sourceOffset, destinationOffset, addressLength, payloadOffset } = header
    const ip = (offset: number) => IpAddress.fromBytes(packet.subarray(offset, offset + addressLength))
    const application = new SocketAddress(ip(sourceOffset), header.sourcePort)
    const sentinel = new SocketAddress(ip(destinationOffset), header.destinationPort)
    if (header.protocol === TCP) {
      this.#refuseTcp(packet, header, sentinel, application)
      return
    }
    if (header.protocol !== UDP || sentinel.port !== DNS_PORT) {
      this.#host.counters.sentinelOut++
      return
    }
    const message = packet.slice(
      payloadOffset,
      header.transportOffset + viewOf(packet).getUint16(header.transportOffset + 4),
    )
    const query = parseQuery(message)
    if (typeof query === 'string') {
      this.#host.counters.badQueryOut++
      this.#host.logger.debug({ defect: query }, 'ignoring what is no DNS query')
    } else this.#handleQuery({ packet, message, query, application, sentinel }, now)
  }

  /** Takes what came of a query that our host was asked to put; `undefined`: nobody answered. */
  handleResponse(id: number, message: Uint8Array | undefined): void {
    const taken = this.#queries.take(id, message)
    if (taken !== undefined) this.#answer(taken.asker.sentinel, taken.asker.application, taken.response)
  }

  /** Takes a UDP packet from a gateway if it answers a query that went through the tunnel. Returns whether it does. */
  takeAnswer(header: PacketHeader, bytes: Uint8Array): boolean {
    const sentinel = this.#tunnelled.take(header, bytes)
    if (sentinel === undefined) return false
    const { destinationOffset, addressLength, payloadOffset, transportOffset } = header
    const ip = IpAddress.fromBytes(bytes.subarray(destinationOffset, destinationOffset + addressLength))
    const message = bytes.slice(payloadOffset, transportOffset + viewOf(bytes).getUint16(transportOffset + 4))
    this.#answer(new SocketAddress(sentinel, DNS_PORT), new SocketAddress(ip, header.destinationPort), message)
    return true
  }

  /** Whether answers through the tunnel are waited for from that port: asked for each UDP packet that arrives. */
  awaitsAnswersFrom(port: number): boolean {
    return this.#tunnelled.mayAnswer(port)
  }

  /** Tells a gateway about all names of a resource that it lets us in to. */
  updateAll(resource: ResourceId, gateway: Gateway, now: Instant): void {
    this.#now = now
    for (const proxied of this.proxies.values())
      if (proxied.resource === resource) this.translations.update(proxied, gateway, now)
  }

  /** Returns where a packet to an address that stands for a name is to wait; `undefined`: it may go. */
  hold(
    proxied: ProxiedName,
    gateway: Gateway,
    now: Instant,
  ): { push(bytes: Uint8Array, offset: number, length: number): void } | undefined {
    this.#now = now
    return this.translations.hold(proxied, gateway, now)
  }

  /** Takes what a gateway says about a name. Returns the packets that have waited for it. */
  handleStatus(gateway: Gateway, resource: ResourceId, domain: string, isActive: boolean): readonly Uint8Array[] {
    const name = DomainName.parse(domain)
    const proxied = name && this.proxies.get(name, resource)
    return (proxied && this.translations.answer(proxied, gateway, isActive)) ?? []
  }

  /** Forgets what gateways do about names; of one gateway, or of all. */
  forget(gateway?: Gateway): void {
    for (const proxied of this.proxies.values())
      if (gateway === undefined || proxied.translation?.gateway === gateway) proxied.translation = undefined
  }

  /** Takes the next packet for the TUN device. */
  pollPacket(): Uint8Array | undefined {
    return this.#answers.shift()
  }

  handleTimeout(now: Instant): void {
    this.#tunnelled.expire(now)
    for (let id = this.#queries.overdue(now); id !== undefined; id = this.#queries.overdue(now))
      this.handleResponse(id, undefined)
  }

  pollTimeout(): Instant | undefined {
    return earliest(this.#tunnelled.nextExpiry, this.#queries.nextExpiry)
  }

  #handleQuery(asked: Asked, now: Instant): void {
    const { application, query, sentinel } = asked
    const decision = this.#stub.resolve(query)
    switch (decision.type) {
      case 'answer': {
        this.#answer(sentinel, application, encodeMessage(decision.response, { limit: MAX_MESSAGE_LENGTH }))
        if (decision.isNew === true) this.#host.recordsChanged()
        if (decision.proxied !== undefined) this.#refresh(decision.proxied, now)
        break
      }
      case 'recurse':
        this.#recurse(asked, now)
        break
      case 'recurse-in-site': {
        const gateway = this.#host.gatewayOf(decision.resource)
        if (gateway === undefined) this.#host.wait(decision.resource, asked.packet, now)
        else this.#sendOn(asked, siteServer(gateway, sentinel.family), now)
        break
      }
      default:
        unreachable(decision)
    }
  }

  /** The name is in use: its gateway is to look it up again, and packets that are to come find it prepared. */
  #refresh(proxied: ProxiedName, now: Instant): void {
    const gateway = this.#host.gatewayOf(proxied.resource)
    if (gateway === undefined) return
    this.translations.recreate(proxied)
    this.translations.update(proxied, gateway, now)
  }

  #recurse(asked: Asked, now: Instant): void {
    const { application, message, query, sentinel } = asked
    const upstream = this.sentinels.upstreamOf(sentinel.ip)
    if (upstream === undefined) {
      this.#host.counters.sentinelOut++
      return
    }
    if (this.sentinels.areFromPortal && this.#host.isTunnelled(upstream.ip)) {
      this.#sendOn(asked, upstream, now)
      return
    }
    const id = this.#queries.add({ query, sentinel, application }, now)
    if (id === undefined) {
      this.#host.logger.debug({}, 'too many DNS queries under way')
      return
    }
    const others = this.sentinels.servers.map(server => server.upstream)
    // Servers that are reached through the tunnel can't be asked from outside.
    const reserves = others.filter(server => server !== upstream && !this.#host.isTunnelled(server.ip))
    this.#host.queryHost({ id, servers: [upstream, ...reserves], message })
  }

  /** Sends a query on through the tunnel, from the application's own port. */
  #sendOn({ application, message, query, sentinel }: Asked, server: SocketAddress, now: Instant): void {
    this.#tunnelled.add(server, application.port, query.message.id, sentinel.ip, now)
    this.#host.sendPacket(udpPacket(application, server, message), now)
  }

  #answer(from: SocketAddress, to: SocketAddress, message: Uint8Array): void {
    this.#answers.push(udpPacket(from, to, truncateMessage(message, MAX_UDP_ANSWER)))
  }

  /** There is no TCP here yet: whoever tries is told so at once. */
  #refuseTcp(packet: Uint8Array, header: PacketHeader, sentinel: SocketAddress, application: SocketAddress): void {
    this.#host.counters.sentinelOut++
    if ((header.tcpFlags & TCP_RST) !== 0) return
    const sequence = viewOf(packet).getUint32(header.transportOffset + 4)
    this.#answers.push(
      makeTcpPacket({
        source: sentinel.ip,
        destination: application.ip,
        sourcePort: sentinel.port,
        destinationPort: application.port,
        flags: TCP_RST | TCP_ACK,
        acknowledgement: (sequence + header.payloadLength + 1) >>> 0,
      }),
    )
  }
}

interface Asked {
  readonly packet: Uint8Array
  readonly message: Uint8Array
  readonly query: OneQuestion
  readonly application: SocketAddress
  readonly sentinel: SocketAddress
}

const siteServer = (gateway: Gateway, family: IpFamily): SocketAddress =>
  new SocketAddress(family === 4 ? gateway.addresses.ipv4 : gateway.addresses.ipv6, SITE_DNS_PORT)

const udpPacket = (from: SocketAddress, to: SocketAddress, payload: Uint8Array): Uint8Array =>
  makeUdpPacket({ source: from.ip, destination: to.ip, sourcePort: from.port, destinationPort: to.port, payload })
