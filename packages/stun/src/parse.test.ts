import { fromHex, SocketAddress, utf8 } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StunDefect } from './defect.ts'
import { attributeOf, attributesOf, CREATE_PERMISSION, type StunClass } from './message.ts'
import { parseStun, parseStunHeader } from './parse.ts'

const TID = '0123456789abcdef01234567'

/** A BINDING request with these attributes and the length that fits them. */
function request(attributes: string, type = '0001'): Uint8Array {
  const bytes = fromHex(attributes)
  return fromHex(`${type} ${bytes.length.toString(16).padStart(4, '0')} 2112a442 ${TID} ${attributes}`)
}

/** One attribute in hexadecimal, padded with zeros. */
function attribute(number: string, value: Uint8Array): string {
  const padding = '00'.repeat((4 - (value.length % 4)) % 4)
  const hex = [...value].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return `${number} ${value.length.toString(16).padStart(4, '0')} ${hex}${padding}`
}

function ok(datagram: Uint8Array) {
  const message = parseStun(datagram)
  if (typeof message === 'string') throw new Error(message)
  return message
}

describe('the header', () => {
  test.each<[string, string, StunDefect]>([
    ['nothing', '', 'truncated-header'],
    ['19 bytes', '000100002112a4420123456789abcdef012345', 'truncated-header'],
    ['a top bit', `400100002112a442${TID}`, 'not-stun'],
    ['both top bits', `c00100002112a442${TID}`, 'not-stun'],
    ['another cookie', `000100002112a443${TID}`, 'bad-magic-cookie'],
    ['a length that is no multiple of 4', `000100022112a442${TID}0000`, 'unaligned-length'],
    ['fewer bytes than declared', `000100042112a442${TID}8022`, 'truncated-message'],
    ['more bytes than declared', `000100002112a442${TID}00`, 'trailing-bytes'],
  ])('%s is refused', (_, hex, defect) => {
    expect(parseStunHeader(fromHex(hex))).toBe(defect)
    expect(parseStun(fromHex(hex))).toBe(defect)
  })

  test.each<[string, StunClass, number]>([
    ['0001', 'request', 1],
    ['0011', 'indication', 1],
    ['0101', 'success', 1],
    ['0111', 'error', 1],
    ['0108', 'success', CREATE_PERMISSION],
    ['3eef', 'request', 0xfff],
    ['3fff', 'error', 0xfff],
  ])('type %s is a %s of method %i', (type, messageClass, method) => {
    expect(parseStunHeader(request('', type))).toMatchObject({ class: messageClass, method })
  })
})

