import { portableCrypto } from '@sallyport/crypto'
import { fromHex, SocketAddress } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import {
  attributeOf,
  BINDING,
  encodeStun,
  longTermKey,
  parseStun,
  type StunMessage,
  shortTermKey,
  verifyFingerprint,
  verifyIntegrity,
} from '../src/index.ts'

const PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt'

const REQUEST = fromHex(`
  0001 0058 2112a442 b7e7a701bc34d686fa87dfae
  8022 0010 5354554e207465737420636c69656e74
  0024 0004 6e0001ff
  8029 0008 932ff9b151263b36
  0006 0009 6576746a3a68367659 202020
  0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
  8028 0004 e57a3bcf`)

const IPV4_RESPONSE = fromHex(`
  0101 003c 2112a442 b7e7a701bc34d686fa87dfae
  8022 000b 7465737420766563746f72 20
  0020 0008 0001a147e112a643
  0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
  8028 0004 c07d4c96`)

const IPV6_RESPONSE = fromHex(`
  0101 0048 2112a442 b7e7a701bc34d686fa87dfae
  8022 000b 7465737420766563746f72 20
  0020 0014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
  0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41
  8028 0004 c8fb0b4c`)

const LONG_TERM_REQUEST = fromHex(`
  0001 0060 2112a442 78ad3433c6ad72c029da412e
  0006 0012 e3839ee38388e383aae38383e382afe382b9 0000
  0015 001c 662f2f3439396b393534643 64f4c33346f4c394653547679363473 41
  0014 000b 6578616d706c652e6f7267 00
  0008 0014 f67024656dd64a3e02b8e0712e85c9a28ca89666`)

function parsed(datagram: Uint8Array): StunMessage {
  const message = parseStun(datagram)
  if (typeof message === 'string') throw new Error(message)
  return message
}

describe('the test vectors of RFC 5769', () => {
  test('§2.1: a request with short-term credentials is read and verified', () => {
    const message = parsed(REQUEST)

    expect(message).toMatchObject({ class: 'request', method: BINDING })
    expect(message.transactionId).toEqual(fromHex('b7e7a701bc34d686fa87dfae'))
    expect(attributeOf(message, 'software')).toBe('STUN test client')
    expect(attributeOf(message, 'priority')).toBe(0x6e0001ff)
    expect(attributeOf(message, 'ice-controlled')).toBe(0x932ff9b151263b36n)
    expect(attributeOf(message, 'username')).toBe('evtj:h6vY')
    expect(verifyIntegrity(message, shortTermKey(PASSWORD), portableCrypto)).toBe(true)
    expect(verifyFingerprint(message, portableCrypto)).toBe(true)
  })

  test.each([
    ['§2.2: an IPv4 response', IPV4_RESPONSE, '192.0.2.1:32853'],
    ['§2.3: an IPv6 response', IPV6_RESPONSE, '[2001:db8:1234:5678:11:2233:4455:6677]:32853'],
  ])('%s is read and verified', (_, datagram, address) => {
    const message = parsed(datagram)

    expect(message.class).toBe('success')
    expect(attributeOf(message, 'software')).toBe('test vector')
    expect(attributeOf(message, 'xor-mapped-address')).toEqual(SocketAddress.of(address))
    expect(verifyIntegrity(message, shortTermKey(PASSWORD), portableCrypto)).toBe(true)
    expect(verifyFingerprint(message, portableCrypto)).toBe(true)
  })

  test('§2.4: a request with long-term credentials is read, verified and written again byte by byte', () => {
    const key = longTermKey('マトリックス', 'example.org', 'TheMatrIX', portableCrypto)
    const message = parsed(LONG_TERM_REQUEST)

    expect(attributeOf(message, 'username')).toBe('マトリックス')
    expect(attributeOf(message, 'nonce')).toBe('f//499k954d6OL34oL9FSTvy64sA')
    expect(attributeOf(message, 'realm')).toBe('example.org')
    expect(verifyIntegrity(message, key, portableCrypto)).toBe(true)
    const attributes = message.attributes.filter(({ type }) => type !== 'message-integrity')
    expect(encodeStun({ ...message, attributes }, { crypto: portableCrypto, key })).toEqual(LONG_TERM_REQUEST)
  })

  test('another key or one changed bit anywhere before the integrity is noticed', () => {
    expect(verifyIntegrity(parsed(REQUEST), shortTermKey('another'), portableCrypto)).toBe(false)

    const changed = REQUEST.slice()
    changed[26]! ^= 1 // in SOFTWARE
    expect(verifyIntegrity(parsed(changed), shortTermKey(PASSWORD), portableCrypto)).toBe(false)
    expect(verifyFingerprint(parsed(changed), portableCrypto)).toBe(false)
  })

  test('a message without integrity or fingerprint is not verified', () => {
    const bare = parsed(fromHex('0001 0000 2112a442 000000000000000000000000'))

    expect(verifyIntegrity(bare, shortTermKey(PASSWORD), portableCrypto)).toBe(false)
    expect(verifyFingerprint(bare, portableCrypto)).toBe(false)
  })
})
