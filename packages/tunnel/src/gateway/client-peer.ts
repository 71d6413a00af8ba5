import type { DomainName } from '@sallyport/dns-message'
import { IpPrefix, type PacketHeader, PrefixTable } from '@sallyport/ip-packet'
import type { ClientId, GatewayResource, ResourceId, TunnelAddresses, UnixSeconds } from '@sallyport/portal-protocol'
import type { IpAddress, IpFamily, WallClock } from '@sallyport/sans-io'
import { DomainPattern } from '../domain-pattern.ts'
import { TokenBucket } from '../token-bucket.ts'
import { FilterSet } from './filter-set.ts'
import { Nat, type ProxyAddress } from './nat.ts'

/** One resource that a client is let in to. */
interface Authorization {
  resource: GatewayResource
  /** The network of a CIDR resource. */
  readonly prefix: IpPrefix | undefined
  /** What may pass to the names of a DNS resource. */
  filters: FilterSet
  /** The names of a DNS resource. */
  readonly pattern: DomainPattern | undefined
  expiresAt: UnixSeconds | null
}

/** How many ICMP errors a client may cause. */
const ICMP_ERRORS_PER_SECOND = 100

/**
 * A client and what it is let in to.
 *
 * Independent of its connection: it may lose that one, come back with another, and still be let in.
 */
export class ClientPeer {
  readonly id: ClientId
  /** The only addresses that its packets may come from. */
  addresses: TunnelAddresses
  /** What stands for its connection on the packet path; -1: there is none. */
  handle = -1
  /** Limits the ICMP errors that are sent to it. */
  readonly icmpErrors: TokenBucket = new TokenBucket(ICMP_ERRORS_PER_SECOND, ICMP_ERRORS_PER_SECOND)
  /** Where the addresses lead that it uses for names. */
  readonly nat: Nat = new Nat()
  readonly #authorizations = new Map<ResourceId, Authorization>()
  /** What may pass to which network; `undefined`: to be built when it is needed next. */
  #filters: PrefixTable<FilterSet> | undefined

  constructor(id: ClientId, addresses: TunnelAddresses) {
    this.id = id
    this.addresses = addresses
  }

  /** Whether the client is let in to nothing. */
  get isEmpty(): boolean {
    return this.#authorizations.size === 0
  }

  /** Lets the client in to `resource`, or changes what it is let in to and until when. `null`: for ever. */
  authorize(resource: GatewayResource, expiresAt: UnixSeconds | null): void {
    const prefix = resource.type === 'cidr' ? IpPrefix.parse(resource.address) : undefined
    const pattern = resource.type === 'dns' ? DomainPattern.parse(resource.address) : undefined
    const filters = new FilterSet(filtersOf(resource))
    this.#authorizations.set(resource.id, { resource, prefix, pattern, filters, expiresAt })
    this.#filters = undefined
  }

  /** Ends the access to a resource. Returns whether there was any. */
  revoke(id: ResourceId): boolean {
    const existed = this.#authorizations.delete(id)
    if (existed) this.#filters = undefined
    return existed
  }

  /** Ends the access to everything but `ids`. */
  retain(ids: ReadonlySet<ResourceId>): void {
    for (const id of [...this.#authorizations.keys()]) if (!ids.has(id)) this.revoke(id)
  }

  /** Ends what is over at `now`. Returns which resources that were. */
  expire(now: WallClock): readonly ResourceId[] {
    const expired: ResourceId[] = []
    for (const [id, { expiresAt }] of this.#authorizations)
      if (expiresAt !== null && expiresAt * 1000 <= now) expired.push(id)
    for (const id of expired) this.#authorizations.delete(id)
    if (expired.length > 0) this.#filters = undefined
    return expired
  }

  /** Changes until when the client is let in to a resource. Returns whether it is at all. */
  setExpiry(id: ResourceId, expiresAt: UnixSeconds): boolean {
    const authorization = this.#authorizations.get(id)
    if (authorization === undefined) return false
    authorization.expiresAt = expiresAt
    return true
  }

  /**
   * Takes the filters of `resource`; an address that has changed arrives as a rejection instead.
   *
   * Returns `'wrong-type'` for one that was of another type, which stays as it is, and `undefined` if it isn't known.
   */
  updateFilters(resource: GatewayResource): 'updated' | 'wrong-type' | undefined {
    const authorization = this.#authorizations.get(resource.id)
    if (authorization === undefined) return undefined
    const known = authorization.resource
    if (known.type !== resource.type) return 'wrong-type'
    if (known.type !== 'internet' && resource.type !== 'internet')
      authorization.resource = { ...known, filters: resource.filters }
    authorization.filters = new FilterSet(filtersOf(authorization.resource))
    this.#filters = undefined
    return 'updated'
  }

  /** Returns whether the client is let in to a DNS resource that has this name. */
  mayReach(resource: ResourceId, name: DomainName): boolean {
    return this.#authorizations.get(resource)?.pattern?.matches(name) ?? false
  }

  /** Lets the addresses that the client uses for a name lead to those that it has. Returns whether there was room. */
  translate(
    name: DomainName,
    resource: ResourceId,
    proxyIps: readonly IpAddress[],
    resolved: readonly IpAddress[],
  ): boolean {
    this.#filters = undefined // a network of just such an address takes the name's filters, too
    return this.nat.install(name.key, resource, proxyIps, resolved)
  }

  /** Returns whether a packet may pass between the client and a name, with that port on the side of the name. */
  permitsName(proxy: ProxyAddress, header: PacketHeader, port: number): boolean {
    return this.#authorizations.get(proxy.resource)?.filters.permits(header, port) ?? false
  }

  /**
   * Returns whether a packet may pass between the client and the address whose bytes begin at `offset`.
   *
   * @param port - The packet's port on the side of that address.
   */
  permits(header: PacketHeader, bytes: Uint8Array, offset: number, port: number): boolean {
    const family: IpFamily = header.version === 4 ? 4 : 6
    const filters = this.#filters ?? this.#build()
    return filters.lookup(bytes, offset, family)?.permits(header, port) ?? false
  }

  /** For each network: what any resource permits whose network contains it. */
  #build(): PrefixTable<FilterSet> {
    const networks: { readonly prefix: IpPrefix; readonly resource: GatewayResource }[] = []
    for (const { prefix, resource } of this.#authorizations.values())
      if (prefix !== undefined) networks.push({ prefix, resource })
    const names = new Map<string, GatewayResource[]>()
    for (const [, { resource, target }] of this.nat.proxies()) {
      const authorized = this.#authorizations.get(resource)?.resource
      if (authorized === undefined || target === undefined) continue
      const { text } = IpPrefix.host(target.ip)
      names.set(text, [...(names.get(text) ?? []).filter(({ id }) => id !== resource), authorized])
    }
    const filters = new PrefixTable<FilterSet>()
    for (const { prefix } of networks) {
      if (filters.at(prefix) !== undefined) continue
      const named = (names.get(prefix.text) ?? []).map(resource => ({ resource }))
      const around = [...networks.filter(other => other.prefix.covers(prefix)), ...named]
      filters.set(prefix, FilterSet.union(around.map(({ resource }) => filtersOf(resource))))
    }
    this.#filters = filters
    return filters
  }
}

const filtersOf = (resource: GatewayResource) => (resource.type === 'internet' ? [] : resource.filters)
