import { equalBytes, type StunCrypto, utf8, viewOf } from '@sallyport/sans-io'
import { STUN_HEADER_LENGTH, type StunMessage } from './message.ts'

/** Bytes of a MESSAGE-INTEGRITY attribute with its header. */
export const INTEGRITY_LENGTH = 24
/** Bytes of a FINGERPRINT attribute with its header. */
export const FINGERPRINT_LENGTH = 8
const FINGERPRINT_MASK = 0x5354554e // "STUN" (RFC 8489 §14.7)

/**
 * Returns the key of short-term credentials, as ICE uses them (RFC 8489 §9.1.1): the password's bytes.
 *
 * OpaqueString preparation (RFC 8265) is left out: it changes nothing about the ASCII that ICE passwords consist of.
 */
export function shortTermKey(password: string): Uint8Array {
  return utf8(password)
}

/** Returns the key of long-term credentials, as TURN uses them: MD5 of `username:realm:password` (RFC 8489 §9.2.2). */
export function longTermKey(username: string, realm: string, password: string, crypto: StunCrypto): Uint8Array {
  return crypto.md5(utf8(`${username}:${realm}:${password}`))
}

/**
 * Returns whether `message` carries a MESSAGE-INTEGRITY made with `key` (RFC 8489 §14.5), in a time that does not
 * depend on how much of it is right. A message without one is not verified.
 */
export function verifyIntegrity(message: StunMessage, key: Uint8Array, crypto: StunCrypto): boolean {
  const { bytes, integrityOffset } = message
  if (integrityOffset === undefined) return false
  const claimed = bytes.subarray(integrityOffset + 4, integrityOffset + INTEGRITY_LENGTH)
  return equalBytes(claimed, integrityOf(bytes, integrityOffset, key, crypto))
}

/** Returns whether `message` carries the right FINGERPRINT (RFC 8489 §14.7). */
export function verifyFingerprint(message: StunMessage, crypto: StunCrypto): boolean {
  const { bytes, fingerprintOffset } = message
  if (fingerprintOffset === undefined) return false
  return viewOf(bytes).getUint32(fingerprintOffset + 4) === fingerprintOf(bytes, fingerprintOffset, crypto)
}

/** Returns the HMAC over `bytes[0, offset)` with a length field that ends behind the attribute (RFC 8489 §14.5). */
export function integrityOf(bytes: Uint8Array, offset: number, key: Uint8Array, crypto: StunCrypto): Uint8Array {
  return crypto.hmacSha1(key, withLength(bytes, offset, INTEGRITY_LENGTH))
}

/** Returns the CRC-32 over `bytes[0, offset)` with a length field that ends behind the attribute (RFC 8489 §14.7). */
export function fingerprintOf(bytes: Uint8Array, offset: number, crypto: StunCrypto): number {
  return (crypto.crc32(withLength(bytes, offset, FINGERPRINT_LENGTH)) ^ FINGERPRINT_MASK) >>> 0
}

function withLength(bytes: Uint8Array, offset: number, attributeLength: number): Uint8Array {
  const covered = new Uint8Array(bytes.subarray(0, offset)) // not `slice`, which in a Buffer of Node.js is a view
  viewOf(covered).setUint16(2, offset + attributeLength - STUN_HEADER_LENGTH)
  return covered
}
