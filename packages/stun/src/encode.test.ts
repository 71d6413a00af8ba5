import { portableCrypto } from '@sallyport/crypto'
import { IpAddress, SocketAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StunAttribute } from './attribute.ts'
import { encodeStun, StunEncodingError } from './encode.ts'
import { verifyFingerprint, verifyIntegrity } from './integrity.ts'
import { BINDING, type StunContent } from './message.ts'
import { parseStun } from './parse.ts'

const content = (...attributes: StunAttribute[]): StunContent => ({
  class: 'request',
  method: BINDING,
  transactionId: new Uint8Array(12),
  attributes,
})

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const shortText = fc.string({ unit: 'grapheme', maxLength: 20 })
const family = fc.constantFrom<4 | 6>(4, 6)
const address = fc
  .tuple(fc.oneof(bytesOf(4), bytesOf(16)), fc.integer({ min: 0, max: 0xffff }))
  .map(([bytes, port]) => new SocketAddress(IpAddress.fromBytes(bytes), port))
const errorCode = fc.record({ code: fc.integer({ min: 300, max: 699 }), reason: shortText })

function bytesOf(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length })
}

const arbitraries: { readonly [Type in Exclude<StunAttribute['type'], 'unknown'>]: fc.Arbitrary<unknown> } = {
  'mapped-address': address,
  username: shortText,
  'message-integrity': bytesOf(20),
  'error-code': errorCode,
  'unknown-attributes': fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 5 }),
  'channel-number': fc.integer({ min: 0x4000, max: 0x4fff }),
  lifetime: uint32,
  'xor-peer-address': address,
  data: fc.uint8Array({ maxLength: 30 }),
  realm: shortText,
  nonce: shortText,
  'xor-relayed-address': address,
  'requested-address-family': family,
  'even-port': fc.boolean(),
  'requested-transport': fc.integer({ min: 0, max: 255 }),
  'dont-fragment': fc.constant(true),
  'xor-mapped-address': address,
  'reservation-token': bytesOf(8),
  priority: uint32,
  'use-candidate': fc.constant(true),
  'additional-address-family': family,
  'address-error-code': fc.tuple(errorCode, family).map(([error, of]) => ({ family: of, ...error })),
  software: shortText,
  'alternate-server': address,
  fingerprint: uint32,
  'ice-controlled': uint64,
  'ice-controlling': uint64,
}

const anyAttribute: fc.Arbitrary<StunAttribute> = fc.oneof(
  ...Object.entries(arbitraries).map(([type, value]) => fc.record({ type: fc.constant(type), value })),
  fc.record({ type: fc.constant('unknown'), number: fc.integer({ min: 0x9000, max: 0xffff }), value: fc.uint8Array() }),
) as fc.Arbitrary<StunAttribute>

const anyContent: fc.Arbitrary<StunContent> = fc.record({
  class: fc.constantFrom('request', 'indication', 'success', 'error'),
  method: fc.integer({ min: 0, max: 0xfff }),
  transactionId: bytesOf(12),
  attributes: fc.array(
    anyAttribute.filter(({ type }) => type !== 'message-integrity' && type !== 'fingerprint'),
    { maxLength: 8 },
  ),
})

describe('encoding', () => {
  test('whatever is encoded parses back to itself, signed or not', () => {
    fc.assert(
      fc.property(
        anyContent,
        fc.option(fc.uint8Array({ maxLength: 80 })),
        fc.boolean(),
        (expected, key, fingerprint) => {
          const protection = { crypto: portableCrypto, fingerprint, ...(key !== null && { key }) }

          const message = parseStun(encodeStun(expected, protection))

          if (typeof message === 'string') throw new Error(message)
          const protectors = [...(key === null ? [] : ['message-integrity']), ...(fingerprint ? ['fingerprint'] : [])]
          const { length } = expected.attributes
          expect({ ...message, attributes: message.attributes.slice(0, length) }).toMatchObject(expected)
          expect(message.attributes.slice(length).map(({ type }) => type)).toEqual(protectors)
          expect(verifyFingerprint(message, portableCrypto)).toBe(fingerprint)
          expect(verifyIntegrity(message, key ?? new Uint8Array(1), portableCrypto)).toBe(key !== null)
        },
      ),
    )
  })

  test('every single attribute survives', () => {
    fc.assert(
      fc.property(anyAttribute, attribute => {
        expect(parseStun(encodeStun(content(attribute)))).toMatchObject({ attributes: [attribute] })
      }),
    )
  })

  test('no changed byte of a message makes the parser throw', () => {
    fc.assert(
      fc.property(anyContent, fc.nat(), fc.integer({ min: 0, max: 255 }), (expected, where, byte) => {
        const datagram = encodeStun(expected, { crypto: portableCrypto, key: new Uint8Array(3), fingerprint: true })
        datagram[where % datagram.length] = byte

        parseStun(datagram)
      }),
    )
  })

  test.each<[string, StunContent]>([
    ['a transaction id of 8 bytes', { ...content(), transactionId: new Uint8Array(8) }],
    ['method 4096', { ...content(), method: 0x1000 }],
    ['a USERNAME of 513 bytes', content({ type: 'username', value: 'a'.repeat(513) })],
    ['a NONCE of 128 characters', content({ type: 'nonce', value: 'a'.repeat(128) })],
    ['channel 0', content({ type: 'channel-number', value: 0 })],
    ['error 299', content({ type: 'error-code', value: { code: 299, reason: '' } })],
    ['error 700', content({ type: 'error-code', value: { code: 700, reason: '' } })],
    ['a long reason', content({ type: 'error-code', value: { code: 400, reason: 'a'.repeat(764) } })],
    ['a lifetime of less than nothing', content({ type: 'lifetime', value: -1 })],
    ['protocol 256', content({ type: 'requested-transport', value: 256 })],
    ['half a second', content({ type: 'lifetime', value: 0.5 })],
    ['a priority of 33 bits', content({ type: 'priority', value: 2 ** 32 })],
    ['a negative tie breaker', content({ type: 'ice-controlled', value: -1n })],
    ['a tie breaker of 65 bits', content({ type: 'ice-controlling', value: 2n ** 64n })],
    ['an integrity of 19 bytes', content({ type: 'message-integrity', value: new Uint8Array(19) })],
    ['more than 65535 bytes', content({ type: 'data', value: new Uint8Array(65_536) })],
  ])('%s is the caller’s mistake', (_, unencodable) => {
    expect(() => encodeStun(unencodable)).toThrow(StunEncodingError)
    expect(() => encodeStun(unencodable)).toThrow(expect.objectContaining({ code: 'STUN_UNENCODABLE' }))
  })
})
