import { IpAddress } from '@sallyport/sans-io'
import { makeIpPacket } from './builders.ts'
import { PacketHeader } from './packet-header.ts'
import { ICMP, ICMPV6 } from './protocol.ts'

/** Why a packet was not passed on. */
export type UnreachableReason = 'administratively-prohibited' | 'no-route' | 'port-unreachable'

/** TTL and hop limit of the errors that we make. */
export const ICMP_ERROR_HOP_LIMIT = 20

/** The most bytes of an offending packet that an ICMPv6 error quotes: it stays within 1280 bytes (RFC 4443 §3.1). */
export const ICMPV6_QUOTE_LIMIT = 1200

/**
 * Returns the "destination unreachable" that answers `packet`: from the address that it was sent to, back to its source.
 *
 * ICMPv4 quotes the IP header and 8 bytes (RFC 792), ICMPv6 as much as {@link ICMPV6_QUOTE_LIMIT} allows.
 *
 * @returns `undefined` where no error may be sent (RFC 1122 §3.2.2, RFC 4443 §2.4): about an ICMP error, about what is no
 * packet, or where either end is a multicast, broadcast or unspecified address.
 */
export function makeUnreachable(packet: Uint8Array, reason: UnreachableReason): Uint8Array | undefined {
  const header = new PacketHeader()
  if (header.parse(packet, 0, packet.length) !== undefined || header.isIcmpError) return undefined
  const { sourceOffset, destinationOffset, addressLength } = header
  if (!isUnicast(packet, sourceOffset, addressLength) || !isUnicast(packet, destinationOffset, addressLength))
    return undefined
  const isIpv4 = header.version === 4
  const limit = isIpv4 ? header.headerLength + 8 : ICMPV6_QUOTE_LIMIT
  const quote = packet.subarray(0, Math.min(header.totalLength, limit))
  const message = new Uint8Array(8 + quote.length)
  message[0] = isIpv4 ? 3 : 1
  message[1] = (isIpv4 ? ICMPV4_CODES : ICMPV6_CODES)[reason]
  message.set(quote, 8)
  return makeIpPacket(
    {
      source: IpAddress.fromBytes(packet.subarray(destinationOffset, destinationOffset + addressLength)),
      destination: IpAddress.fromBytes(packet.subarray(sourceOffset, sourceOffset + addressLength)),
      hopLimit: ICMP_ERROR_HOP_LIMIT,
    },
    isIpv4 ? ICMP : ICMPV6,
    message,
    2,
  )
}

const ICMPV4_CODES: Readonly<Record<UnreachableReason, number>> = {
  'administratively-prohibited': 13,
  'no-route': 0,
  'port-unreachable': 3,
}

const ICMPV6_CODES: Readonly<Record<UnreachableReason, number>> = {
  'administratively-prohibited': 1,
  'no-route': 3,
  'port-unreachable': 4,
}

function isUnicast(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length === 4) return bytes[offset]! < 224 && bytes[offset]! !== 0
  let any = 0
  for (let i = 0; i < 16; i++) any |= bytes[offset + i]!
  return bytes[offset] !== 0xff && any !== 0
}
