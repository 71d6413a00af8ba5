import { viewOf } from '@sallyport/sans-io'
import type { StunAttribute } from './attribute.ts'
import { ATTRIBUTE_CODECS, ATTRIBUTE_NAMES, attributeDefect } from './attribute-codec.ts'
import type { StunDefect } from './defect.ts'
import { classOf, MAGIC_COOKIE, methodOf, STUN_HEADER_LENGTH, type StunHeader, type StunMessage } from './message.ts'

/**
 * Parses the header of a STUN message and checks that the datagram is exactly as long as it says (RFC 8489 §5).
 *
 * @param datagram - One whole UDP datagram. Borrowed: the result's `transactionId` is a view into it.
 * @returns the header, or the first defect found. Never throws: these bytes come from strangers.
 */
export function parseStunHeader(datagram: Uint8Array): StunHeader | StunDefect {
  if (datagram.length < STUN_HEADER_LENGTH) return 'truncated-header'
  const view = viewOf(datagram)
  const type = view.getUint16(0)
  const length = view.getUint16(2)
  if (type > 0x3fff) return 'not-stun'
  if (view.getUint32(4) !== MAGIC_COOKIE) return 'bad-magic-cookie'
  if (length % 4 !== 0) return 'unaligned-length'
  if (STUN_HEADER_LENGTH + length > datagram.length) return 'truncated-message'
  if (STUN_HEADER_LENGTH + length < datagram.length) return 'trailing-bytes'
  return { class: classOf(type), method: methodOf(type), transactionId: datagram.subarray(8, STUN_HEADER_LENGTH) }
}

/**
 * Parses a STUN message of any method and class (RFC 8489 §5, §14).
 *
 * Verifies neither MESSAGE-INTEGRITY nor FINGERPRINT: see {@link verifyIntegrity} and {@link verifyFingerprint}.
 *
 * @param datagram - One whole UDP datagram. Borrowed: the result's bytes are views into it.
 * @returns the message, or the first defect found. Never throws: these bytes come from strangers.
 */
export function parseStun(datagram: Uint8Array): StunMessage | StunDefect {
  const header = parseStunHeader(datagram)
  if (typeof header === 'string') return header
  const view = viewOf(datagram)
  const attributes: StunAttribute[] = []
  let integrityOffset: number | undefined
  let fingerprintOffset: number | undefined
  let offset = STUN_HEADER_LENGTH
  while (offset < datagram.length) {
    // the length is a multiple of 4, so that a type and length always fit
    const number = view.getUint16(offset)
    const start = offset + 4
    const end = start + view.getUint16(offset + 2)
    if (end > datagram.length) return 'attribute-overrun'
    const name = ATTRIBUTE_NAMES.get(number)
    const isCounted = fingerprintOffset === undefined && (integrityOffset === undefined || name === 'fingerprint')
    if (isCounted && name === undefined) {
      attributes.push({ type: 'unknown', number, value: datagram.subarray(start, end) })
    } else if (isCounted && name !== undefined) {
      const value = ATTRIBUTE_CODECS[name].read(datagram.subarray(start, end), header.transactionId)
      const defect = attributeDefect(value)
      if (defect !== undefined) return defect
      attributes.push({ type: name, value } as StunAttribute)
      if (name === 'message-integrity') integrityOffset = offset
      if (name === 'fingerprint') fingerprintOffset = offset
    }
    offset = (end + 3) & ~3
  }
  return { ...header, attributes, bytes: datagram, integrityOffset, fingerprintOffset }
}
