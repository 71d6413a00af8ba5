import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { type MessageAead, TAG_LENGTH } from '@sallyport/sans-io'

/** ChaCha20-Poly1305 (RFC 8439 §2.8). */
export const chacha20Poly1305: MessageAead = aeadOf(chacha20poly1305)

/** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §2). */
export const xchacha20Poly1305: MessageAead = aeadOf(xchacha20poly1305)

type Cipher = (
  key: Uint8Array,
  nonce: Uint8Array,
  associatedData: Uint8Array,
) => { encrypt(plaintext: Uint8Array): Uint8Array; decrypt(ciphertext: Uint8Array): Uint8Array }

function aeadOf(cipher: Cipher): MessageAead {
  return {
    seal: (key, nonce, plaintext, associatedData) => cipher(key, nonce, associatedData).encrypt(plaintext),
    open(key, nonce, ciphertext, associatedData) {
      if (ciphertext.length < TAG_LENGTH) return undefined
      const opener = cipher(key, nonce, associatedData) // throws if the caller's key or nonce has a wrong length
      try {
        return opener.decrypt(ciphertext)
      } catch {
        return undefined
      }
    },
  }
}
