import { x25519 as curve } from '@noble/curves/ed25519.js'
import { copyBytes, type X25519, type X25519PrivateKey } from '@sallyport/sans-io'

/** Diffie-Hellman on Curve25519 (RFC 7748 §5, §6.1). */
export const x25519: X25519 = {
  importPrivateKey(bytes) {
    if (bytes.length !== 32) throw new RangeError(`an X25519 private key has 32 bytes, not ${bytes.length}`)
    return new PrivateKey(copyBytes(bytes)) as unknown as X25519PrivateKey
  },
  publicKey: privateKey => curve.getPublicKey(bytesOf(privateKey)),
  diffieHellman(privateKey, publicKey) {
    const scalar = bytesOf(privateKey)
    if (publicKey.length !== 32) throw new RangeError(`an X25519 public key has 32 bytes, not ${publicKey.length}`)
    try {
      return curve.getSharedSecret(scalar, publicKey)
    } catch {
      return undefined // a point of small order (RFC 7748 §6.1); both lengths are right, so nothing else is left
    }
  },
}

/** Where the bytes hide, so that a key isn't printed by accident. */
class PrivateKey {
  readonly #bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }
  get bytes(): Uint8Array {
    return this.#bytes
  }
}

function bytesOf(key: X25519PrivateKey): Uint8Array {
  if (!((key as unknown) instanceof PrivateKey)) throw new TypeError('a private key of another implementation')
  return (key as unknown as PrivateKey).bytes
}
