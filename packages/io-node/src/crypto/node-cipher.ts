import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { Arena, TransportCipher, TransportKey } from '@sallyport/sans-io'

/** ChaCha20-Poly1305 by `node:crypto`: about half as fast as {@link wasmCipher}, for engines without WebAssembly SIMD. */
export function nodeCipher(): TransportCipher {
  const nonce = new Uint8Array(12)
  const view = new DataView(nonce.buffer)
  const nonceOf = (counter: number): Uint8Array => {
    view.setUint32(4, counter, true)
    view.setUint32(8, counter / 0x1_0000_0000, true)
    return nonce
  }
  const keyObject = (key: TransportKey): KeyObject => key as unknown as KeyObject
  return {
    name: 'node',
    importKey(bytes: Uint8Array): TransportKey {
      if (bytes.length !== 32) throw new RangeError(`a key has 32 bytes, not ${bytes.length}`)
      return createSecretKey(bytes) as unknown as TransportKey
    },
    seal(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): void {
      const cipher = createCipheriv(ALGORITHM, keyObject(key), nonceOf(counter), OPTIONS)
      arena.bytes.set(cipher.update(arena.bytes.subarray(from, from + length)), into)
      cipher.final()
      arena.bytes.set(cipher.getAuthTag(), into + length)
    },
    open(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): boolean {
      const decipher = createDecipheriv(ALGORITHM, keyObject(key), nonceOf(counter), OPTIONS)
      decipher.setAuthTag(arena.bytes.subarray(from + length, from + length + 16))
      const plaintext = decipher.update(arena.bytes.subarray(from, from + length))
      try {
        decipher.final()
      } catch {
        return false
      }
      arena.bytes.set(plaintext, into)
      return true
    },
  }
}

const ALGORITHM = 'chacha20-poly1305'
const OPTIONS = { authTagLength: 16 }
