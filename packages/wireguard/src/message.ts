import { viewOf } from '@sallyport/sans-io'

/**
 * Message layouts (WireGuard paper §5.4). Integers are little-endian; three reserved zero bytes follow the type.
 *
 * | type | bytes | offset:length |
 * |---|---|---|
 * | 1 initiation | 148 | 4:4 sender · 8:32 ephemeral · 40:48 static · 88:28 timestamp · 116:16 mac1 · 132:16 mac2 |
 * | 2 response | 92 | 4:4 sender · 8:4 receiver · 12:32 ephemeral · 44:16 nothing · 60:16 mac1 · 76:16 mac2 |
 * | 3 cookie reply | 64 | 4:4 receiver · 8:24 nonce · 32:32 cookie |
 * | 4 transport data | ≥ 32 | 4:4 receiver · 8:8 counter · 16:… packet and its tag |
 */
export const MESSAGE_INITIATION = 1
/** Type of a handshake response. */
export const MESSAGE_RESPONSE = 2
/** Type of a cookie reply. */
export const MESSAGE_COOKIE_REPLY = 3
/** Type of a transport data message. */
export const MESSAGE_DATA = 4

/** The type of a well-formed message. */
export type MessageType =
  | typeof MESSAGE_INITIATION
  | typeof MESSAGE_RESPONSE
  | typeof MESSAGE_COOKIE_REPLY
  | typeof MESSAGE_DATA

/** Bytes of a handshake initiation. */
export const INITIATION_LENGTH = 148
/** Bytes of a handshake response. */
export const RESPONSE_LENGTH = 92
/** Bytes of a cookie reply. */
export const COOKIE_REPLY_LENGTH = 64
/** Bytes in front of the ciphertext of a data message. */
export const DATA_HEADER_LENGTH = 16
/** Bytes that a data message is longer than its packet: header and tag. */
export const DATA_OVERHEAD = 32

/** Bytes at the end of an initiation or response that are mac1 and mac2. */
export const MACS_LENGTH = 32
/** Bytes of one of them, and of a cookie. */
export const MAC_LENGTH = 16

/**
 * Returns the type of the message in `length` bytes at `offset`, or `undefined` if its type and length don't agree.
 *
 * Looks at four bytes and the length only, so it may say "a message" to what isn't one.
 */
export function messageTypeOf(bytes: Uint8Array, offset: number, length: number): MessageType | undefined {
  if (length < DATA_OVERHEAD || (bytes[offset + 1]! | bytes[offset + 2]! | bytes[offset + 3]!) !== 0) return undefined
  switch (bytes[offset]) {
    case MESSAGE_INITIATION:
      return length === INITIATION_LENGTH ? MESSAGE_INITIATION : undefined
    case MESSAGE_RESPONSE:
      return length === RESPONSE_LENGTH ? MESSAGE_RESPONSE : undefined
    case MESSAGE_COOKIE_REPLY:
      return length === COOKIE_REPLY_LENGTH ? MESSAGE_COOKIE_REPLY : undefined
    case MESSAGE_DATA:
      return MESSAGE_DATA
    default:
      return undefined
  }
}

/** Returns the receiver index of the message of `type` (not an initiation, which has none) at `offset`. */
export function receiverIndexOf(
  bytes: Uint8Array,
  offset: number,
  type: Exclude<MessageType, typeof MESSAGE_INITIATION>,
): number {
  const at = offset + (type === MESSAGE_RESPONSE ? 8 : 4)
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

/** Returns the sender index of the initiation or response `message`. */
export const senderIndexOf = (message: Uint8Array): number => viewOf(message).getUint32(4, true)

/** Makes a message of `length` zero bytes with its type written. */
export function newMessage(type: MessageType, length: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(length)
  message[0] = type
  return message
}

/** The fields of an initiation, as views into it. */
export const initiationFields = (
  message: Uint8Array,
): { ephemeral: Uint8Array; encryptedStatic: Uint8Array; encryptedTimestamp: Uint8Array } => ({
  ephemeral: message.subarray(8, 40),
  encryptedStatic: message.subarray(40, 88),
  encryptedTimestamp: message.subarray(88, 116),
})

/** The fields of a response, as views into it. */
export const responseFields = (message: Uint8Array): { ephemeral: Uint8Array; encryptedNothing: Uint8Array } => ({
  ephemeral: message.subarray(12, 44),
  encryptedNothing: message.subarray(44, 60),
})

/** The fields of a cookie reply, as views into it. */
export const cookieReplyFields = (message: Uint8Array): { nonce: Uint8Array; encryptedCookie: Uint8Array } => ({
  nonce: message.subarray(8, 32),
  encryptedCookie: message.subarray(32, 64),
})
