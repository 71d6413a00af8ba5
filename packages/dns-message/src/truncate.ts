import { viewOf } from '@sallyport/sans-io'
import { FLAG_TRUNCATED, HEADER_LENGTH } from './constants.ts'
import { Reader } from './reader.ts'

/**
 * Returns a message of at most `limit` bytes: `message` itself, or a cut copy that says so (RFC 2181 §9).
 *
 * Everything behind the questions is left out, EDNS too; code and id stay. Bytes that are no message are cut to a header
 * without questions.
 */
export function truncateMessage(message: Uint8Array, limit: number): Uint8Array {
  if (message.length <= limit) return message
  const reader = new Reader(message)
  reader.bytes(4)
  const count = reader.u16()
  reader.bytes(6)
  for (let i = 0; i < count && reader.isGood; i++) {
    reader.name()
    reader.u32()
  }
  const keepsQuestions = reader.isGood && reader.position <= limit
  const cut = new Uint8Array(message.subarray(0, keepsQuestions ? reader.position : HEADER_LENGTH))
  const view = viewOf(cut)
  view.setUint16(2, view.getUint16(2) | FLAG_TRUNCATED)
  if (!keepsQuestions) view.setUint16(4, 0)
  for (const at of [6, 8, 10]) view.setUint16(at, 0)
  return cut
}
