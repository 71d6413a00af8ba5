import type { PacketHeader } from '@sallyport/ip-packet'
import type { IpFamily } from '@sallyport/sans-io'

/** Returns the bytes of the longest packet that a train stands for. `segmentSize` 0: it is a plain packet. */
export function packetLength(header: PacketHeader, segmentSize: number): number {
  if (segmentSize === 0 || header.payloadLength <= segmentSize) return header.totalLength
  return header.payloadOffset - header.offset + segmentSize
}

/** Returns whether the address whose bytes begin at `offset` is a multicast or broadcast one, or reserved (RFC 6890). */
export const isMulticast = (bytes: Uint8Array, offset: number, family: IpFamily): boolean =>
  family === 4 ? bytes[offset]! >= 224 : bytes[offset] === 0xff
