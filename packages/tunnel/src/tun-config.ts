import type { IpPrefix } from '@sallyport/ip-packet'
import type { IpAddress, SocketAddress } from '@sallyport/sans-io'

/** An address of ours that the operating system is to ask, and the server that it stands for. */
export interface DnsServer {
  readonly sentinel: IpAddress
  readonly upstream: SocketAddress
}

/** How the TUN device is to be set up. */
export interface TunConfig {
  /** The device's own addresses: a /32 and a /128. */
  readonly ipv4: IpAddress
  readonly ipv6: IpAddress
  /** What is routed to the device: without duplicates, in the order of their text. */
  readonly routes: readonly IpPrefix[]
  /** The domain that the operating system completes short names with; `null`: none. */
  readonly searchDomain: string | null
  /** The DNS servers that the operating system is to ask, in order; none on a gateway. */
  readonly dnsServers: readonly DnsServer[]
}

/** Returns `prefixes` without duplicates, in the order of their text. */
export function sortedRoutes(prefixes: Iterable<IpPrefix>): readonly IpPrefix[] {
  const byText = new Map<string, IpPrefix>()
  for (const prefix of prefixes) byText.set(prefix.text, prefix)
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, prefix]) => prefix)
}

/** Returns whether two configurations say the same. */
export function equalTunConfigs(a: TunConfig | undefined, b: TunConfig | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return JSON.stringify(a) === JSON.stringify(b)
}
