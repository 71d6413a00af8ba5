import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { portableCrypto } from '@sallyport/crypto'
import { type Crypto, type Logger, type MessageAead, silentLogger, TAG_LENGTH } from '@sallyport/sans-io'
import { nodeX25519 } from './node-x25519.ts'
import { type CipherName, pickCipher } from './pick-cipher.ts'

/** What {@link nodeCrypto} can be told. */
export interface NodeCryptoOptions {
  /** Takes this packet cipher instead of the fastest that works; throws an `Error` where it doesn't work. */
  readonly cipher?: CipherName
  /** Learns which packet cipher was picked, at `debug`, and which ones answered wrongly, at `warn`. */
  readonly logger?: Logger
}

/**
 * Returns the crypto ports of the floor as fast as they come on Node.js.
 *
 * Handshakes and HMACs are done by `node:crypto`, packets by the fastest cipher that proves itself with known answers.
 * What OpenSSL lacks (keyed BLAKE2s, XChaCha20) is the portable implementation's; so is BLAKE2s as a whole where an
 * OpenSSL was built without it.
 */
export function nodeCrypto(options: NodeCryptoOptions = {}): Crypto {
  return {
    ...portableCrypto,
    x25519: nodeX25519(),
    chacha20Poly1305: nodeChacha20Poly1305,
    transport: pickCipher(options.logger ?? silentLogger, options.cipher),
    ...(hasBlake2s()
      ? {
          blake2s: (data: Uint8Array) => new Uint8Array(createHash('blake2s256').update(data).digest()),
          hmacBlake2s: (key: Uint8Array, data: Uint8Array) => hmac('blake2s256', key, data),
        }
      : {}),
    hmacSha1: (key, data) => hmac('sha1', key, data),
    hmacSha256: (key, data) => hmac('sha256', key, data),
    sha256: data => new Uint8Array(createHash('sha256').update(data).digest()),
    crc32: data => crc32(data),
  }
}

const hmac = (algorithm: string, key: Uint8Array, data: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac(algorithm, key).update(data).digest())

function hasBlake2s(): boolean {
  try {
    createHmac('blake2s256', 'key').digest()
    return true
  } catch {
    return false
  }
}

const nodeChacha20Poly1305: MessageAead = {
  seal(key, nonce, plaintext, associatedData) {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_LENGTH })
    cipher.setAAD(associatedData, { plaintextLength: plaintext.length })
    const out = new Uint8Array(plaintext.length + TAG_LENGTH)
    out.set(cipher.update(plaintext))
    cipher.final()
    out.set(cipher.getAuthTag(), plaintext.length)
    return out
  },
  open(key, nonce, ciphertext, associatedData) {
    const length = ciphertext.length - TAG_LENGTH
    if (length < 0) return undefined
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_LENGTH })
    decipher.setAAD(associatedData, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    const plaintext = new Uint8Array(decipher.update(ciphertext.subarray(0, length)))
    try {
      decipher.final()
      return plaintext
    } catch {
      return undefined
    }
  },
}
