/** Nothing that travels here. */
export const NOT_OURS = 0
/** A STUN message: a connectivity check, or a relay's answer. */
export const STUN = 1
/** A ChannelData message; means something only when it comes from a relay. */
export const CHANNEL_DATA = 2
/** A WireGuard handshake message: initiation, response or cookie reply. */
export const WIREGUARD_HANDSHAKE = 3
/** A WireGuard transport message: an encrypted packet. */
export const WIREGUARD_DATA = 4

/** What a datagram is, by its first bytes. Numbers, because the packet path asks for each datagram. */
export type DatagramKind =
  | typeof NOT_OURS
  | typeof STUN
  | typeof CHANNEL_DATA
  | typeof WIREGUARD_HANDSHAKE
  | typeof WIREGUARD_DATA

const STUN_HEADER_LENGTH = 20
/** Where a STUN message has the magic cookie 2112A442 (RFC 8489 §5). */
const COOKIE_OFFSET = 4

/**
 * Returns what the datagram of `length` bytes at `offset` is. Pure, allocates nothing; the parsers have the last word.
 *
 * ```
 * first byte   0..3   and the magic cookie behind it   → STUN (RFC 7983 §7)
 *              1..4   as a little-endian u32, by length → WireGuard: 1: 148, 2: 92, 3: 64, 4: 32 and more
 *             64..79                                   → ChannelData (RFC 8656 §12)
 * ```
 *
 * A WireGuard message never looks like STUN: its type leaves a zero where STUN has its length, or a length that is none.
 */
export function classify(bytes: Uint8Array, offset: number, length: number): DatagramKind {
  if (length < 4) return NOT_OURS
  const first = bytes[offset]!
  if (first === 4) return length >= 32 && hasNoFlags(bytes, offset) ? WIREGUARD_DATA : NOT_OURS
  if (first >= 64 && first <= 79) return CHANNEL_DATA
  if (first > 4) return NOT_OURS
  if (length === handshakeLength(first) && hasNoFlags(bytes, offset)) return WIREGUARD_HANDSHAKE
  if (length >= STUN_HEADER_LENGTH && hasMagicCookie(bytes, offset + COOKIE_OFFSET)) return STUN
  return NOT_OURS
}

function handshakeLength(type: number): number {
  switch (type) {
    case 1:
      return 148
    case 2:
      return 92
    case 3:
      return 64
    default:
      return -1
  }
}

/** The three reserved bytes behind a WireGuard message's type are zero. */
const hasNoFlags = (bytes: Uint8Array, offset: number): boolean =>
  (bytes[offset + 1]! | bytes[offset + 2]! | bytes[offset + 3]!) === 0

const hasMagicCookie = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x21 && bytes[at + 1] === 0x12 && bytes[at + 2] === 0xa4 && bytes[at + 3] === 0x42
