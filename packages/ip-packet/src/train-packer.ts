import type { PacketBuffer } from '@sallyport/sans-io'
import { checksumOf, foldSum, pseudoHeaderSum, sumBytes } from './checksum.ts'
import { PacketHeader } from './packet-header.ts'
import { TCP } from './protocol.ts'

// Values of {@link TrainPacker.gsoType}, as in the virtio network header.

/** No segmentation: a plain packet. */
export const GSO_NONE = 0
/** TCP over IPv4. */
export const GSO_TCPV4 = 1
/** TCP over IPv6. */
export const GSO_TCPV6 = 4
/** UDP over either (USO). */
export const GSO_UDP = 5

/** Makes the head of a joined train fit for one write with a virtio network header, and says what goes into that. */
export class TrainPacker {
  readonly #header = new PacketHeader()
  /** One of {@link GSO_NONE}, {@link GSO_TCPV4}, {@link GSO_TCPV6}, {@link GSO_UDP}. */
  gsoType = 0
  /** Bytes of all headers in front of the payload: what to skip of every entry behind the head. 0 for a plain packet. */
  headerLength = 0
  /** Payload bytes of each segment but the last. */
  segmentSize = 0
  /** Where the checksum begins to count, from the start of the packet. */
  checksumStart = 0
  /** Where the checksum field lies, from {@link checksumStart}. */
  checksumOffset = 0
  /** Bytes of the whole super-packet. */
  totalLength = 0

  /**
   * Packs the train headed by entry `index` as the joiner has found it: writes total length, IPv4 header checksum, flags
   * and the sum of the pseudo-header into the head; the bytes of the entries behind it stay as they are.
   *
   * A train of one stays as it is, with its own checksum: {@link gsoType} is then {@link GSO_NONE}.
   */
  pack(packets: PacketBuffer, index: number): void {
    const { bytes, view } = packets.arena
    const header = this.#header
    const count = packets.segments[index]!
    const offset = packets.offset[index]!
    this.gsoType = GSO_NONE
    this.headerLength = this.segmentSize = this.checksumStart = this.checksumOffset = 0
    this.totalLength = packets.length[index]!
    if (count < 2) return
    if (header.parse(bytes, offset, this.totalLength) !== undefined) throw new Error('the head of a train is no packet')

    const isTcp = header.protocol === TCP
    const transport = header.transportOffset
    const headers = header.payloadOffset - offset
    const last = index + count - 1
    for (let i = index + 1; i <= last; i++) this.totalLength += packets.length[i]! - headers
    this.headerLength = headers
    this.segmentSize = packets.segmentSize[index]!
    this.checksumStart = header.headerLength
    this.checksumOffset = isTcp ? 16 : 6
    this.gsoType = !isTcp ? GSO_UDP : header.version === 4 ? GSO_TCPV4 : GSO_TCPV6

    if (header.version === 4) {
      view.setUint16(offset + 2, this.totalLength)
      view.setUint16(offset + 10, 0)
      view.setUint16(offset + 10, checksumOf(sumBytes(bytes, offset, header.headerLength, 0)))
    } else view.setUint16(offset + 4, this.totalLength - 40)
    const length = this.totalLength - header.headerLength
    if (isTcp)
      bytes[transport + 13] = packets.arena.bytes[packets.offset[last]! + header.headerLength + 13]! // PSH
    else view.setUint16(transport + 4, length)
    const sum = pseudoHeaderSum(bytes, header.sourceOffset, header.addressLength, header.protocol, length)
    view.setUint16(transport + this.checksumOffset, foldSum(sum))
  }
}
