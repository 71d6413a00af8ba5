import { type IpAddress, viewOf } from '@sallyport/sans-io'
import { checksumOf, pseudoHeaderSum, sumBytes } from './checksum.ts'
import { ICMP, ICMPV6, TCP, UDP } from './protocol.ts'

/** What every built packet has. */
export interface IpFields {
  readonly source: IpAddress
  /** Of the same family as `source`. */
  readonly destination: IpAddress
  /** TTL or hop limit; 64 by default. */
  readonly hopLimit?: number
  /** The two ECN bits; not-ECT by default. */
  readonly ecn?: number
  /** IPv4 identification; 0 by default. */
  readonly identification?: number
}

/** A UDP datagram to build. */
export interface UdpFields extends IpFields {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload?: Uint8Array
}

/** A TCP segment to build. */
export interface TcpFields extends IpFields {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequence?: number
  readonly acknowledgement?: number
  /** CWR to FIN; ACK by default. */
  readonly flags?: number
  readonly window?: number
  /** A multiple of 4 bytes, at most 40. */
  readonly options?: Uint8Array
  readonly payload?: Uint8Array
}

/** An ICMP or ICMPv6 echo message to build. */
export interface EchoFields extends IpFields {
  /** A request by default. */
  readonly type?: 'request' | 'reply'
  readonly identifier: number
  readonly sequence: number
  readonly payload?: Uint8Array
}

/** Returns a UDP datagram with right checksums. */
export function makeUdpPacket(fields: UdpFields): Uint8Array {
  const payload = fields.payload ?? EMPTY
  const transport = new Uint8Array(8 + payload.length)
  const view = viewOf(transport)
  view.setUint16(0, fields.sourcePort)
  view.setUint16(2, fields.destinationPort)
  view.setUint16(4, transport.length)
  transport.set(payload, 8)
  return makeIpPacket(fields, UDP, transport, 6)
}

/** Returns a TCP segment with right checksums. Throws a `RangeError` for options that TCP can't carry. */
export function makeTcpPacket(fields: TcpFields): Uint8Array {
  const payload = fields.payload ?? EMPTY
  const options = fields.options ?? EMPTY
  if (options.length % 4 !== 0 || options.length > 40) throw new RangeError(`${options.length} bytes of TCP options`)
  const transport = new Uint8Array(20 + options.length + payload.length)
  const view = viewOf(transport)
  view.setUint16(0, fields.sourcePort)
  view.setUint16(2, fields.destinationPort)
  view.setUint32(4, fields.sequence ?? 0)
  view.setUint32(8, fields.acknowledgement ?? 0)
  view.setUint8(12, (5 + options.length / 4) << 4)
  view.setUint8(13, fields.flags ?? 0x10)
  view.setUint16(14, fields.window ?? 0xffff)
  transport.set(options, 20)
  transport.set(payload, 20 + options.length)
  return makeIpPacket(fields, TCP, transport, 16)
}

/** Returns an echo request or reply (RFC 792, RFC 4443 §4) with right checksums. */
export function makeIcmpEcho(fields: EchoFields): Uint8Array {
  const payload = fields.payload ?? EMPTY
  const isReply = fields.type === 'reply'
  const isIpv4 = fields.source.family === 4
  const transport = new Uint8Array(8 + payload.length)
  const view = viewOf(transport)
  view.setUint8(0, isIpv4 ? (isReply ? 0 : 8) : isReply ? 129 : 128)
  view.setUint16(4, fields.identifier)
  view.setUint16(6, fields.sequence)
  transport.set(payload, 8)
  return makeIpPacket(fields, isIpv4 ? ICMP : ICMPV6, transport, 2)
}

/**
 * Returns an IP packet around `transport`: no options, "don't fragment".
 *
 * @param checksumOffset - Where in `transport` its checksum field lies, which is filled in; `undefined`: it has none.
 * @throws RangeError if the addresses are of different families.
 */
export function makeIpPacket(
  fields: IpFields,
  protocol: number,
  transport: Uint8Array,
  checksumOffset?: number,
): Uint8Array {
  const { source, destination } = fields
  if (source.family !== destination.family) throw new RangeError(`${source} and ${destination} are of two families`)
  const addressLength = source.bytes.length
  const headerLength = source.family === 4 ? 20 : 40
  const addresses = headerLength - 2 * addressLength
  const packet = new Uint8Array(headerLength + transport.length)
  const view = viewOf(packet)
  packet.set(source.bytes, addresses)
  packet.set(destination.bytes, addresses + addressLength)
  packet.set(transport, headerLength)
  if (source.family === 4) {
    view.setUint16(0, 0x4500 | (fields.ecn ?? 0))
    view.setUint16(2, packet.length)
    view.setUint16(4, fields.identification ?? 0)
    view.setUint16(6, 0x4000)
    view.setUint8(8, fields.hopLimit ?? 64)
    view.setUint8(9, protocol)
    view.setUint16(10, checksumOf(sumBytes(packet, 0, 20, 0)))
  } else {
    view.setUint32(0, 0x60000000 | ((fields.ecn ?? 0) << 20))
    view.setUint16(4, transport.length)
    view.setUint8(6, protocol)
    view.setUint8(7, fields.hopLimit ?? 64)
  }
  if (checksumOffset !== undefined) {
    const sum = protocol === ICMP ? 0 : pseudoHeaderSum(packet, addresses, addressLength, protocol, transport.length)
    view.setUint16(headerLength + checksumOffset, 0)
    const checksum = checksumOf(sumBytes(packet, headerLength, transport.length, sum))
    view.setUint16(headerLength + checksumOffset, checksum === 0 && protocol === UDP ? 0xffff : checksum)
  }
  return packet
}

const EMPTY = new Uint8Array(0)
