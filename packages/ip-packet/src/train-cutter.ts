import { type Arena, CHECKSUM_PENDING } from '@sallyport/sans-io'
import { type ChecksumKernel, checksumOf, foldSum, portableChecksum, pseudoHeaderSum, sumBytes } from './checksum.ts'
import { type PacketDefect, PacketHeader } from './packet-header.ts'
import { ICMPV6, TCP, TCP_CWR, TCP_FIN, TCP_PSH, UDP } from './protocol.ts'

/** Why a train can't be cut: its head is no packet, or its transport can't be segmented or checksummed. */
export type TrainDefect = PacketDefect | 'unsupported-transport'

/** What a {@link TrainCutter} works with. */
export interface TrainCutterOptions {
  /** Sums payloads; {@link portableChecksum} by default. */
  readonly checksum?: ChecksumKernel
}

/**
 * Cuts a TCP or UDP super-packet (TSO, USO) into the packets that it stands for, in place.
 *
 * The headers of each segment are written right in front of its payload, over the segment before it. Hence a segment is
 * valid only until {@link next} is called again: seal or copy it first. Payload is never moved.
 *
 * ```text
 * ├ headers ┼ payload 0 ┼ payload 1 ┼ payload 2 ┤
 * ├─────── segment 0 ───┤
 *             ├ headers ┼───────────┤ segment 1
 *                         ├ headers ┼───────────┤ segment 2
 * ```
 *
 * A plain packet is a train of one: it stays as it is, except that a pending checksum is completed.
 */
export class TrainCutter {
  readonly #checksum: ChecksumKernel
  readonly #header = new PacketHeader()
  readonly #template = new DataView(new ArrayBuffer(MAX_HEADERS))
  readonly #templateBytes: Uint8Array = new Uint8Array(this.#template.buffer)
  #arena: Arena | undefined
  #segmentSize = 0
  /** Where the next payload begins; at {@link #end} the train is over. */
  #next = 0
  #end = 0
  /** A train of one that leaves as it lies. */
  #whole = false
  #index = 0
  #headersLength = 0
  #isTcp = false
  #ipSum = 0
  #transportSum = 0
  #sequence = 0
  #flags = 0
  #identification = 0

  /** Where the current segment begins, absolute in the arena. */
  segmentOffset = 0
  /** Bytes of the current segment. */
  segmentLength = 0

  constructor(options: TrainCutterOptions = {}) {
    this.#checksum = options.checksum ?? portableChecksum
  }

  /** The parsed headers of the train's head: valid from {@link begin} to the next one. */
  get header(): PacketHeader {
    return this.#header
  }

