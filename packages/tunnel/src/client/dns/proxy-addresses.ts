import { DomainName } from '@sallyport/dns-message'
import type { IpStack, ResourceId } from '@sallyport/portal-protocol'
import { IpAddress, type IpFamily } from '@sallyport/sans-io'
import { isInRange, PROXY_RANGE, SENTINEL_RANGE } from '../../ranges.ts'
import type { Translation } from './translations.ts'

/** Addresses that stand for a name: to be kept and given to the next session, so that applications need not ask again. */
export interface DnsRecordAssignment {
  readonly domain: string
  readonly resource: ResourceId
  readonly ips: readonly IpAddress[]
}

/** A name of a DNS resource, and what stands for it. */
export interface ProxiedName {
  /** In the case of the first query. */
  readonly name: DomainName
  readonly resource: ResourceId
  readonly ipv4: readonly IpAddress[]
  readonly ipv6: readonly IpAddress[]
  /** What its gateway does about it; `undefined`: it wasn't told. */
  translation: Translation | undefined
}

/** How many addresses of each family stand for a name. */
const ADDRESSES_PER_NAME = 4

/** The addresses behind the first of a range of either family: 21 bits are free. */
const RANGE_SIZE = 2 ** 21

/**
 * Gives out the addresses that stand for names. They are never taken back while the process lives, whatever becomes of
 * the resource: applications that don't ask again must not reach another service.
 */
export class ProxyAddresses {
  readonly #names = new Map<string, ProxiedName>()
  /** By the number within the range. */
  readonly #ipv4 = new Map<number, ProxiedName>()
  readonly #ipv6 = new Map<number, ProxiedName>()
  #nextIpv4 = 1 // the block's own address is nobody's
  #nextIpv6 = 0

  /** @param assignments - What an earlier session gave out. What makes no sense is left out. */
  constructor(assignments: readonly DnsRecordAssignment[] = []) {
    for (const { domain, resource, ips } of assignments) {
      const name = DomainName.parse(domain)
      const ours = ips.filter(
        ip => isInRange(PROXY_RANGE, ip.bytes, 0, ip.family) && this.lookup(ip.bytes, 0, ip.family) === undefined,
      )
      if (name === undefined || this.#names.has(keyOf(name, resource))) continue
      for (const ip of ours)
        if (ip.family === 4) this.#nextIpv4 = Math.max(this.#nextIpv4, numberOf(ip.bytes, 0, 4) + 1)
        else this.#nextIpv6 = Math.max(this.#nextIpv6, numberOf(ip.bytes, 0, 6) + 1)
      this.#add({
        name,
        resource,
        ipv4: ours.filter(({ family }) => family === 4),
        ipv6: ours.filter(({ family }) => family === 6),
        translation: undefined,
      })
    }
  }

  /** Returns what stands for a name of a resource; chosen now if it is asked for first, of the families of `stack`. */
  assign(
    name: DomainName,
    resource: ResourceId,
    stack: IpStack,
  ): { readonly proxied: ProxiedName; readonly isNew: boolean } {
    const known = this.#names.get(keyOf(name, resource))
    if (known !== undefined) return { proxied: known, isNew: false }
    const proxied: ProxiedName = {
      name,
      resource,
      ipv4: stack === 'ipv6_only' ? [] : this.#takeIpv4(),
      ipv6: stack === 'ipv4_only' ? [] : this.#takeIpv6(),
      translation: undefined,
    }
    this.#add(proxied)
    return { proxied, isNew: true }
  }

  /** Returns what the address with its bytes at `offset` stands for. Allocates nothing. */
  lookup(bytes: Uint8Array, offset: number, family: IpFamily): ProxiedName | undefined {
    if (!isInRange(PROXY_RANGE, bytes, offset, family)) return undefined
    return (family === 4 ? this.#ipv4 : this.#ipv6).get(numberOf(bytes, offset, family))
  }

  /** Returns what stands for that name of that resource, if it was asked for. */
  get(name: DomainName, resource: ResourceId): ProxiedName | undefined {
    return this.#names.get(keyOf(name, resource))
  }

  /** Returns all names. */
  values(): IterableIterator<ProxiedName> {
    return this.#names.values()
  }

  /** Everything that was given out. */
  get assignments(): readonly DnsRecordAssignment[] {
    return [...this.#names.values()].map(({ name, resource, ipv4, ipv6 }) => ({
      domain: name.text,
      resource,
      ips: [...ipv4, ...ipv6],
    }))
  }

  #add(proxied: ProxiedName): void {
    this.#names.set(keyOf(proxied.name, proxied.resource), proxied)
    for (const { bytes } of proxied.ipv4) this.#ipv4.set(numberOf(bytes, 0, 4), proxied)
    for (const { bytes } of proxied.ipv6) this.#ipv6.set(numberOf(bytes, 0, 6), proxied)
  }

  #takeIpv4(): readonly IpAddress[] {
    const taken: IpAddress[] = []
    // The block's last address is its broadcast address. When all are used up, names get fewer, or none.
    for (; taken.length < ADDRESSES_PER_NAME && this.#nextIpv4 < RANGE_SIZE - 1; this.#nextIpv4++) {
      const address = addressOf(PROXY_RANGE.v4.address, this.#nextIpv4)
      if (!SENTINEL_RANGE.v4.contains(address)) taken.push(address)
    }
    return taken
  }

  #takeIpv6(): readonly IpAddress[] {
    const taken: IpAddress[] = []
    for (; taken.length < ADDRESSES_PER_NAME && this.#nextIpv6 < RANGE_SIZE; this.#nextIpv6++)
      taken.push(addressOf(PROXY_RANGE.v6.address, this.#nextIpv6))
    return taken
  }
}

const keyOf = (name: DomainName, resource: ResourceId): string => `${resource} ${name.key}`

/** The last 21 bits of an address. */
function numberOf(bytes: Uint8Array, offset: number, family: IpFamily): number {
  const end = offset + (family === 4 ? 4 : 16)
  return ((bytes[end - 3]! & 0x1f) << 16) | (bytes[end - 2]! << 8) | bytes[end - 1]!
}

function addressOf(first: IpAddress, number: number): IpAddress {
  const bytes = first.bytes.slice()
  const end = bytes.length
  bytes[end - 3] = bytes[end - 3]! | (number >> 16)
  bytes[end - 2] = (number >> 8) & 0xff
  bytes[end - 1] = number & 0xff
  return IpAddress.fromBytes(bytes)
}
