import { type Arena, type Random, randomBytes, type SocketAddress, viewOf } from '@sallyport/sans-io'
import { DATA, MAGIC_COOKIE, SEND, STUN_HEADER_LENGTH } from '@sallyport/stun'

/** The most bytes in front of the payload of a Data indication: header, XOR-PEER-ADDRESS of IPv6, and DATA's own. */
export const MAX_INDICATION_HEADER_LENGTH = 48

/** The type of an indication of `method` (RFC 8489 §5); both methods lie below 16. */
const indicationType = (method: number): number => method | 0x0010

const XOR_PEER_ADDRESS = 0x0012
const DATA_ATTRIBUTE = 0x0013

/** Returns whether the `length` bytes at `offset` may be a Send indication (RFC 8656 §11.1). */
export const isSendIndication = (bytes: Uint8Array, offset: number, length: number): boolean =>
  length >= STUN_HEADER_LENGTH && bytes[offset] === 0 && bytes[offset + 1] === indicationType(SEND)

/** A Send indication (RFC 8656 §11.1), read where it lies. Made once and reused: reading makes no objects. */
export class SendIndication {
  /** The peer's address: the first {@link addressLength} bytes. */
  readonly address: Uint8Array = new Uint8Array(16)
  /** 4 or 16. */
  addressLength = 0
  /** The peer's port. */
  port = 0
  /** Where the payload begins. */
  dataOffset = 0
  /** How long the payload is. */
  dataLength = 0

  /**
   * Reads the `length` bytes at `offset`. Returns false for what is to be dropped without an answer (RFC 8656 §11.2):
   * what is malformed or lacks peer or data, or has an attribute that one would have to understand, DONT-FRAGMENT
   * included.
   */
  read({ bytes, view }: Arena, offset: number, length: number): boolean {
    if (length !== STUN_HEADER_LENGTH + view.getUint16(offset + 2) || (length & 3) !== 0) return false
    if (view.getUint32(offset + 4) !== MAGIC_COOKIE) return false
    const end = offset + length
    let hasPeer = false
    let hasData = false
    for (let at = offset + STUN_HEADER_LENGTH; at < end; ) {
      const type = view.getUint16(at)
      const valueLength = view.getUint16(at + 2)
      const value = at + 4
      if (value + valueLength > end) return false
      if (type === XOR_PEER_ADDRESS && !hasPeer) {
        if (!this.#readPeer(bytes, view, offset, value, valueLength)) return false
        hasPeer = true
      } else if (type === DATA_ATTRIBUTE && !hasData) {
        this.dataOffset = value
        this.dataLength = valueLength
        hasData = true
      } else if (type < 0x8000 && !IGNORED.has(type)) return false
      at = value + ((valueLength + 3) & ~3)
    }
    return hasPeer && hasData
  }

  #readPeer(bytes: Uint8Array, view: DataView, message: number, value: number, length: number): boolean {
    const addressLength = bytes[value + 1] === 1 ? 4 : 16
    if (length !== 4 + addressLength || (addressLength === 16 && bytes[value + 1] !== 2)) return false
    this.addressLength = addressLength
    this.port = view.getUint16(value + 2) ^ (MAGIC_COOKIE >>> 16)
    for (let i = 0; i < addressLength; i++) this.address[i] = bytes[value + 4 + i]! ^ bytes[message + 4 + i]!
    return true
  }
}

/** What may be there and means nothing: repeated attributes, and credentials, which indications don't need. */
const IGNORED: ReadonlySet<number> = new Set([XOR_PEER_ADDRESS, DATA_ATTRIBUTE, 0x0006, 0x0008, 0x0014, 0x0015])

/**
 * Writes what stands in front of a peer's datagram in a Data indication (RFC 8656 §11.3).
 *
 * ```
 *  00 17 | length | 2112A442 | transaction id | XOR-PEER-ADDRESS | 00 13 | length ┊ payload, padded to 4
 * ```
 */
export class DataIndications {
  /** RFC 8489 §5 wants transaction ids to be unique; for an indication, which nobody answers, a counter will do. */
  readonly #id: DataView

  constructor(random: Random) {
    this.#id = viewOf(randomBytes(random, 12))
  }

  /** Writes the header of an indication of `payloadLength` bytes from `peer` at `offset`; returns how long it is. */
  writeHeader({ bytes, view }: Arena, offset: number, peer: SocketAddress, payloadLength: number): number {
    const address = peer.ip.bytes
    const headerLength = STUN_HEADER_LENGTH + 4 + 4 + address.length + 4
    const id = this.#id
    id.setUint32(8, id.getUint32(8) + 1)
    view.setUint16(offset, indicationType(DATA))
    view.setUint16(offset + 2, headerLength - STUN_HEADER_LENGTH + ((payloadLength + 3) & ~3))
    view.setUint32(offset + 4, MAGIC_COOKIE)
    for (let i = 0; i < 12; i += 4) view.setUint32(offset + 8 + i, id.getUint32(i))
    view.setUint16(offset + 20, XOR_PEER_ADDRESS)
    view.setUint16(offset + 22, 4 + address.length)
    view.setUint16(offset + 24, peer.family === 4 ? 1 : 2)
    view.setUint16(offset + 26, peer.port ^ (MAGIC_COOKIE >>> 16))
    for (let i = 0; i < address.length; i++) bytes[offset + 28 + i] = address[i]! ^ bytes[offset + 4 + i]!
    view.setUint16(offset + headerLength - 4, DATA_ATTRIBUTE)
    view.setUint16(offset + headerLength - 2, payloadLength)
    return headerLength
  }
}
