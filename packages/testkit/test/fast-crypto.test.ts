import { Arena, seededRandom } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fastCrypto } from '../src/index.ts'

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })

test('two parties agree on a secret', () => {
  fc.assert(
    fc.property(bytes(32), bytes(32), (a, b) => {
      const { x25519 } = fastCrypto
      const [alice, bob] = [x25519.importPrivateKey(a), x25519.importPrivateKey(b)]

      expect(x25519.diffieHellman(alice, x25519.publicKey(bob))).toEqual(
        x25519.diffieHellman(bob, x25519.publicKey(alice)),
      )
    }),
  )
})

test('what was sealed opens again, and not when a bit was changed', () => {
  fc.assert(
    fc.property(bytes(32), bytes(12), fc.uint8Array(), fc.uint8Array(), fc.nat(), (key, nonce, text, ad, where) => {
      const sealed = fastCrypto.chacha20Poly1305.seal(key, nonce, text, ad)
      expect(fastCrypto.chacha20Poly1305.open(key, nonce, sealed, ad)).toEqual(text)

      sealed[where % sealed.length]! ^= 1
      expect(fastCrypto.chacha20Poly1305.open(key, nonce, sealed, ad)).toBeUndefined()
    }),
  )
})

test('the cipher of the packet path opens what it sealed, in place or not, under the same counter only', () => {
  const random = seededRandom(1)
  const arena = Arena.ofLength(8192)
  const key = fastCrypto.transport.importKey(new Uint8Array(32).fill(7))
  for (let length = 0; length < 300; length += 13) {
    const text = new Uint8Array(length)
    random(text)
    for (const into of [1000, 4000]) {
      arena.bytes.set(text, 1000)
      fastCrypto.transport.seal(key, length, arena, 1000, length, into)
      arena.bytes.copyWithin(6000, into, into + length + 16)

      expect(fastCrypto.transport.open(key, length, arena, into, length, into)).toBe(true)
      expect(arena.bytes.slice(into, into + length)).toEqual(text)
      expect(fastCrypto.transport.open(key, length + 1, arena, 6000, length, 6000)).toBe(false)
    }
  }
})

test('hashes have the lengths of what they stand for and differ between keys', () => {
  const data = new Uint8Array(10)
  const [a, b] = [new Uint8Array([1]), new Uint8Array([2])]
  expect(fastCrypto.blake2s(data)).toHaveLength(32)
  expect(fastCrypto.sha256(data)).toHaveLength(32)
  expect(fastCrypto.md5(data)).toHaveLength(16)
  expect(fastCrypto.crc32(data)).toBeGreaterThanOrEqual(0)
  for (const [hash, length] of [
    [fastCrypto.blake2sMac, 16],
    [fastCrypto.hmacBlake2s, 32],
    [fastCrypto.hmacSha1, 20],
    [fastCrypto.hmacSha256, 32],
  ] as const) {
    expect(hash(a, data)).toHaveLength(length)
    expect(hash(a, data)).not.toEqual(hash(b, data))
    expect(hash(a, data)).toEqual(hash(a, data))
  }
})
