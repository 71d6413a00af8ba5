import { blake2s } from '@noble/hashes/blake2.js'
import { hmac } from '@noble/hashes/hmac.js'
import { md5, sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Crypto } from '@sallyport/sans-io'
import { crc32 } from './crc32.ts'
import { chacha20Poly1305, xchacha20Poly1305 } from './message-aead.ts'
import { transportCipher } from './transport-cipher.ts'
import { x25519 } from './x25519.ts'

/**
 * Everything that the libraries ask of cryptography, in plain JavaScript.
 *
 * The reference that faster implementations are held against, and good enough for tests, browsers and small loads. A
 * Diffie-Hellman costs more than a millisecond, a packet of 1280 bytes about twenty microseconds.
 */
export const portableCrypto: Crypto = {
  x25519,
  chacha20Poly1305,
  xchacha20Poly1305,
  transport: transportCipher,
  blake2s: data => blake2s(data),
  blake2sMac: (key, data) => blake2s(data, { key, dkLen: 16 }),
  hmacBlake2s: (key, data) => hmac(blake2s, key, data),
  hmacSha1: (key, data) => hmac(sha1, key, data),
  hmacSha256: (key, data) => hmac(sha256, key, data),
  md5: data => md5(data),
  sha256: data => sha256(data),
  crc32,
}
