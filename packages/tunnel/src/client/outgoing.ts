import { MAX_PACKET_LENGTH, PacketHeader } from '@sallyport/ip-packet'
import type { TunnelAddresses } from '@sallyport/portal-protocol'
import type { IpFamily, PacketBuffer } from '@sallyport/sans-io'
import { equalAt } from '../equal-at.ts'
import { isInRange, SENTINEL_RANGE, TUNNEL_RANGE } from '../ranges.ts'
import { isMulticast, packetLength } from '../train.ts'
import type { ClientCounters } from './counters.ts'
import type { ProxiedName, ProxyAddresses } from './dns/proxy-addresses.ts'
import type { Gateway, Gateways } from './gateways.ts'
import type { Access, Resources } from './resources.ts'

/**
 * Decides where trains from the TUN device go: to a gateway, or to a resource that nobody lets us in to yet.
 *
 * Answers in {@link gateway} and {@link access}, since the packet path allocates nothing.
 */
export class OutgoingRouter {
  readonly #resources: Resources
  readonly #gateways: Gateways
  readonly #proxies: ProxyAddresses
  readonly #counters: ClientCounters
  readonly #header = new PacketHeader()
  /** Whom the train goes to. */
  gateway: Gateway | undefined
  /** What the train waits for, if it goes to nobody. With neither of both it is dropped, and counted. */
  access: Access | undefined
  /** The name that the train's destination stands for, if it does for one. */
  proxied: ProxiedName | undefined
  /** Whether the train goes to an address of ours for DNS. */
  isDns = false

  constructor(resources: Resources, gateways: Gateways, proxies: ProxyAddresses, counters: ClientCounters) {
    this.#proxies = proxies
    this.#resources = resources
    this.#gateways = gateways
    this.#counters = counters
  }

  /** Routes train `index` of a client that has the addresses `own`. Reads only the headers of its head. */
  route(trains: PacketBuffer, index: number, own: TunnelAddresses): void {
    this.gateway = undefined
    this.access = undefined
    this.proxied = undefined
    this.isDns = false
    const counters = this.#counters
    const header = this.#header
    const { bytes } = trains.arena
    const defect = header.parse(bytes, trains.offset[index]!, trains.length[index]!)
    if (defect !== undefined) {
      counters.malformedOut++
      return
    }
    if (packetLength(header, trains.segmentSize[index]!) > MAX_PACKET_LENGTH) {
      counters.tooLongOut++
      return
    }
    const family = header.version === 4 ? 4 : 6
    const source = family === 4 ? own.ipv4 : own.ipv6
    if (!equalAt(source.bytes, bytes, header.sourceOffset)) {
      counters.foreignSourceOut++ // a gateway would refuse it, too; a forged control message ends here as well
      return
    }
    this.#routeTo(bytes, header.destinationOffset, family)
  }

  #routeTo(bytes: Uint8Array, destination: number, family: IpFamily): void {
    const counters = this.#counters
    if (isMulticast(bytes, destination, family)) {
      counters.multicastOut++
    } else if (isInRange(TUNNEL_RANGE, bytes, destination, family)) {
      this.gateway = this.#gateways.byAddress(bytes, destination, family)
      if (this.gateway === undefined) counters.unknownPeerOut++
    } else if (isInRange(SENTINEL_RANGE, bytes, destination, family)) {
      this.isDns = true
    } else {
      this.access = this.#accessByName(bytes, destination, family) ?? this.#resources.lookup(bytes, destination, family)
      this.gateway = this.access?.gateway
      if (this.access === undefined) counters.noResourceOut++
    }
  }

  /** A resource that is switched off or gone leaves the address to others. */
  #accessByName(bytes: Uint8Array, destination: number, family: IpFamily): Access | undefined {
    const proxied = this.#proxies.lookup(bytes, destination, family)
    if (proxied === undefined || this.#resources.isDisabled(proxied.resource)) return undefined
    const access = this.#resources.get(proxied.resource)
    if (access?.resource.type !== 'dns') return undefined
    this.proxied = proxied
    return access
  }
}
