import { portableCrypto } from '@sallyport/crypto'
import { Arena, type Crypto, seededRandom, silentLogger, type TransportCipher, toHex, utf8 } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createArena } from '../kernel/kernel.ts'
import { cipherDefect } from './cipher-check.ts'
import { nativeCipher } from './native-cipher.ts'
import { nodeCipher } from './node-cipher.ts'
import { nodeCrypto } from './node-crypto.ts'
import { pickCipher } from './pick-cipher.ts'
import { wasmCipher } from './wasm-cipher.ts'

const ciphers: readonly (TransportCipher | undefined)[] = [
  nativeCipher(),
  wasmCipher(),
  nodeCipher(),
  portableCrypto.transport,
]

describe.each(ciphers.filter(cipher => cipher !== undefined))('the packet cipher $name', cipher => {
  test('gives the known answers', () => {
    expect(cipherDefect(cipher)).toBeUndefined()
  })

  test('agrees with the portable one on arbitrary packets', () => {
    const arena = createArena(8192)
    const reference = Arena.ofLength(8192)
    const packet = fc.record({
      key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      counter: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      plaintext: fc.uint8Array({ maxLength: 1500 }),
      into: fc.constantFrom(64, 4096),
    })
    fc.assert(
      fc.property(packet, ({ key, counter, plaintext, into }) => {
        for (const [each, where] of [
          [cipher, arena],
          [portableCrypto.transport, reference],
        ] as const) {
          where.bytes.set(plaintext, 64)
          each.seal(each.importKey(key), counter, where, 64, plaintext.length, into)
        }
        const length = plaintext.length + 16
        const sealed = toHex(arena.bytes.subarray(into, into + length))
        expect(sealed).toBe(toHex(reference.bytes.subarray(into, into + length)))

        expect(cipher.open(cipher.importKey(key), counter, arena, into, plaintext.length, 2048)).toBe(true)
        expect(toHex(arena.bytes.subarray(2048, 2048 + plaintext.length))).toBe(toHex(plaintext))
      }),
    )
  })

  test('refuses a key of another length than 32 bytes', () => {
    expect(() => cipher.importKey(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('the choice of the packet cipher', () => {
  const broken: TransportCipher = { ...nodeCipher(), name: 'broken', seal() {} }
  const trusting: TransportCipher = { ...nodeCipher(), open: (...args) => nodeCipher().open(...args) || true }

  test('a cipher that computes a wrong tag is found out', () => {
    expect(cipherDefect(broken)).toMatch(/wrong tag when sealing/)
  })

  test('a cipher that accepts a wrong tag is found out', () => {
    expect(cipherDefect(trusting)).toMatch(/wrong tag accepted/)
  })

  test('falls to WebAssembly where native code is not wanted', () => {
    process.env['SALLYPORT_NO_NATIVE'] = '1'
    try {
      expect(pickCipher(silentLogger).name).toBe('wasm')
      expect(() => pickCipher(silentLogger, 'native')).toThrow('not available here')
    } finally {
      delete process.env['SALLYPORT_NO_NATIVE']
    }
  })
})

describe('the crypto of node', () => {
  const crypto = nodeCrypto()
  const random = seededRandom(7)
  const bytes = (length: number): Uint8Array => {
    const out = new Uint8Array(length)
    random(out)
    return out
  }
  const both = (use: (crypto: Crypto) => Uint8Array | number | undefined): void => {
    expect(use(crypto)).toEqual(use(portableCrypto))
  }

  test('agrees with the portable one on every hash and MAC', () => {
    for (const length of [0, 1, 63, 64, 65, 148, 1000]) {
      const data = bytes(length)
      both(each => each.blake2s(data))
      both(each => each.sha256(data))
      both(each => each.md5(data))
      both(each => each.crc32(data))
      const key = bytes(32)
      both(each => each.blake2sMac(key, data))
      for (const keyLength of [1, 16, 32, 64, 65, 100]) {
        const key = bytes(keyLength)
        both(each => each.hmacBlake2s(key, data))
        both(each => each.hmacSha1(key, data))
        both(each => each.hmacSha256(key, data))
      }
    }
  })

  test('agrees with the portable one on Diffie-Hellman', () => {
    const [a, b] = [bytes(32), bytes(32)]
    both(each => each.x25519.publicKey(each.x25519.importPrivateKey(a)))
    both(each =>
      each.x25519.diffieHellman(
        each.x25519.importPrivateKey(a),
        each.x25519.publicKey(each.x25519.importPrivateKey(b)),
      ),
    )
  })

  test('answers undefined for a public key of small order', () => {
    both(each => each.x25519.diffieHellman(each.x25519.importPrivateKey(bytes(32)), new Uint8Array(32)))
    expect(crypto.x25519.diffieHellman(crypto.x25519.importPrivateKey(bytes(32)), new Uint8Array(32))).toBeUndefined()
  })

  test('remembers more public keys than its cache holds', () => {
    const mine = crypto.x25519.importPrivateKey(bytes(32))
    const theirs = Array.from({ length: 300 }, () => crypto.x25519.publicKey(crypto.x25519.importPrivateKey(bytes(32))))
    const first = theirs.map(key => toHex(crypto.x25519.diffieHellman(mine, key)!))
    expect(theirs.map(key => toHex(crypto.x25519.diffieHellman(mine, key)!))).toEqual(first)
  })

  test('agrees with the portable one on whole messages', () => {
    const [key, nonce, data] = [bytes(32), bytes(12), utf8('a message')]
    for (const aad of [new Uint8Array(0), bytes(20)]) {
      both(each => each.chacha20Poly1305.seal(key, nonce, data, aad))
      const sealed = crypto.chacha20Poly1305.seal(key, nonce, data, aad)
      expect(crypto.chacha20Poly1305.open(key, nonce, sealed, aad)).toEqual(data)
      sealed[3]! ^= 1
      both(each => each.chacha20Poly1305.open(key, nonce, sealed, aad))
    }
    both(each => each.chacha20Poly1305.open(key, nonce, new Uint8Array(15), new Uint8Array(0)))
  })

  test('refuses keys of wrong lengths', () => {
    expect(() => crypto.x25519.importPrivateKey(new Uint8Array(31))).toThrow(RangeError)
    const mine = crypto.x25519.importPrivateKey(bytes(32))
    expect(() => crypto.x25519.diffieHellman(mine, new Uint8Array(33))).toThrow(RangeError)
  })
})
