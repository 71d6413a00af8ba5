import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { copyBytes, TAG_LENGTH, type TransportCipher, type TransportKey } from '@sallyport/sans-io'

/** ChaCha20-Poly1305 from place to place in an arena. Correct rather than fast: it allocates on every call. */
export const transportCipher: TransportCipher = {
  name: 'noble',
  importKey(bytes) {
    if (bytes.length !== 32) throw new RangeError(`a ChaCha20-Poly1305 key has 32 bytes, not ${bytes.length}`)
    return new Key(copyBytes(bytes)) as unknown as TransportKey
  },
  seal(key, counter, { bytes }, from, length, into) {
    const { encrypt } = keyOf(key).at(counter)
    encrypt(bytes.subarray(from, from + length), bytes.subarray(into, into + length + TAG_LENGTH))
  },
  open(key, counter, { bytes }, from, length, into) {
    const { decrypt } = keyOf(key).at(counter)
    try {
      decrypt(bytes.subarray(from, from + length + TAG_LENGTH), bytes.subarray(into, into + length))
      return true
    } catch {
      return false
    }
  },
}

class Key {
  readonly #bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Returns the cipher for one message: its nonce is 32 zero bits and `counter` in little-endian. */
  at(counter: number): ReturnType<typeof chacha20poly1305> {
    const nonce = new Uint8Array(12)
    const view = new DataView(nonce.buffer)
    view.setUint32(4, counter >>> 0, true)
    view.setUint32(8, Math.floor(counter / 2 ** 32), true)
    return chacha20poly1305(this.#bytes, nonce)
  }
}

function keyOf(key: TransportKey): Key {
  if (!((key as unknown) instanceof Key)) throw new TypeError('a transport key of another implementation')
  return key as unknown as Key
}
