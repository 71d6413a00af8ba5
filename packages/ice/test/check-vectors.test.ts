import { portableCrypto } from '@sallyport/crypto'
import { fromHex, SocketAddress, toHex } from '@sallyport/sans-io'
import { BINDING, encodeStun, parseStun, type StunAttribute, type StunClass, shortTermKey } from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import { encodeCheck, encodeCheckResponse, readCheck, ufragsOf } from '../src/index.ts'

// Computed by an independent program that reproduces RFC 5769 as well.
const transactionId = fromHex('000102030405060708090a0b')
const GATEWAY_KEY = shortTermKey('2ljhaseypzgs5vxv66mfva')
const CLIENT_KEY = shortTermKey('hi3njgkl4gc2fyhehq5pe7')
const check = {
  transactionId,
  username: '3amc:dfvk',
  controlling: true,
  tieBreaker: 0x0123456789abcdefn,
  priority: 0x6efffeff,
  useCandidate: false,
}

const hex = (text: string): string => toHex(fromHex(text))

describe('checks on the wire', () => {
  test('a check of the controlling agent', () => {
    expect(toHex(encodeCheck(check, GATEWAY_KEY, portableCrypto))).toBe(
      hex(`000100442112a442000102030405060708090a0b 00060009 33616d633a6466766b 000000 802a0008 0123456789abcdef
        00240004 6efffeff 00080014 6519d95c8de2b1a2e47780dd009cc5ac0e3f854d 80280004 9b9de319`),
    )
  })

  test('a check that nominates', () => {
    expect(toHex(encodeCheck({ ...check, useCandidate: true }, GATEWAY_KEY, portableCrypto))).toBe(
      hex(`000100482112a442000102030405060708090a0b 00060009 33616d633a6466766b 000000 802a0008 0123456789abcdef
        00240004 6efffeff 00250000 00080014 c3362b1170f902903ad80c57577ecdd113f03f54 80280004 77eb09a8`),
    )
  })

  test('a check of the controlled agent', () => {
    const back = { ...check, username: 'dfvk:3amc', controlling: false }

    expect(toHex(encodeCheck(back, CLIENT_KEY, portableCrypto))).toBe(
      hex(`000100442112a442000102030405060708090a0b 00060009 6466766b3a33616d63 000000 80290008 0123456789abcdef
        00240004 6efffeff 00080014 b31161b9ea05f7a84b09091f9e3979d9eaf9c03d 80280004 d9e29768`),
    )
  })

  test.each([
    [
      '203.0.113.7:52625',
      `0101002c2112a442000102030405060708090a0b 00200008 0001ec83ea12d545
        00080014 1d60a4edfc254dee5ce69d8e96936d8da02e01d5 80280004 1a04a750`,
    ],
    [
      '[2001:db8::7]:52625',
      `010100382112a442000102030405060708090a0b 00200014 0002ec83 0113a9fa000102030405060708090a0c
        00080014 88ea0d8d596707f5892c90f289a650154251ac06 80280004 23cb35c5`,
    ],
  ])('the answer to a check from %s', (source, expected) => {
    const answer = encodeCheckResponse(transactionId, SocketAddress.of(source), GATEWAY_KEY, portableCrypto)

    expect(toHex(answer)).toBe(hex(expected))
  })
})

describe('what a message means', () => {
  const username: StunAttribute = { type: 'username', value: 'ours:theirs' }
  const priority: StunAttribute = { type: 'priority', value: 7 }
  const mapped: StunAttribute = { type: 'xor-mapped-address', value: SocketAddress.of('192.0.2.1:1') }

  function read(messageClass: StunClass, attributes: StunAttribute[], options: { method?: number; bare?: true } = {}) {
    const content = { class: messageClass, method: options.method ?? BINDING, transactionId, attributes }
    const message = parseStun(
      encodeStun(content, options.bare ? undefined : { crypto: portableCrypto, key: GATEWAY_KEY }),
    )
    if (typeof message === 'string') throw new Error(message)
    return readCheck(message)
  }

  test('a request, an indication, a success, an error', () => {
    const ufrags = { receiver: 'ours', sender: 'theirs' }

    expect(read('request', [username, priority])).toEqual({ type: 'request', ufrags, priority: 7, useCandidate: false })
    expect(read('indication', [username])).toEqual({ type: 'indication', ufrags })
    expect(read('success', [mapped])).toEqual({ type: 'success', mappedAddress: SocketAddress.of('192.0.2.1:1') })
    expect(read('error', [])).toEqual({ type: 'error' })
  })

  test('a nominating request, with attributes that we do not know', () => {
    const unknown: StunAttribute = { type: 'unknown', number: 0x7777, value: new Uint8Array(3) }

    expect(read('request', [unknown, username, priority, { type: 'use-candidate', value: true }])).toMatchObject({
      useCandidate: true,
    })
  })

  test('nothing, where something is missing', () => {
    expect(read('request', [username, priority], { method: 3 })).toBe('other-method')
    expect(read('request', [username, priority], { bare: true })).toBe('no-integrity')
    expect(read('request', [priority])).toBe('no-username')
    expect(read('request', [{ type: 'username', value: 'no colon' }, priority])).toBe('no-username')
    expect(read('request', [{ type: 'username', value: 'ours:' }, priority])).toBe('no-username')
    expect(read('request', [username])).toBe('no-priority')
    expect(read('indication', [])).toBe('no-username')
    expect(read('success', [])).toBe('no-mapped-address')
  })

  test('ufrags are split at the first colon', () => {
    const message = parseStun(encodeStun({ class: 'request', method: BINDING, transactionId, attributes: [username] }))

    expect(typeof message !== 'string' && ufragsOf(message)).toEqual({ receiver: 'ours', sender: 'theirs' })
  })
})
