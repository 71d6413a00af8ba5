/**
 * Control messages between a client and a gateway: IPv6 packets inside the tunnel, between two unspecified addresses.
 *
 * ```text
 *  0                4          6      7      8        24            40      41      48
 *  ├ 60 00 00 00 ───┼ length ──┼ 0xff ┼ 0x00 ┼ `::` ──┼ `::` ───────┼ event ┼ zero ─┼ body … ┤
 *    version, class,  of what                source   destination            ignored
 *    flow label       follows
 *    the header
 * ```
 *
 * No checksum, no version, no acknowledgement: delivery isn't guaranteed, so each message is idempotent.
 *
 * @module
 */
import { MAX_PACKET_LENGTH, type PacketHeader } from '@sallyport/ip-packet'

/** The reserved protocol number (IANA: 255) that marks a control message. */
const CONTROL_PROTOCOL = 0xff

/** Bytes of the IPv6 header and of the event header in front of a body. */
const CONTROL_HEADER_LENGTH = 48

/** Numbers of events. */
export const ASSIGNED_IPS = 0
export const DOMAIN_STATUS = 1
export const GOODBYE = 2

/** A control message as it came. */
export interface ControlFrame {
  readonly event: number
  /** Borrowed: a view of the packet. */
  readonly body: Uint8Array
}

/**
 * Returns whether a parsed packet is a control message: told by source, destination and next header together.
 *
 * Such a packet never reaches a TUN device, even when {@link parseControl} can't read it.
 */
export function isControl(header: PacketHeader, bytes: Uint8Array): boolean {
  if (header.protocol !== CONTROL_PROTOCOL || header.version !== 6 || header.headerLength !== 40) return false
  for (let i = header.sourceOffset; i < header.sourceOffset + 32; i++) if (bytes[i] !== 0) return false
  return true
}

/** Reads the control message that {@link isControl} has found, or returns `undefined` if it is too short to be one. */
export function parseControl(header: PacketHeader, bytes: Uint8Array): ControlFrame | undefined {
  if (header.totalLength < CONTROL_HEADER_LENGTH) return undefined
  const { offset } = header
  return {
    event: bytes[offset + 40]!,
    body: bytes.subarray(offset + CONTROL_HEADER_LENGTH, offset + header.totalLength),
  }
}

/** Returns the packet of a control message. Throws a `RangeError` if it were longer than the tunnel carries. */
export function encodeControl(event: number, body: Uint8Array): Uint8Array {
  const packet = new Uint8Array(CONTROL_HEADER_LENGTH + body.length)
  if (packet.length > MAX_PACKET_LENGTH) throw new RangeError(`a control message of ${packet.length} bytes`)
  packet[0] = 0x60
  packet[4] = (8 + body.length) >> 8
  packet[5] = (8 + body.length) & 0xff
  packet[6] = CONTROL_PROTOCOL
  packet[40] = event
  packet.set(body, CONTROL_HEADER_LENGTH)
  return packet
}
