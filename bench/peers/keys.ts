import { nodeCrypto, nodeRandom } from '@sallyport/io-node'
import { randomBytes, toBase64 } from '@sallyport/sans-io'

/** A WireGuard key pair in base64. */
export interface KeyPair {
  readonly privateKey: string
  readonly publicKey: string
}

/** Makes a key pair. */
export function newKeyPair(): KeyPair {
  const { x25519 } = nodeCrypto({ cipher: 'node' })
  const privateKey = randomBytes(nodeRandom, 32)
  const publicKey = x25519.publicKey(x25519.importPrivateKey(privateKey))
  return { privateKey: toBase64(privateKey), publicKey: toBase64(publicKey) }
}
