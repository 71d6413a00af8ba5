/**
 * The message codec of STUN (RFC 8489), TURN (RFC 8656) and ICE's connectivity checks (RFC 8445), and ChannelData.
 *
 * ```
 *  0 0 | type (14) | length (16)          length: bytes behind this header, a multiple of 4
 *  magic cookie 2112A442                  type: method and class, interleaved
 *  transaction id (96)
 *  attribute type (16) | length (16) | value, padded to 4      … and so on
 *
 *  0 1 0 0 | channel (12) | length (16) | payload               ChannelData
 * ```
 *
 * @packageDocumentation
 */
export type {
  ErrorCode,
  StunAddressFamily,
  StunAttribute,
  StunAttributeValues,
  UnknownAttribute,
} from './attribute.ts'
export {
  CHANNEL_DATA_HEADER_LENGTH,
  type ChannelData,
  type ChannelDataDefect,
  channelDataNumber,
  channelDataPayloadLength,
  isChannelNumber,
  MAX_CHANNEL,
  MIN_CHANNEL,
  parseChannelData,
  writeChannelDataHeader,
} from './channel-data.ts'
export type { StunDefect } from './defect.ts'
export { encodeStun, StunEncodingError, type StunProtection } from './encode.ts'
export { longTermKey, shortTermKey, verifyFingerprint, verifyIntegrity } from './integrity.ts'
export {
  ALLOCATE,
  attributeOf,
  attributesOf,
  BINDING,
  CHANNEL_BIND,
  CREATE_PERMISSION,
  DATA,
  MAGIC_COOKIE,
  REFRESH,
  SEND,
  STUN_HEADER_LENGTH,
  type StunClass,
  type StunContent,
  type StunHeader,
  type StunMessage,
  TRANSACTION_ID_LENGTH,
} from './message.ts'
export { parseStun, parseStunHeader } from './parse.ts'
export { newTransactionId, type TransactionKey, transactionKey } from './transaction-id.ts'
