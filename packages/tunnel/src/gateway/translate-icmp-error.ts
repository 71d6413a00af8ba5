import {
  ICMP,
  ICMP_ERROR_HOP_LIMIT,
  ICMPV6,
  MAX_PACKET_LENGTH,
  makeIpPacket,
  type PacketHeader,
  TCP,
  UDP,
} from '@sallyport/ip-packet'
import type { TunnelAddresses } from '@sallyport/portal-protocol'
import type { Instant } from '@sallyport/sans-io'
import { EXPIRED, type Nat, NOT_TRANSLATED } from './nat.ts'

/**
 * Makes the error that a client is to see for one from the network about a packet that we have translated.
 *
 * It seems to come from the address that the client used, which hides routers on the way, and quotes the packet as the
 * client has sent it; checksums within the quote are left as they are.
 *
 * @param header - Of the error, which is in `bytes`.
 * @returns the packet; `'expired'`: about a session that is over; `undefined`: about none of ours.
 */
export function translateIcmpError(
  nat: Nat,
  bytes: Uint8Array,
  header: PacketHeader,
  client: TunnelAddresses,
  now: Instant,
): Uint8Array | 'expired' | undefined {
  const isIpv4 = header.version === 4
  const types = isIpv4 ? TRANSLATED_ICMPV4_TYPES : TRANSLATED_ICMPV6_TYPES
  if (!types.includes(header.icmpType)) return undefined
  const at = header.payloadOffset
  const end = header.offset + header.totalLength
  const headerLength = isIpv4 ? (bytes[at]! & 0x0f) << 2 : 40
  const transport = at + headerLength
  if (headerLength < 20 || transport + 8 > end || bytes[at]! >> 4 !== header.version) return undefined
  const protocol = bytes[at + (isIpv4 ? 9 : 6)]!
  const isEcho = protocol === (isIpv4 ? ICMP : ICMPV6) && bytes[transport] === (isIpv4 ? 8 : 128)
  if (!isEcho && protocol !== TCP && protocol !== UDP) return undefined
  const portAt = transport + (isEcho ? 4 : 0)
  const destination = at + (isIpv4 ? 16 : 24)
  const word = (offset: number) => (bytes[offset]! << 8) | bytes[offset + 1]!
  const remotePort = isEcho ? 0 : word(transport + 2)
  const verdict = nat.quoted(bytes, destination, isIpv4 ? 4 : 6, protocol, word(portAt), remotePort, now)
  if (verdict === NOT_TRANSLATED) return undefined
  if (verdict === EXPIRED) return 'expired'

  const { insidePort, proxy } = nat.found!
  const length = Math.min(end, header.transportOffset + MAX_PACKET_LENGTH - (isIpv4 ? 20 : 40)) - header.transportOffset
  const message = bytes.slice(header.transportOffset, header.transportOffset + length)
  message.set(proxy.ip.bytes, destination - header.transportOffset)
  message[portAt - header.transportOffset] = insidePort >> 8
  message[portAt - header.transportOffset + 1] = insidePort & 0xff
  const addresses = { source: proxy.ip, destination: isIpv4 ? client.ipv4 : client.ipv6 }
  return makeIpPacket({ ...addresses, hopLimit: ICMP_ERROR_HOP_LIMIT }, isIpv4 ? ICMP : ICMPV6, message, 2)
}

/** Destination unreachable, time exceeded (RFC 792). */
const TRANSLATED_ICMPV4_TYPES: readonly number[] = [3, 11]

/** Destination unreachable, packet too big, time exceeded (RFC 4443 §3). */
const TRANSLATED_ICMPV6_TYPES: readonly number[] = [1, 2, 3]
