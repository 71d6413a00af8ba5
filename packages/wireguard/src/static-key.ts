import type { WireguardCrypto, X25519PrivateKey } from '@sallyport/sans-io'

/** Who we are: the long-term key pair of a node. */
export interface StaticKeyPair {
  readonly privateKey: X25519PrivateKey
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

/** Makes the key pair of 32 secret bytes, which are copied. */
export function staticKeyPair(crypto: WireguardCrypto, privateKey: Uint8Array): StaticKeyPair {
  const imported = crypto.x25519.importPrivateKey(privateKey)
  return { privateKey: imported, publicKey: crypto.x25519.publicKey(imported) }
}

/** A peer's public key that can't be one: not 32 bytes, or a point of small order (RFC 7748 §6.1). */
export class InvalidPeerKeyError extends Error {
  override readonly name = 'InvalidPeerKeyError'
  /** A stable name for programs. */
  readonly code = 'WIREGUARD_INVALID_PEER_KEY'
  constructor() {
    super('the public key of the peer is not usable')
  }
}

/** A pre-shared key that isn't 32 bytes long. */
export class InvalidPresharedKeyError extends Error {
  override readonly name = 'InvalidPresharedKeyError'
  /** A stable name for programs. */
  readonly code = 'WIREGUARD_INVALID_PRESHARED_KEY'
  constructor(length: number) {
    super(`a pre-shared key has 32 bytes, not ${length}`)
  }
}
