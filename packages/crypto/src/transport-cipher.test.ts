import { Arena, CIPHER_SCRATCH_AFTER, CIPHER_SCRATCH_BEFORE, fromHex, TAG_LENGTH, toHex } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chacha20Poly1305 } from './message-aead.ts'
import { transportCipher } from './transport-cipher.ts'
import { x25519 } from './x25519.ts'

const FROM = CIPHER_SCRATCH_BEFORE
const keyBytes = fromHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f')
const key = transportCipher.importKey(keyBytes)
const counters = fc.oneof(fc.nat(300), fc.maxSafeNat())

test('what is sealed is what the message AEAD seals under the same nonce', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), counters, (plaintext, counter) => {
      const nonce = new Uint8Array(12)
      new DataView(nonce.buffer).setBigUint64(4, BigInt(counter), true)
      const arena = arenaWith(plaintext)

      transportCipher.seal(key, counter, arena, FROM, plaintext.length, FROM)

      expect(toHex(arena.bytes.subarray(FROM, FROM + plaintext.length + TAG_LENGTH))).toBe(
        toHex(chacha20Poly1305.seal(keyBytes, nonce, plaintext, new Uint8Array(0))),
      )
    }),
  )
})

test.each(['in place', 'elsewhere'])('what is sealed %s opens to itself at every length', where => {
  const elsewhere = 2048
  for (let length = 0; length <= 1500; length += length < 70 ? 1 : 97) {
    const plaintext = Uint8Array.from({ length }, (_, i) => i)
    const arena = arenaWith(plaintext)
    const into = where === 'in place' ? FROM : elsewhere

    transportCipher.seal(key, length, arena, FROM, length, into)
    arena.bytes.fill(0, FROM, where === 'in place' ? FROM : FROM + length)

    expect(transportCipher.open(key, length, arena, into, length, FROM)).toBe(true)
    expect(arena.bytes.subarray(FROM, FROM + length)).toEqual(plaintext)
  }
})

test('a wrong tag, counter or key opens nothing', () => {
  const plaintext = Uint8Array.of(1, 2, 3)
  const sealed = (): Arena => {
    const arena = arenaWith(plaintext)
    transportCipher.seal(key, 5, arena, FROM, 3, FROM)
    return arena
  }
  const changed = sealed()
  changed.bytes[FROM + 3]! ^= 1

  expect(transportCipher.open(key, 5, changed, FROM, 3, FROM)).toBe(false)
  expect(transportCipher.open(key, 6, sealed(), FROM, 3, FROM)).toBe(false)
  expect(transportCipher.open(transportCipher.importKey(new Uint8Array(32)), 5, sealed(), FROM, 3, FROM)).toBe(false)
  expect(transportCipher.open(key, 5, sealed(), FROM, 3, FROM)).toBe(true)
})

test('refuses keys of a wrong length or of another implementation', () => {
  expect(() => transportCipher.importKey(new Uint8Array(16))).toThrow(RangeError)
  expect(() => transportCipher.seal({} as never, 0, Arena.ofLength(200), 64, 0, 64)).toThrow(TypeError)
})

function arenaWith(plaintext: Uint8Array): Arena {
  const arena = Arena.ofLength(4096 + CIPHER_SCRATCH_AFTER)
  arena.bytes.set(plaintext, FROM)
  return arena
}

test('a key stays the same when the Buffer that it came in is used again', () => {
  const { Buffer } = globalThis as unknown as { Buffer: { from(bytes: Uint8Array): Uint8Array } }
  const reused = Buffer.from(keyBytes)
  const kept = transportCipher.importKey(reused)
  const privateKey = x25519.importPrivateKey(reused)
  reused.fill(0)
  const arena = arenaWith(Uint8Array.of(1))
  transportCipher.seal(kept, 0, arena, FROM, 1, FROM)

  expect(transportCipher.open(key, 0, arena, FROM, 1, FROM)).toBe(true)
  expect(x25519.publicKey(privateKey)).toEqual(x25519.publicKey(x25519.importPrivateKey(keyBytes)))
})
