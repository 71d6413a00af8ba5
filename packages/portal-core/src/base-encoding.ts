import { parseBase64, toBase64 } from '@sallyport/sans-io'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE32HEX = '0123456789ABCDEFGHIJKLMNOPQRSTUV'

/** Returns `bytes` in lower-case base32 (RFC 4648 §6) without padding. */
export const toBase32 = (bytes: Uint8Array): string => encodeBase32(bytes, BASE32)

/** Returns `bytes` in upper-case base32hex (RFC 4648 §7) with padding. */
export function toBase32Hex(bytes: Uint8Array): string {
  const text = encodeBase32(bytes, BASE32HEX)
  return text.padEnd(Math.ceil(text.length / 8) * 8, '=')
}

/** Returns `bytes` in standard base64 (RFC 4648 §4) without padding. */
export const toBase64Unpadded = (bytes: Uint8Array): string => toBase64(bytes).replace(/=+$/, '')

/** Returns `bytes` in base64url (RFC 4648 §5) without padding. */
export const toBase64Url = (bytes: Uint8Array): string =>
  toBase64Unpadded(bytes).replaceAll('+', '-').replaceAll('/', '_')

/** Returns the bytes of base64url without padding (RFC 4648 §5), or `undefined` if `text` is not exactly that. */
export function parseBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined
  const standard = text.replaceAll('-', '+').replaceAll('_', '/')
  return parseBase64(standard.padEnd(Math.ceil(standard.length / 4) * 4, '='))
}

function encodeBase32(bytes: Uint8Array, alphabet: string): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff // at most 4 bits are left over from the byte before
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(value >> bits) & 31]!
    }
  }
  return bits === 0 ? text : text + alphabet[(value << (5 - bits)) & 31]!
}
