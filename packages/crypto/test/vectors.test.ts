import { fromHex, toHex, utf8 } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { portableCrypto as crypto } from '../src/index.ts'

const SUNSCREEN = utf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
)

describe('X25519', () => {
  const multiply = (scalar: string, u: string): string =>
    toHex(crypto.x25519.diffieHellman(crypto.x25519.importPrivateKey(fromHex(scalar)), fromHex(u))!)

  test.each([
    [
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    ],
    [
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    ],
  ])('multiplies as RFC 7748 §5.2 (%#)', (scalar, u, product) => {
    expect(multiply(scalar, u)).toBe(product)
  })

  test('iterates as RFC 7748 §5.2', () => {
    const base = `09${'00'.repeat(31)}`

    expect(multiply(base, base)).toBe('422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079')
  })

  test('agrees on a secret as RFC 7748 §6.1', () => {
    const alice = crypto.x25519.importPrivateKey(
      fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
    )
    const bob = crypto.x25519.importPrivateKey(
      fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
    )
    const alicePublic = crypto.x25519.publicKey(alice)
    const bobPublic = crypto.x25519.publicKey(bob)

    expect(toHex(alicePublic)).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
    expect(toHex(bobPublic)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
    const secret = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'
    expect(toHex(crypto.x25519.diffieHellman(alice, bobPublic)!)).toBe(secret)
    expect(toHex(crypto.x25519.diffieHellman(bob, alicePublic)!)).toBe(secret)
  })

  test.each([
    ['zero', '00'.repeat(32)],
    ['one', `01${'00'.repeat(31)}`],
    ['a point of order 8', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'],
  ])('refuses to agree with %s (RFC 7748 §6.1)', (_, publicKey) => {
    const key = crypto.x25519.importPrivateKey(new Uint8Array(32).fill(7))

    expect(crypto.x25519.diffieHellman(key, fromHex(publicKey))).toBeUndefined()
  })

  test('copies the private key that it imports', () => {
    const bytes = new Uint8Array(32).fill(7)
    const key = crypto.x25519.importPrivateKey(bytes)
    const before = crypto.x25519.publicKey(key)
    bytes.fill(8)

    expect(crypto.x25519.publicKey(key)).toEqual(before)
  })

  test('refuses keys of a wrong length or of another implementation', () => {
    const key = crypto.x25519.importPrivateKey(new Uint8Array(32).fill(7))

    expect(() => crypto.x25519.importPrivateKey(new Uint8Array(31))).toThrow(RangeError)
    expect(() => crypto.x25519.diffieHellman(key, new Uint8Array(33))).toThrow(RangeError)
    expect(() => crypto.x25519.publicKey({} as never)).toThrow(TypeError)
  })
})

describe('message AEADs', () => {
  const key = fromHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f')
  const associatedData = fromHex('50515253c0c1c2c3c4c5c6c7')
  const vectors = [
    {
      name: 'ChaCha20-Poly1305, RFC 8439 §2.8.2',
      aead: crypto.chacha20Poly1305,
      nonce: fromHex('070000004041424344454647'),
      sealed: `d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6 3dbea45e8ca9671282fafb69da92728b
        1a71de0a9e060b2905d6a5b67ecd3b36 92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
        3ff4def08e4b7a9de576d26586cec64b 6116 1ae10b594f09e26a7e902ecbd0600691`,
    },
    {
      name: 'XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03 A.3.1',
      aead: crypto.xchacha20Poly1305,
      nonce: fromHex('404142434445464748494a4b4c4d4e4f5051525354555657'),
      sealed: `bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39
        ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
        21f9664c97637da9768812f615c68b13b52e c0875924c1c7987947deafd8780acf49`,
    },
  ]

  test.each(vectors)('seals and opens $name', ({ aead, nonce, sealed }) => {
    expect(toHex(aead.seal(key, nonce, SUNSCREEN, associatedData))).toBe(toHex(fromHex(sealed)))
    expect(aead.open(key, nonce, fromHex(sealed), associatedData)).toEqual(SUNSCREEN)
  })

  test.each(vectors)('opens nothing that was changed: $name', ({ aead, nonce, sealed }) => {
    const changed = fromHex(sealed)
    changed[5]! ^= 1

    expect(aead.open(key, nonce, changed, associatedData)).toBeUndefined()
    expect(aead.open(key, nonce, fromHex(sealed), new Uint8Array(12))).toBeUndefined()
    expect(aead.open(key, nonce, fromHex(sealed).subarray(0, 15), associatedData)).toBeUndefined()
    expect(aead.open(key, nonce, new Uint8Array(0), associatedData)).toBeUndefined()
  })

  test.each(vectors)('holds its caller to the length of the nonce: $name', ({ aead, sealed }) => {
    expect(() => aead.open(key, new Uint8Array(8), fromHex(sealed), associatedData)).toThrow()
  })
})

describe('hashes and MACs', () => {
  const bytes = (...[from, to]: [number, number]): Uint8Array =>
    Uint8Array.from({ length: to - from }, (_, i) => from + i)

  test('BLAKE2s of RFC 7693 Appendix B', () => {
    expect(toHex(crypto.blake2s(utf8('abc')))).toBe('508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982')
  })

  // Computed with Python's hashlib: the keyed vectors of RFC 7693 are only published as a hash over all of them.
  test.each([
    [bytes(0, 32), new Uint8Array(0), '9536f9b267655743dee97b8a670f9f53'],
    [bytes(0, 32), bytes(0, 255), 'cd075928ab7e6883e697fe7fd3ac43ee'],
    [bytes(0, 16), utf8('abc'), '75296c2d2c0f51210b383f386bc8b1ff'],
  ])('keyed BLAKE2s with 16 bytes of output (%#)', (key, data, mac) => {
    expect(toHex(crypto.blake2sMac(key, data))).toBe(mac)
  })

  test.each([
    ['test-key', 'test-input', '6f0e5ad38daba1bea8a0d213688736f19763239305e0f58aba697f9ffc41c633'],
    ['wireguard', 'wireguard', '491d43bbfdaa8750aaf535e334ecbfe5129967cd64635101c566d4caefda96e8'],
    ['', '', '8387b46bf43eccfcf349552a095d8315c4055beb90208fb1be23b894bc2ed5d0'],
  ])('HMAC-BLAKE2s, first output of the key derivation vectors of wireguard-go: %j', (key, input, output) => {
    const prk = crypto.hmacBlake2s(utf8(key), utf8(input))

    expect(toHex(crypto.hmacBlake2s(prk, Uint8Array.of(1)))).toBe(output)
  })

  test.each([
    ['0b'.repeat(20), toHex(utf8('Hi There')), 'b617318655057264e28bc0b6fb378c8ef146be00'],
    [toHex(utf8('Jefe')), toHex(utf8('what do ya want for nothing?')), 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['aa'.repeat(20), 'dd'.repeat(50), '125d7342b9ac11cd91a39af48aa17b4f63f175d3'],
    [
      'aa'.repeat(80),
      toHex(utf8('Test Using Larger Than Block-Size Key - Hash Key First')),
      'aa4ae5e15272d00e95705637ce8a3b55ed402112',
    ],
  ])('HMAC-SHA1 of RFC 2202 §3 (%#)', (key, data, mac) => {
    expect(toHex(crypto.hmacSha1(fromHex(key), fromHex(data)))).toBe(mac)
  })

  test.each([
    ['0b'.repeat(20), toHex(utf8('Hi There')), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      toHex(utf8('Jefe')),
      toHex(utf8('what do ya want for nothing?')),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      'aa'.repeat(131),
      toHex(utf8('Test Using Larger Than Block-Size Key - Hash Key First')),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ])('HMAC-SHA256 of RFC 4231 §4 (%#)', (key, data, mac) => {
    expect(toHex(crypto.hmacSha256(fromHex(key), fromHex(data)))).toBe(mac)
  })

  test('MD5 of RFC 1321 A.5 and SHA-256 of FIPS 180-4', () => {
    expect(toHex(crypto.md5(utf8('message digest')))).toBe('f96b697d7cb7938d525a2f31aaf161d0')
    expect(toHex(crypto.sha256(utf8('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  test('CRC-32 of the check string, of a longer one and of nothing', () => {
    expect(crypto.crc32(utf8('123456789'))).toBe(0xcbf43926)
    expect(crypto.crc32(utf8('The quick brown fox jumps over the lazy dog'))).toBe(0x414fa339)
    expect(crypto.crc32(new Uint8Array(0))).toBe(0)
  })
})
