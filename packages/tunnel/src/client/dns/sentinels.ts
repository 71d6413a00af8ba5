import { IpAddress, type IpFamily, SocketAddress } from '@sallyport/sans-io'
import { isInRange, SENTINEL_RANGE } from '../../ranges.ts'
import type { DnsServer } from '../../tun-config.ts'

/** Where upstream servers listen if nothing else is said. */
export const DNS_PORT = 53

/** Addresses of ours that stand for upstream servers: what the operating system is told to ask. */
export class Sentinels {
  #servers: readonly DnsServer[] = []
  #portal: readonly SocketAddress[] = []
  #system: readonly IpAddress[] = []

  /** The pairs of the moment. */
  get servers(): readonly DnsServer[] {
    return this.#servers
  }

  /** Whether the portal has chosen the upstream servers: only such may be reached through the tunnel. */
  get areFromPortal(): boolean {
    return this.#portal.length > 0
  }

  /** Takes the servers that the portal wants. Returns whether anything has changed. */
  setPortalServers(servers: readonly SocketAddress[]): boolean {
    this.#portal = servers.filter(({ ip }) => !isSentinel(ip))
    return this.#update()
  }

  /** Takes the servers that the machine would ask without us; used when the portal wants none. Returns as above. */
  setSystemServers(servers: readonly IpAddress[]): boolean {
    this.#system = servers.filter(ip => !isSentinel(ip))
    return this.#update()
  }

  /** Returns which server an address of ours stands for. */
  upstreamOf(sentinel: IpAddress): SocketAddress | undefined {
    return this.#servers.find(server => server.sentinel.equals(sentinel))?.upstream
  }

  /** A new mapping avoids the addresses of the last one, so that late packets aren't mistaken. */
  #update(): boolean {
    const wanted = this.areFromPortal ? this.#portal : this.#system.map(ip => new SocketAddress(ip, DNS_PORT))
    const servers = new Map(wanted.map(server => [server.key, server]))
    const current = new Set(this.#servers.map(({ upstream }) => upstream.key))
    if (servers.size === current.size && [...servers.keys()].every(key => current.has(key))) return false
    const used = new Set(this.#servers.map(({ sentinel }) => sentinel.text))
    const next: DnsServer[] = []
    for (const upstream of servers.values()) {
      const sentinel = freeSentinel(upstream.family, used)
      if (sentinel === undefined) continue // more servers than anybody has
      used.add(sentinel.text)
      next.push({ sentinel, upstream })
    }
    this.#servers = next
    return true
  }
}

const isSentinel = (ip: IpAddress): boolean => isInRange(SENTINEL_RANGE, ip.bytes, 0, ip.family)

/** In IPv4 from the first host to the last, in IPv6 from the very first address on. */
function freeSentinel(family: IpFamily, used: ReadonlySet<string>): IpAddress | undefined {
  const range = family === 4 ? SENTINEL_RANGE.v4 : SENTINEL_RANGE.v6
  for (let host = family === 4 ? 1 : 0; host <= (family === 4 ? 254 : 255); host++) {
    const bytes = range.address.bytes.slice()
    bytes[bytes.length - 1] = host
    const sentinel = IpAddress.fromBytes(bytes)
    if (!used.has(sentinel.text)) return sentinel
  }
  return undefined
}
