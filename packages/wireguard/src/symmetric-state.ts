import { concatBytes, utf8, type WireguardCrypto } from '@sallyport/sans-io'

/** The name of the Noise protocol, which is where the chaining key begins. */
const CONSTRUCTION = utf8('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s')
/** The prologue of the handshake. */
const IDENTIFIER = utf8('WireGuard v1 zx2c4 Jason@zx2c4.com')

const EMPTY: Uint8Array = new Uint8Array(0)
/** Every key of the handshake encrypts once, so every nonce is zero. */
const ZERO_NONCE = new Uint8Array(12)

/** The chaining key and the transcript hash of a handshake (Noise §5.2). Keys appear only between two calls. */
export class SymmetricState {
  readonly #crypto: WireguardCrypto
  #chainingKey: Uint8Array
  #hash: Uint8Array

  /** The state before the first message: the responder's static key is known to both (Noise pattern IK). */
  static initial(crypto: WireguardCrypto, responderStatic: Uint8Array): SymmetricState {
    const chainingKey = crypto.blake2s(CONSTRUCTION)
    const state = new SymmetricState(crypto, chainingKey, crypto.blake2s(concatBytes(chainingKey, IDENTIFIER)))
    state.mixHash(responderStatic)
    return state
  }

  private constructor(crypto: WireguardCrypto, chainingKey: Uint8Array, hash: Uint8Array) {
    this.#crypto = crypto
    this.#chainingKey = chainingKey
    this.#hash = hash
  }

  /** Returns a state that goes its own way from here on. */
  copy(): SymmetricState {
    return new SymmetricState(this.#crypto, this.#chainingKey, this.#hash) // both are replaced, never changed
  }

  /** The hash of everything that was sent so far. */
  get hash(): Uint8Array {
    return this.#hash
  }

  /** What all later keys are derived from. */
  get chainingKey(): Uint8Array {
    return this.#chainingKey
  }

  /** Mixes public `data` into the transcript. */
  mixHash(data: Uint8Array): void {
    this.#hash = this.#crypto.blake2s(concatBytes(this.#hash, data))
  }

  /** Mixes `input` into the chaining key where nothing is encrypted with the result (KDF1). */
  mixChainingKey(input: Uint8Array): void {
    this.#chainingKey = this.#derive(input, 1)[0]!
  }

  /** Mixes secret `input` into the chaining key and returns a key for one encryption (KDF2). */
  mixKey(input: Uint8Array): Uint8Array {
    const [chainingKey, key] = this.#derive(input, 2)
    this.#chainingKey = chainingKey!
    return key!
  }

  /** Mixes the pre-shared key into both (Noise §9.2) and returns a key for one encryption (KDF3). */
  mixKeyAndHash(presharedKey: Uint8Array): Uint8Array {
    const [chainingKey, temporary, key] = this.#derive(presharedKey, 3)
    this.#chainingKey = chainingKey!
    this.mixHash(temporary!)
    return key!
  }

  /** Encrypts `plaintext` bound to the transcript, and mixes in the ciphertext. */
  encryptAndHash(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#crypto.chacha20Poly1305.seal(key, ZERO_NONCE, plaintext, this.#hash)
    this.mixHash(ciphertext)
    return ciphertext
  }

  /** Decrypts `ciphertext` and mixes it in; `undefined` if it isn't authentic, which leaves the state as it was. */
  decryptAndHash(key: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#crypto.chacha20Poly1305.open(key, ZERO_NONCE, ciphertext, this.#hash)
    if (plaintext !== undefined) this.mixHash(ciphertext)
    return plaintext
  }

  /** Returns the keys of both directions. */
  split(): { fromInitiator: Uint8Array; fromResponder: Uint8Array } {
    const [fromInitiator, fromResponder] = this.#derive(EMPTY, 2)
    return { fromInitiator: fromInitiator!, fromResponder: fromResponder! }
  }

  /** The key derivation KDFn of the paper (§5.4), with n = `count`. */
  #derive(input: Uint8Array, count: number): Uint8Array[] {
    const secret = this.#crypto.hmacBlake2s(this.#chainingKey, input)
    const outputs: Uint8Array[] = []
    let last = EMPTY
    for (let n = 1; n <= count; n++) {
      last = this.#crypto.hmacBlake2s(secret, concatBytes(last, Uint8Array.of(n)))
      outputs.push(last)
    }
    return outputs
  }
}
