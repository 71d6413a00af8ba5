import { type StunCrypto, viewOf } from '@sallyport/sans-io'
import type { StunAttribute } from './attribute.ts'
import { ATTRIBUTE_CODECS, type AttributeCodec } from './attribute-codec.ts'
import { FINGERPRINT_LENGTH, fingerprintOf, INTEGRITY_LENGTH, integrityOf } from './integrity.ts'
import { MAGIC_COOKIE, messageType, STUN_HEADER_LENGTH, type StunContent, TRANSACTION_ID_LENGTH } from './message.ts'

/** What protects a message that {@link encodeStun} writes. */
export interface StunProtection {
  readonly crypto: StunCrypto
  /** Key of a MESSAGE-INTEGRITY behind the given attributes: {@link shortTermKey} or {@link longTermKey}. */
  readonly key?: Uint8Array
  /** Whether a FINGERPRINT is the last attribute. */
  readonly fingerprint?: boolean
}

/** Our caller asked for a message that STUN cannot express: a text too long, a number out of range. */
export class StunEncodingError extends RangeError {
  override readonly name = 'StunEncodingError'
  /** Stable, for programs. */
  readonly code = 'STUN_UNENCODABLE'
}

/**
 * Encodes a STUN message: its attributes in the order given, padded with zeros, then MESSAGE-INTEGRITY and FINGERPRINT
 * as `protection` asks.
 *
 * @returns the datagram, which belongs to the caller.
 * @throws {@link StunEncodingError} if a value is outside what its attribute can hold.
 */
export function encodeStun(content: StunContent, protection?: StunProtection): Uint8Array<ArrayBuffer> {
  const { transactionId } = content
  if (transactionId.length !== TRANSACTION_ID_LENGTH) {
    throw new StunEncodingError(`a transaction id has ${TRANSACTION_ID_LENGTH} bytes, not ${transactionId.length}`)
  }
  if (!(content.method >= 0 && content.method <= 0xfff)) throw new StunEncodingError(`no method: ${content.method}`)
  const values = content.attributes.map(attribute => encodeValue(attribute, transactionId))
  let length = STUN_HEADER_LENGTH
  for (const { bytes } of values) length += 4 + padded(bytes.length)
  if (protection?.key !== undefined) length += INTEGRITY_LENGTH
  if (protection?.fingerprint === true) length += FINGERPRINT_LENGTH
  if (length - STUN_HEADER_LENGTH > 0xffff) throw new StunEncodingError(`a message of ${length} bytes is too long`)

  const out = new Uint8Array(length)
  const view = viewOf(out)
  view.setUint16(0, messageType(content.method, content.class))
  view.setUint16(2, length - STUN_HEADER_LENGTH)
  view.setUint32(4, MAGIC_COOKIE)
  out.set(transactionId, 8)
  let offset = STUN_HEADER_LENGTH
  const put = (number: number, bytes: Uint8Array): void => {
    view.setUint16(offset, number)
    view.setUint16(offset + 2, bytes.length)
    out.set(bytes, offset + 4)
    offset += 4 + padded(bytes.length)
  }
  for (const { number, bytes } of values) put(number, bytes)
  if (protection?.key !== undefined) {
    put(ATTRIBUTE_CODECS['message-integrity'].number, integrityOf(out, offset, protection.key, protection.crypto))
  }
  if (protection?.fingerprint === true) {
    const crc = new Uint8Array(4)
    viewOf(crc).setUint32(0, fingerprintOf(out, offset, protection.crypto))
    put(ATTRIBUTE_CODECS.fingerprint.number, crc)
  }
  return out
}

function encodeValue(attribute: StunAttribute, transactionId: Uint8Array): { number: number; bytes: Uint8Array } {
  if (attribute.type === 'unknown') return { number: attribute.number, bytes: attribute.value }
  const codec = ATTRIBUTE_CODECS[attribute.type] as AttributeCodec<unknown>
  const bytes = codec.write(attribute.value, transactionId)
  if (bytes === undefined) throw new StunEncodingError(`${attribute.type} can't hold its value`)
  return { number: codec.number, bytes }
}

const padded = (length: number): number => (length + 3) & ~3