describe('attributes', () => {
  test.each<[string, string, StunDefect]>([
    ['an attribute longer than the message', '8022 0005 61626364', 'attribute-overrun'],
    ['an unknown attribute longer than the message', '7fff ffff', 'attribute-overrun'],
    ['a USERNAME of 513 bytes', attribute('0006', new Uint8Array(513).fill(97)), 'bad-attribute-value'],
    ['a USERNAME that is not UTF-8', '0006 0001 ff000000', 'bad-attribute-value'],
    ['a REALM of 128 characters', attribute('0014', new Uint8Array(128).fill(97)), 'bad-attribute-value'],
    ['a NONCE of 128 characters', attribute('0015', new Uint8Array(128).fill(97)), 'bad-attribute-value'],
    ['a SOFTWARE of 128 characters', attribute('8022', utf8('é'.repeat(128))), 'bad-attribute-value'],
    ['an integrity of 16 bytes', attribute('0008', new Uint8Array(16)), 'bad-attribute-length'],
    ['a fingerprint of 8 bytes', attribute('8028', new Uint8Array(8)), 'bad-attribute-length'],
    ['a PRIORITY of 2 bytes', '0024 0002 00010000', 'bad-attribute-length'],
    ['an ICE-CONTROLLED of 4 bytes', '8029 0004 00000000', 'bad-attribute-length'],
    ['an ICE-CONTROLLING of 4 bytes', '802a 0004 00000000', 'bad-attribute-length'],
    ['a USE-CANDIDATE with a value', '0025 0001 00000000', 'bad-attribute-length'],
    ['an XOR address of 3 bytes', '0020 0003 00010000', 'bad-attribute-length'],
    ['an XOR address of family 3', '0020 0008 0003000000000000', 'bad-attribute-value'],
    [
      'an IPv4 address of 16 bytes',
      attribute('0020', Uint8Array.of(0, 1, ...new Uint8Array(18))),
      'bad-attribute-length',
    ],
    ['an IPv6 address of 4 bytes', '0012 0008 0002000000000000', 'bad-attribute-length'],
    ['a plain address of family 0', '0001 0008 0000000000000000', 'bad-attribute-value'],
    ['a plain address of 2 bytes', '8023 0002 00010000', 'bad-attribute-length'],
    ['channel 0x3fff', '000c 0004 3fff0000', 'bad-attribute-value'],
    ['channel 0x5000', '000c 0004 50000000', 'bad-attribute-value'],
    ['a CHANNEL-NUMBER of 2 bytes', '000c 0002 40000000', 'bad-attribute-length'],
    ['a LIFETIME of 8 bytes', '000d 0008 0000000000000000', 'bad-attribute-length'],
    ['a requested family of 3', '0017 0004 03000000', 'bad-attribute-value'],
    ['an additional family of 1 byte', '8000 0001 01000000', 'bad-attribute-length'],
    ['a REQUESTED-TRANSPORT of 1 byte', '0019 0001 11000000', 'bad-attribute-length'],
    ['an EVEN-PORT of 4 bytes', '0018 0004 80000000', 'bad-attribute-length'],
    ['an ERROR-CODE of 2 bytes', '0009 0002 00000000', 'bad-attribute-length'],
    ['an error of class 2', '0009 0004 00000200', 'bad-attribute-value'],
    ['an error of class 7', '0009 0004 00000700', 'bad-attribute-value'],
    ['an error of number 100', '0009 0004 00000464', 'bad-attribute-value'],
    ['a reason that is not UTF-8', '0009 0005 00000400 ff000000', 'bad-attribute-value'],
    [
      'a reason of 764 bytes',
      attribute('0009', Uint8Array.of(0, 0, 4, 0, ...utf8('a'.repeat(764)))),
      'bad-attribute-value',
    ],
    ['an address error of 3 bytes', '8001 0003 01000400', 'bad-attribute-length'],
    ['an address error of family 9', '8001 0004 09000428', 'bad-attribute-value'],
    ['a RESERVATION-TOKEN of 4 bytes', '0022 0004 00000000', 'bad-attribute-length'],
    ['UNKNOWN-ATTRIBUTES of 3 bytes', '000a 0003 00010000', 'bad-attribute-length'],
  ])('%s is refused', (_, hex, defect) => {
    expect(parseStun(request(hex))).toBe(defect)
  })

  test('a defective attribute leaves the header readable, for an error response', () => {
    const header = parseStunHeader(request('000c 0004 50000000', '0009'))

    expect(header).toEqual({ class: 'request', method: 9, transactionId: fromHex(TID) })
  })

  test('a defective message does not affect the next one', () => {
    expect(parseStun(request('000c 0004 50000000'))).toBe('bad-attribute-value')

    expect(attributeOf(ok(request('000c 0004 40000000')), 'channel-number')).toBe(0x4000)
  })

  test('the longest texts are taken: a USERNAME of 512 bytes, others of 127 characters', () => {
    const message = ok(
      request(attribute('0006', new Uint8Array(512).fill(97)) + attribute('0014', utf8('é'.repeat(127)))),
    )

    expect(attributeOf(message, 'username')).toHaveLength(512)
    expect(attributeOf(message, 'realm')).toBe('é'.repeat(127))
  })

  test('unknown ones are kept, comprehension-required or not', () => {
    const message = ok(request('7fff 0001 aa000000 c057 0004 00000001'))

    expect(message.attributes).toEqual([
      { type: 'unknown', number: 0x7fff, value: fromHex('aa') },
      { type: 'unknown', number: 0xc057, value: fromHex('00000001') },
    ])
  })

  test('of repeated ones the first counts, and all of them can be had', () => {
    const message = ok(request('000d 0004 00000001 000d 0004 00000002'))

    expect(attributeOf(message, 'lifetime')).toBe(1)
    expect(attributesOf(message, 'lifetime')).toEqual([1, 2])
  })

  test('padding may be anything', () => {
    expect(attributeOf(ok(request('8022 0001 61ffffff')), 'software')).toBe('a')
  })

  test('what follows MESSAGE-INTEGRITY is ignored, except FINGERPRINT, and what follows that too', () => {
    const integrity = attribute('0008', new Uint8Array(20))
    const message = ok(
      request(`${integrity} 000c 0004 00000000 000d 0004 00000001 8028 0004 00000007 000d 0004 00000002`),
    )

    expect(message.attributes.map(({ type }) => type)).toEqual(['message-integrity', 'fingerprint'])
    expect(message).toMatchObject({ integrityOffset: 20, fingerprintOffset: 20 + 24 + 16 })
  })

  test('even ignored ones have to end inside the message', () => {
    expect(parseStun(request(`${attribute('0008', new Uint8Array(20))} 7fff 0009 00000000`))).toBe('attribute-overrun')
  })

  test('views start where the datagram starts, wherever that is in its buffer', () => {
    const datagram = request('0020 0008 0001ec83ea12d545')
    const buffer = new Uint8Array(datagram.length + 7)
    buffer.set(datagram, 5)

    const message = ok(buffer.subarray(5, 5 + datagram.length))

    expect(attributeOf(message, 'xor-mapped-address')).toEqual(SocketAddress.of('203.0.113.7:52625'))
  })
})

describe('strangers', () => {
  test('no bytes whatever make the parser throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void parseStun(bytes)))
  })

  test('no attributes whatever make the parser throw', () => {
    const known = [0x1, 0x6, 0x8, 0x9, 0xa, 0xc, 0xd, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x20, 0x22]
    const more = [0x24, 0x25, 0x8000, 0x8001, 0x8022, 0x8023, 0x8028, 0x8029, 0x802a]
    const one = fc.tuple(fc.constantFrom(...known, ...more, 0x7777), fc.uint8Array({ maxLength: 24 }))
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), fc.boolean(), (attributes, isCut) => {
        const hex = attributes.map(([number, value]) => attribute(number.toString(16).padStart(4, '0'), value)).join('')
        const datagram = request(hex)
        if (isCut && datagram.length > 24) datagram[22] = 1 // an attribute that claims at least 256 bytes

        parseStun(datagram)
      }),
    )
  })
})
