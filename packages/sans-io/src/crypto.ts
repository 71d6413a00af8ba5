import type { Arena } from './packet-buffer.ts'

declare const opaque: unique symbol

/** An X25519 private key in the form that one implementation works with. Not usable with another one. */
export interface X25519PrivateKey {
  readonly [opaque]: 'x25519-private-key'
}

/** A ChaCha20-Poly1305 key in the form that one implementation works with. Not usable with another one. */
export interface TransportKey {
  readonly [opaque]: 'transport-key'
}

/** Diffie-Hellman on Curve25519 (RFC 7748). */
export interface X25519 {
  /** Imports 32 bytes, which are copied; clamping is done by the implementation. */
  importPrivateKey(bytes: Uint8Array): X25519PrivateKey
  /** Returns the 32-byte public key. */
  publicKey(privateKey: X25519PrivateKey): Uint8Array
  /** Returns the 32-byte shared secret, or `undefined` where it is all zero (a public key of small order). */
  diffieHellman(privateKey: X25519PrivateKey, publicKey: Uint8Array): Uint8Array | undefined
}

/** An AEAD over whole messages, for handshakes and cookies. 32-byte keys, 16-byte tags behind the ciphertext. */
export interface MessageAead {
  /** Returns ciphertext and tag, which belong to the caller. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array): Uint8Array
  /** Returns the plaintext, or `undefined` if the tag is wrong or missing. */
  open(key: Uint8Array, nonce: Uint8Array, ciphertext: Uint8Array, associatedData: Uint8Array): Uint8Array | undefined
}

/** Bytes in front of `from` and `into` that {@link TransportCipher} may overwrite. */
export const CIPHER_SCRATCH_BEFORE = 64

/** Bytes behind the ciphertext at `into` (the tag included) that {@link TransportCipher.seal} may overwrite. */
export const CIPHER_SCRATCH_AFTER = 32

/** Bytes that an authentication tag adds to a plaintext. */
export const TAG_LENGTH = 16

/**
 * ChaCha20-Poly1305 (RFC 8439) for the packet path: from place to place in an arena, without associated data.
 *
 * The 96-bit nonce is 32 zero bits and the little-endian 64-bit `counter`. Offsets are absolute in `arena.bytes`.
 * `into` may equal `from`; otherwise the two ranges do not overlap. {@link CIPHER_SCRATCH_BEFORE} bytes in front of
 * both must lie in the arena and may be overwritten.
 */
export interface TransportCipher {
  /** A name for logs and status pages, such as `native`, `wasm` or `noble`. */
  readonly name: string
  /** Imports a 32-byte key, which is copied. */
  importKey(bytes: Uint8Array): TransportKey
  /**
   * Encrypts `length` bytes at `from` to `into` and appends the 16-byte tag at `into + length`.
   *
   * {@link CIPHER_SCRATCH_AFTER} bytes from `into + length` on may be overwritten; they must lie in the arena.
   */
  seal(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): void
  /**
   * Decrypts `length` bytes of ciphertext at `from`, which are followed by their tag, to `into`.
   *
   * Ciphertext and tag are used up; bytes behind the tag stay as they are. Returns whether the tag was right; if it
   * wasn't, what lies at `into` is meaningless and must not be used.
   */
  open(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): boolean
}

/** What WireGuard asks of cryptography. All results belong to the caller. */
export interface WireguardCrypto {
  readonly x25519: X25519
  /** ChaCha20-Poly1305 (RFC 8439); nonces of 12 bytes. */
  readonly chacha20Poly1305: MessageAead
  /** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha); nonces of 24 bytes. */
  readonly xchacha20Poly1305: MessageAead
  readonly transport: TransportCipher
  /** BLAKE2s (RFC 7693) with 32 bytes of output. */
  blake2s(data: Uint8Array): Uint8Array
  /** Keyed BLAKE2s with 16 bytes of output: the MACs of a handshake message. */
  blake2sMac(key: Uint8Array, data: Uint8Array): Uint8Array
  /** HMAC (RFC 2104) over BLAKE2s with 32 bytes of output: the key derivation. */
  hmacBlake2s(key: Uint8Array, data: Uint8Array): Uint8Array
}

/** What STUN, TURN and the portal's credentials ask of cryptography. All results belong to the caller. */
export interface StunCrypto {
  /** HMAC-SHA1, 20 bytes. */
  hmacSha1(key: Uint8Array, data: Uint8Array): Uint8Array
  /** HMAC-SHA256, 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array
  /** MD5, 16 bytes: the long-term key of RFC 8489 §9.2.2. */
  md5(data: Uint8Array): Uint8Array
  /** SHA-256, 32 bytes. */
  sha256(data: Uint8Array): Uint8Array
  /** CRC-32 of ISO 3309 as an unsigned integer: the FINGERPRINT. */
  crc32(data: Uint8Array): number
}

/** Everything that the libraries ask of cryptography. */
export interface Crypto extends WireguardCrypto, StunCrypto {}
