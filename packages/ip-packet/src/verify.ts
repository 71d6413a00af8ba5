import { foldSum, pseudoHeaderSum, sumBytes } from './checksum.ts'
import { PacketHeader } from './packet-header.ts'
import { ICMP, ICMPV6, TCP, UDP } from './protocol.ts'

/** Returns whether every checksum of the packet is right: IPv4 header and TCP, UDP or ICMP. */
export function hasValidChecksums(packet: Uint8Array): boolean {
  const header = new PacketHeader()
  return header.parse(packet, 0, packet.length) === undefined && verifyChecksums(packet, header)
}

/** Returns whether every checksum of the packet is right whose `header` has been parsed from `packet`, at offset 0. */
export function verifyChecksums(packet: Uint8Array, header: PacketHeader): boolean {
  if (header.version === 4 && foldSum(sumBytes(packet, 0, (packet[0]! & 0x0f) << 2, 0)) !== 0xffff) return false
  const { protocol, transportOffset: at } = header
  const length = header.totalLength - header.headerLength
  switch (protocol) {
    case ICMP:
      return foldSum(sumBytes(packet, at, length, 0)) === 0xffff
    case UDP:
      if (header.version === 4 && packet[at + 6] === 0 && packet[at + 7] === 0) return true // RFC 768: none
      return hasValidSum(packet, header, (packet[at + 4]! << 8) | packet[at + 5]!)
    case TCP:
    case ICMPV6:
      return hasValidSum(packet, header, length)
    default:
      return true
  }
}

function hasValidSum(packet: Uint8Array, header: PacketHeader, length: number): boolean {
  const pseudo = pseudoHeaderSum(packet, header.sourceOffset, header.addressLength, header.protocol, length)
  return foldSum(sumBytes(packet, header.transportOffset, length, pseudo)) === 0xffff
}
