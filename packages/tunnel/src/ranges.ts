import { IpPrefix } from '@sallyport/ip-packet'
import type { IpFamily } from '@sallyport/sans-io'

/** An address block of both families. */
export interface DualPrefix {
  readonly v4: IpPrefix
  readonly v6: IpPrefix
}

/** Where the tunnel addresses of clients and gateways come from: an address is a peer's if and only if it is in here. */
export const TUNNEL_RANGE: DualPrefix = {
  v4: IpPrefix.of('100.64.0.0/11'),
  v6: IpPrefix.of('fd00:2021:1111::/107'),
}

/** Where a client's stub resolver takes the addresses from that stand for names. */
export const PROXY_RANGE: DualPrefix = {
  v4: IpPrefix.of('100.96.0.0/11'),
  v6: IpPrefix.of('fd00:2021:1111:8000::/107'),
}

/** The addresses that the operating system is told to use as DNS servers. The IPv4 block lies in {@link PROXY_RANGE}. */
export const SENTINEL_RANGE: DualPrefix = {
  v4: IpPrefix.of('100.100.111.0/24'),
  v6: IpPrefix.of('fd00:2021:1111:8000:100:100:111:0/120'),
}

/** Returns whether the address whose bytes begin at `offset` lies in `range`. */
export const isInRange = (range: DualPrefix, bytes: Uint8Array, offset: number, family: IpFamily): boolean =>
  (family === 4 ? range.v4 : range.v6).containsBytes(bytes, offset)
