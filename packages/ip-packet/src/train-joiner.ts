import type { PacketBuffer } from '@sallyport/sans-io'
import { PacketHeader } from './packet-header.ts'
import { TCP, TCP_ACK, TCP_PSH, UDP } from './protocol.ts'

/** The most packets in one train. */
export const MAX_TRAIN_SEGMENTS = 128

/** The most bytes of a train, headers included: what one write to a TUN device may have. */
export const MAX_TRAIN_LENGTH = 65_500

/** What {@link TrainJoiner} may join. */
export interface TrainJoinerOptions {
  /** Whether UDP datagrams of one flow are joined as well, for devices that know USO; `false` by default. */
  readonly udp?: boolean
}

/**
 * Finds runs of consecutive packets that may leave as one super-packet (GRO).
 *
 * Joined are TCP segments of one flow that follow each other without a gap, carry payload, are acknowledgements with no
 * flag but ACK and PSH, and whose headers are otherwise equal: addresses, ports, acknowledgement number, window, all
 * options, TTL, TOS with ECN, flow label and "don't fragment". No segment may be longer than the first; a shorter one, or
 * one with PSH, is the last. Packets with IP options or extension headers stay alone. IPv4 identifications ascend by one,
 * or are all equal where "don't fragment" makes them meaningless (RFC 6864 §4.1).
 */
export class TrainJoiner {
  readonly #udp: boolean
  readonly #header = new PacketHeader()

  constructor(options: TrainJoinerOptions = {}) {
    this.#udp = options.udp ?? false
  }

  /**
   * Sets `segments` and `segmentSize` of the entries `[from, to)`: the head of a train gets how many entries it has and
   * the payload bytes of each but the last; those behind it get 0.
   *
   * Entries with `segments` 0 are dropped ones: they stay so, and no train runs across them. `length` shrinks to what the
   * packet's own header says, so that padding is gone. Order never changes and no byte is touched.
   */
  join(packets: PacketBuffer, from: number, to: number): void {
    const header = this.#header
    const { bytes, view } = packets.arena
    let head = -1 // the train that may still grow; -1: none
    let count = 0
    let total = 0
    let size = 0
    let headers = 0
    let protocol = 0
    let nextSequence = 0
    let fixedIdentification = false
    for (let i = from; i < to; i++) {
      if (packets.segments[i] === 0) {
        head = -1
        continue
      }
      packets.segments[i] = 1
      packets.segmentSize[i] = 0
      const offset = packets.offset[i]!
      if (header.parse(bytes, offset, packets.length[i]!) !== undefined) {
        head = -1
        continue
      }
      const length = header.totalLength
      packets.length[i] = length
      if (!this.#isJoinable(view)) {
        head = -1
        continue
      }
      const payload = header.payloadLength
      const isTcp = header.protocol === TCP
      const sequence = isTcp ? view.getUint32(header.transportOffset + 4) : 0
      const transport = header.headerLength
      if (
        head >= 0 &&
        count < MAX_TRAIN_SEGMENTS &&
        payload <= size &&
        total + payload <= MAX_TRAIN_LENGTH &&
        header.payloadOffset - offset === headers &&
        header.protocol === protocol &&
        packets.peer[i] === packets.peer[head] &&
        (!isTcp || sequence === nextSequence) &&
        sameHeaders(view, packets.offset[head]!, offset, transport, isTcp ? headers : transport + 4, isTcp) &&
        (header.version === 6 ||
          followsInIdentification(view, packets.offset[head]!, offset, count, fixedIdentification))
      ) {
        if (count === 1 && header.version === 4)
          fixedIdentification = view.getUint16(packets.offset[head]! + 4) === view.getUint16(offset + 4)
        count++
        total += payload
        nextSequence = (sequence + payload) >>> 0
        packets.segments[i] = 0
        packets.segments[head] = count
        packets.segmentSize[head] = size
        if (payload < size || (header.tcpFlags & TCP_PSH) !== 0) head = -1
        continue
      }
      head = (header.tcpFlags & TCP_PSH) !== 0 ? -1 : i
      count = 1
      total = length
      size = payload
      headers = header.payloadOffset - offset
      protocol = header.protocol
      nextSequence = (sequence + payload) >>> 0
    }
  }

  /** Whether the parsed packet could be a part of any train. */
  #isJoinable(view: DataView): boolean {
    const header = this.#header
    const { payloadLength, transportOffset } = header
    if (payloadLength <= 0) return false
    if (header.headerLength !== (header.version === 4 ? 20 : 40)) return false
    if (header.protocol === TCP) return (header.tcpFlags & ~TCP_PSH) === TCP_ACK
    // A datagram whose own length leaves bytes behind it, or without a checksum, would not come back as it was.
    if (header.protocol !== UDP || !this.#udp) return false
    return view.getUint16(transportOffset + 4) === 8 + payloadLength && view.getUint16(transportOffset + 6) !== 0
  }
}

/** Compares what must be equal in two packets with headers of equal lengths, transport headers from `transport` to `end`. */
function sameHeaders(view: DataView, a: number, b: number, transport: number, end: number, isTcp: boolean): boolean {
  if (view.getUint8(a) !== view.getUint8(b)) return false
  if (transport === 20) {
    if (view.getUint8(a + 1) !== view.getUint8(b + 1)) return false // TOS
    if (view.getUint32(a + 6) !== view.getUint32(b + 6)) return false // flags, TTL, protocol
    if (view.getUint32(a + 12) !== view.getUint32(b + 12) || view.getUint32(a + 16) !== view.getUint32(b + 16))
      return false
  } else {
    if (view.getUint32(a) !== view.getUint32(b)) return false // traffic class, flow label
    if (view.getUint16(a + 6) !== view.getUint16(b + 6)) return false // next header, hop limit
    for (let i = 8; i < 40; i += 4) if (view.getUint32(a + i) !== view.getUint32(b + i)) return false
  }
  if (view.getUint32(a + transport) !== view.getUint32(b + transport)) return false // ports
  if (!isTcp) return true
  const first = a + transport
  const second = b + transport
  if (view.getUint32(first + 8) !== view.getUint32(second + 8)) return false // acknowledgement number
  if (view.getUint8(first + 12) !== view.getUint8(second + 12)) return false // data offset, reserved bits
  if (view.getUint16(first + 14) !== view.getUint16(second + 14)) return false // window
  if (view.getUint16(first + 18) !== view.getUint16(second + 18)) return false // urgent pointer
  for (let i = transport + 20; i < end; i += 4) if (view.getUint32(a + i) !== view.getUint32(b + i)) return false
  return true
}

function followsInIdentification(view: DataView, head: number, at: number, count: number, isFixed: boolean): boolean {
  const first = view.getUint16(head + 4)
  const identification = view.getUint16(at + 4)
  const dontFragment = (view.getUint8(at + 6) & 0x40) !== 0
  if (dontFragment && identification === first && (count === 1 || isFixed)) return true
  return !isFixed && identification === ((first + count) & 0xffff)
}