  /**
   * Starts with the train of `length` bytes at `offset`. Its bytes are used up by {@link next}.
   *
   * @param segmentSize - Transport payload bytes of each packet but the last; 0: a plain packet.
   * @param flags - {@link CHECKSUM_PENDING} or 0.
   * @returns why it can't be cut; then there is no segment.
   */
  begin(arena: Arena, offset: number, length: number, segmentSize: number, flags: number): TrainDefect | undefined {
    const header = this.#header
    this.#next = this.#end = 0
    this.#whole = false
    const defect = header.parse(arena.bytes, offset, length)
    if (defect !== undefined) return defect
    this.#arena = arena
    if (segmentSize > 0 && header.payloadLength > segmentSize) return this.#beginCutting(arena, segmentSize)
    if ((flags & CHECKSUM_PENDING) !== 0 && !this.#completeChecksum(arena)) return 'unsupported-transport'
    this.#whole = true
    this.segmentOffset = offset
    this.segmentLength = header.totalLength
    return undefined
  }

  /** Writes the next segment and points {@link segmentOffset} and {@link segmentLength} to it; `false`: none is left. */
  next(): boolean {
    if (this.#whole) {
      this.#whole = false
      return true
    }
    if (this.#next >= this.#end) return false
    const arena = this.#arena!
    const headersLength = this.#headersLength
    const payload = this.#next
    const payloadLength = Math.min(this.#segmentSize, this.#end - payload)
    const at = payload - headersLength
    this.#next = payload + payloadLength
    this.segmentOffset = at
    this.segmentLength = headersLength + payloadLength
    for (let i = 0; i < headersLength; i += 4) arena.view.setUint32(at + i, this.#template.getUint32(i))
    this.#writeIp(arena.view, at, headersLength + payloadLength)
    this.#writeTransport(arena, at + this.#header.headerLength, payload, payloadLength)
    this.#index++
    return true
  }

  #beginCutting(arena: Arena, segmentSize: number): TrainDefect | undefined {
    const header = this.#header
    const { bytes, view } = arena
    const { offset, headerLength, transportOffset, transportHeaderLength } = header
    const isTcp = header.protocol === TCP
    if (!isTcp && header.protocol !== UDP) return 'unsupported-transport'
    const headersLength = headerLength + transportHeaderLength
    if (headersLength > MAX_HEADERS) return 'unsupported-transport'
    this.#isTcp = isTcp
    this.#headersLength = headersLength
    this.#segmentSize = segmentSize
    this.#index = 0
    this.#next = header.payloadOffset
    this.#end = offset + header.totalLength
    this.#sequence = isTcp ? view.getUint32(transportOffset + 4) : 0
    this.#flags = header.tcpFlags
    this.#identification = header.version === 4 ? view.getUint16(offset + 4) : 0

    // What differs from segment to segment is zero in the template, so that its sum is the constant part of each sum.
    const template = this.#template
    for (let i = 0; i < headersLength; i += 4) template.setUint32(i, view.getUint32(offset + i))
    if (header.version === 4) {
      template.setUint32(2, 0) // total length, identification
      template.setUint16(10, 0)
      this.#ipSum = sumBytes(this.#templateBytes, 0, headerLength, 0)
    }
    if (isTcp) {
      template.setUint32(headerLength + 4, 0)
      template.setUint8(headerLength + 13, 0)
      template.setUint16(headerLength + 16, 0)
    } else template.setUint32(headerLength + 4, 0) // length, checksum
    const pseudo = pseudoHeaderSum(bytes, header.sourceOffset, header.addressLength, header.protocol, 0)
    this.#transportSum = sumBytes(this.#templateBytes, headerLength, transportHeaderLength, pseudo)
    return undefined
  }

  #writeIp(view: DataView, at: number, length: number): void {
    if (this.#header.version === 6) {
      view.setUint16(at + 4, length - 40)
      return
    }
    const identification = (this.#identification + this.#index) & 0xffff // RFC 6864 §4: unique where it means anything
    view.setUint16(at + 2, length)
    view.setUint16(at + 4, identification)
    view.setUint16(at + 10, checksumOf(this.#ipSum + length + identification))
  }

  #writeTransport(arena: Arena, at: number, payload: number, payloadLength: number): void {
    const view = arena.view
    const length = this.#header.transportHeaderLength + payloadLength
    let sum = foldSum(this.#checksum(arena, payload, payloadLength, 0)) + this.#transportSum + length
    if (this.#isTcp) {
      const sequence = (this.#sequence + this.#index * this.#segmentSize) >>> 0
      let flags = this.#flags
      if (this.#index > 0) flags &= ~TCP_CWR // RFC 3168 §6.1.2: once per window
      if (this.#next < this.#end) flags &= ~(TCP_FIN | TCP_PSH)
      view.setUint32(at + 4, sequence)
      view.setUint8(at + 13, flags)
      sum += (sequence >>> 16) + (sequence & 0xffff) + flags
      view.setUint16(at + 16, checksumOf(sum))
    } else {
      view.setUint16(at + 4, length)
      view.setUint16(at + 6, checksumOf(sum + length) || 0xffff) // RFC 768: zero would mean "none"
    }
  }

  /** Computes a checksum that was left to us. What its field holds doesn't matter. */
  #completeChecksum(arena: Arena): boolean {
    const header = this.#header
    const { protocol, transportOffset } = header
    const field = transportOffset + (protocol === TCP ? 16 : protocol === UDP ? 6 : 2)
    if (protocol !== TCP && protocol !== UDP && protocol !== ICMPV6) return false
    const length =
      protocol === UDP ? arena.view.getUint16(transportOffset + 4) : header.totalLength - header.headerLength
    arena.view.setUint16(field, 0)
    const pseudo = pseudoHeaderSum(arena.bytes, header.sourceOffset, header.addressLength, protocol, length)
    const checksum = checksumOf(foldSum(this.#checksum(arena, transportOffset, length, 0)) + pseudo)
    arena.view.setUint16(field, checksum === 0 && protocol === UDP ? 0xffff : checksum)
    return true
  }
}

/** More than any IPv4 header (60) or plain IPv6 header (40) with a TCP header (60), and extensions within reason. */
const MAX_HEADERS = 256
