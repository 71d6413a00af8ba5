import type { StunCrypto } from '@sallyport/sans-io'

const HEADER = 20
const MESSAGE_INTEGRITY = 0x0008
const FINGERPRINT = 0x8028

/**
 * Makes a STUN message of bytes that were changed: with a right length, and MESSAGE-INTEGRITY and FINGERPRINT by `key`
 * behind the attributes that are there, so that what only the peer could have sent is looked at in earnest.
 */
export function resign(bytes: Uint8Array, key: Uint8Array, crypto: StunCrypto): Uint8Array {
  const end = endOfAttributes(bytes)
  const out = new Uint8Array(Math.max(HEADER, end) + 32)
  out.set(bytes.subarray(0, end))
  const view = new DataView(out.buffer)
  out[0]! &= 0x3f
  view.setUint32(4, 0x2112a442)
  const signed = out.length - 32
  view.setUint16(2, signed + 24 - HEADER)
  view.setUint16(signed, MESSAGE_INTEGRITY)
  view.setUint16(signed + 2, 20)
  out.set(crypto.hmacSha1(key, out.subarray(0, signed)), signed + 4)
  view.setUint16(2, out.length - HEADER)
  view.setUint16(signed + 24, FINGERPRINT)
  view.setUint16(signed + 26, 4)
  view.setUint32(signed + 28, (crypto.crc32(out.subarray(0, signed + 24)) ^ 0x5354554e) >>> 0)
  return out
}

/** Where the whole attributes in front of MESSAGE-INTEGRITY end. */
function endOfAttributes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = HEADER
  while (at + 4 <= bytes.length) {
    const type = view.getUint16(at)
    const next = at + 4 + ((view.getUint16(at + 2) + 3) & ~3)
    if (type === MESSAGE_INTEGRITY || type === FINGERPRINT || next > bytes.length) break
    at = next
  }
  return Math.min(at, bytes.length)
}
