import { makeTcpPacket, type PacketHeader, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '@sallyport/ip-packet'
import { type SocketAddress, viewOf } from '@sallyport/sans-io'

/** One received TCP segment as plain numbers: made once, filled again for each. */
export class Segment {
  sequence = 0
  /** Only counts with an ACK flag. */
  acknowledgement = 0
  /** CWR to FIN. */
  flags = 0
  /** As it stands in the header: not scaled. */
  window = 0
  /** Maximum segment size option (RFC 9293 §3.7.1); 0: none. */
  mss = 0
  /** Window scale option, at most 14 (RFC 7323 §2.3); -1: none. */
  windowScale = -1
  /** What the payload lies in: borrowed for as long as the segment is handled. */
  bytes: Uint8Array = EMPTY
  payloadOffset = 0
  payloadLength = 0

  /** Fills it from a packet whose header says TCP. Options that are malformed end the list. */
  read(packet: Uint8Array, header: PacketHeader): void {
    const at = header.transportOffset
    const view = viewOf(packet)
    this.sequence = view.getUint32(at + 4)
    this.acknowledgement = view.getUint32(at + 8)
    this.flags = header.tcpFlags
    this.window = view.getUint16(at + 14)
    this.bytes = packet
    this.payloadOffset = header.payloadOffset
    this.payloadLength = header.payloadLength
    this.mss = 0
    this.windowScale = -1
    if (this.isSyn) this.#readOptions(packet, at + 20, header.payloadOffset)
  }

  get isSyn(): boolean {
    return (this.flags & TCP_SYN) !== 0
  }

  get isAck(): boolean {
    return (this.flags & TCP_ACK) !== 0
  }

  get isRst(): boolean {
    return (this.flags & TCP_RST) !== 0
  }

  get isFin(): boolean {
    return (this.flags & TCP_FIN) !== 0
  }

  /** How much of the sequence space it takes: SYN and FIN count as one each (RFC 9293 §3.4). */
  get length(): number {
    return this.payloadLength + (this.isSyn ? 1 : 0) + (this.isFin ? 1 : 0)
  }

  #readOptions(bytes: Uint8Array, from: number, end: number): void {
    for (let at = from; at < end; ) {
      const kind = bytes[at]!
      if (kind === END_OF_OPTIONS) return
      if (kind === NO_OPERATION) {
        at++
        continue
      }
      const length = at + 1 < end ? bytes[at + 1]! : 0
      if (length < 2 || at + length > end) return
      if (kind === MSS && length === 4) this.mss = (bytes[at + 2]! << 8) | bytes[at + 3]!
      else if (kind === WINDOW_SCALE && length === 3) this.windowScale = Math.min(bytes[at + 2]!, MAX_WINDOW_SCALE)
      at += length
    }
  }
}

/** A segment to send. */
export interface OutgoingSegment {
  readonly sequence: number
  readonly flags: number
  /** 0 without an ACK flag. */
  readonly acknowledgement?: number
  /** As it stands in the header. */
  readonly window?: number
  readonly options?: Uint8Array
  readonly payload?: Uint8Array
}

/** Returns a segment as an IP packet. */
export const makeSegment = (from: SocketAddress, to: SocketAddress, segment: OutgoingSegment): Uint8Array =>
  makeTcpPacket({
    source: from.ip,
    sourcePort: from.port,
    destination: to.ip,
    destinationPort: to.port,
    window: 0,
    ...segment,
  })

/** Returns the answer to a segment that belongs to no connection: a reset, or nothing to a reset (RFC 9293 §3.10.7.1). */
export function makeReset(from: SocketAddress, to: SocketAddress, cause: Segment): Uint8Array | undefined {
  if (cause.isRst) return undefined
  if (cause.isAck) return makeSegment(from, to, { sequence: cause.acknowledgement, flags: TCP_RST })
  const acknowledgement = (cause.sequence + cause.length) >>> 0
  return makeSegment(from, to, { sequence: 0, acknowledgement, flags: TCP_RST | TCP_ACK })
}

/** Returns the options of a SYN: the maximum segment size, and a window scale unless it is -1. */
export function synOptions(mss: number, windowScale: number): Uint8Array {
  const options = [MSS, 4, mss >> 8, mss & 0xff]
  if (windowScale >= 0) options.push(NO_OPERATION, WINDOW_SCALE, 3, windowScale)
  return Uint8Array.from(options)
}

// Option kinds (RFC 9293 §3.2, RFC 7323 §2.2).
const END_OF_OPTIONS = 0
const NO_OPERATION = 1
const MSS = 2
const WINDOW_SCALE = 3
const MAX_WINDOW_SCALE = 14
const EMPTY = new Uint8Array(0)
