import {
  type Arena,
  type Crypto,
  copyBytes,
  equalBytes,
  type TransportKey,
  type X25519PrivateKey,
} from '@sallyport/sans-io'

// NEVER FOR PRODUCTION. Nothing in this file protects anything: private keys can be read from public ones, "hashes" are
// a mixer of integers, and "encryption" is an exclusive or. It has the shape of cryptography (both sides derive the same
// keys, wrong keys and changed bytes are noticed) at a small part of its cost, for simulations of hundreds of worlds.

/** Mixes `parts` to `length` bytes: the stand-in for every hash in this file. */
function mix(length: number, purpose: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let a = 0x9e3779b9 ^ purpose
  let b = 0x85ebca6b + length
  for (const part of parts) {
    b = Math.imul(b ^ part.length, 0x27d4eb2f)
    for (let i = 0; i < part.length; i++) {
      a = Math.imul(a ^ part[i]!, 0x01000193)
      b = (b + a) ^ (b << 7) ^ (b >>> 11)
    }
  }
  const out = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    if (i % 4 === 0) {
      a = Math.imul(a ^ (a >>> 15) ^ b, 0x2c1b3c6d) + i
      b = Math.imul(b ^ (b >>> 12) ^ a, 0x297a2d39)
    }
    out[i] = (a ^ b) >>> (8 * (i % 4))
  }
  return out
}

const TAG = 16

/** Covers `length` bytes from `from` to `into` and returns a checksum over what is the ciphertext. */
function cover(
  state: number,
  opening: boolean,
  source: Uint8Array,
  from: number,
  length: number,
  target: Uint8Array,
  into: number,
): number {
  let key = state | 0
  let sum = length
  for (let i = 0; i < length; i++) {
    if ((i & 3) === 0) {
      key ^= key << 13
      key ^= key >>> 17
      key ^= key << 5
    }
    const before = source[from + i]!
    const after = (before ^ (key >>> (8 * (i & 3)))) & 0xff
    target[into + i] = after
    sum = Math.imul(sum ^ (opening ? before : after), 0x01000193)
  }
  return sum ^ (sum >>> 15)
}

/** Writes the tag that belongs to `state` and `sum` to `out` at `at`. */
function writeTag(state: number, sum: number, out: Uint8Array, at: number): void {
  let word = Math.imul(state ^ 0x5bd1e995, 0x9e3779b1) ^ sum
  for (let i = 0; i < TAG; i++) {
    if ((i & 3) === 0) word = Math.imul(word ^ (word >>> 13), 0x5bd1e995) + i
    out[at + i] = word >>> (8 * (i & 3))
  }
}

const stateOf = (...parts: readonly Uint8Array[]): number => {
  const bytes = mix(4, 7, ...parts)
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) ^ 0x6a09e667 || 1
}

const messageAead: Crypto['chacha20Poly1305'] = {
  seal(key, nonce, plaintext, associatedData) {
    const out = new Uint8Array(plaintext.length + TAG)
    const state = stateOf(key, nonce, associatedData)
    writeTag(state, cover(state, false, plaintext, 0, plaintext.length, out, 0), out, plaintext.length)
    return out
  },
  open(key, nonce, ciphertext, associatedData) {
    const length = ciphertext.length - TAG
    if (length < 0) return undefined
    const out = new Uint8Array(length)
    const tag = new Uint8Array(TAG)
    const state = stateOf(key, nonce, associatedData)
    writeTag(state, cover(state, true, ciphertext, 0, length, out, 0), tag, 0)
    return equalBytes(tag, ciphertext.subarray(length)) ? out : undefined
  },
}

interface ToyKey {
  readonly state: number
}
const counted = (key: TransportKey, counter: number): number =>
  Math.imul((key as unknown as ToyKey).state ^ (counter | 0), 0x9e3779b1) ^ (counter / 2 ** 32) || 1

const scratch = new Uint8Array(TAG)
const transport: Crypto['transport'] = {
  name: 'toy',
  importKey: bytes => ({ state: stateOf(bytes) }) as unknown as TransportKey,
  seal(key, counter, arena: Arena, from, length, into) {
    const state = counted(key, counter)
    writeTag(state, cover(state, false, arena.bytes, from, length, arena.bytes, into), arena.bytes, into + length)
  },
  open(key, counter, arena: Arena, from, length, into) {
    const tagAt = from + length
    const state = counted(key, counter)
    writeTag(state, cover(state, true, arena.bytes, from, length, arena.bytes, into), scratch, 0)
    for (let i = 0; i < TAG; i++) if (scratch[i] !== arena.bytes[tagAt + i]) return false
    return true
  },
}

const toyKey = (key: X25519PrivateKey): Uint8Array => (key as unknown as { bytes: Uint8Array }).bytes
const DISGUISE = 0x5a

/**
 * Toy cryptography for simulations: fast, consistent and without any security.
 *
 * **Never for production.** It agrees only with itself, not with the algorithms whose names its methods bear.
 */
export const fastCrypto: Crypto = {
  x25519: {
    importPrivateKey: bytes => ({ bytes: copyBytes(bytes) }) as unknown as X25519PrivateKey,
    publicKey: key => toyKey(key).map(byte => byte ^ DISGUISE),
    diffieHellman(key, publicKey) {
      if (publicKey.every(byte => byte === 0)) return undefined
      const both = toyKey(key).map((byte, i) => byte ^ publicKey[i]! ^ DISGUISE) // the same from either side
      return mix(32, 1, both)
    },
  },
  chacha20Poly1305: messageAead,
  xchacha20Poly1305: messageAead,
  transport,
  blake2s: data => mix(32, 2, data),
  blake2sMac: (key, data) => mix(16, 3, key, data),
  hmacBlake2s: (key, data) => mix(32, 4, key, data),
  hmacSha1: (key, data) => mix(20, 5, key, data),
  hmacSha256: (key, data) => mix(32, 6, key, data),
  md5: data => mix(16, 8, data),
  sha256: data => mix(32, 9, data),
  crc32: data => new DataView(mix(4, 10, data).buffer).getUint32(0),
}
