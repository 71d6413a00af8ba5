import { foldSum } from './checksum.ts'
import type { PacketHeader } from './packet-header.ts'
import { ICMP, TCP, UDP } from './protocol.ts'

/**
 * Replaces an address and a port of a parsed packet and patches its checksums (RFC 1624): what address translation does.
 * Allocates nothing.
 *
 * @param header - Of the packet; its fields stay what they were.
 * @param addressOffset - `header.sourceOffset` or `header.destinationOffset`.
 * @param address - Its bytes, of the packet's family.
 * @param portOffset - Where the port or the echo identifier lies: see {@link sourcePortOffset}.
 * @param isChecksumPending - Whether the transport's checksum is yet to be computed, and so not to be touched.
 */
export function rewriteEndpoint(
  bytes: Uint8Array,
  header: PacketHeader,
  addressOffset: number,
  address: Uint8Array,
  portOffset: number,
  port: number,
  isChecksumPending: boolean,
): void {
  let change = 0
  for (let i = 0; i < address.length; i += 2) {
    const at = addressOffset + i
    change += (((bytes[at]! << 8) | bytes[at + 1]!) ^ 0xffff) + ((address[i]! << 8) | address[i + 1]!)
    bytes[at] = address[i]!
    bytes[at + 1] = address[i + 1]!
  }
  if (header.version === 4) patch(bytes, header.offset + 10, change)
  const { protocol } = header
  if (protocol === ICMP) change = 0 // the only one whose checksum doesn't cover addresses
  change += (((bytes[portOffset]! << 8) | bytes[portOffset + 1]!) ^ 0xffff) + port
  bytes[portOffset] = port >> 8
  bytes[portOffset + 1] = port & 0xff
  if (isChecksumPending) return
  const checksumAt = header.transportOffset + (protocol === TCP ? 16 : protocol === UDP ? 6 : 2)
  if (protocol !== UDP) patch(bytes, checksumAt, change)
  else if ((bytes[checksumAt]! | bytes[checksumAt + 1]!) !== 0) {
    patch(bytes, checksumAt, change)
    if ((bytes[checksumAt]! | bytes[checksumAt + 1]!) === 0) bytes[checksumAt] = bytes[checksumAt + 1] = 0xff // RFC 768
  }
}

/** Returns where the source port of a TCP or UDP packet lies, or the identifier of an echo message. */
export const sourcePortOffset = (header: PacketHeader): number => header.transportOffset + (header.icmpId < 0 ? 0 : 4)

/** Returns where the destination port of a TCP or UDP packet lies, or the identifier of an echo message. */
export const destinationPortOffset = (header: PacketHeader): number =>
  header.transportOffset + (header.icmpId < 0 ? 2 : 4)

function patch(bytes: Uint8Array, at: number, change: number): void {
  const checksum = foldSum((((bytes[at]! << 8) | bytes[at + 1]!) ^ 0xffff) + change) ^ 0xffff
  bytes[at] = checksum >> 8
  bytes[at + 1] = checksum & 0xff
}
