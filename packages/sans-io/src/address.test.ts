import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IpAddress, SocketAddress } from './address.ts'

describe('an IP address', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['192.0.2.255', '192.0.2.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is written %s', (text, canonical) => {
    expect(IpAddress.parse(text)?.text).toBe(canonical)
  })

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
  ])('%j is none', text => {
    expect(IpAddress.parse(text)).toBeUndefined()
    expect(() => IpAddress.of(text)).toThrow(RangeError)
  })

  test('made of bytes is the one that its text parses to', () => {
    const bytes = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), sparse16)
    fc.assert(
      fc.property(bytes, bytes => {
        const address = IpAddress.fromBytes(bytes)

        expect(IpAddress.of(address.text).bytes).toEqual(bytes)
        expect(IpAddress.of(address.text).equals(address)).toBe(true)
      }),
    )
  })

  test('keeps its own copy of the bytes', () => {
    const bytes = new Uint8Array([192, 0, 2, 1])
    const address = IpAddress.fromBytes(bytes)
    bytes[0] = 0

    expect(address.bytes[0]).toBe(192)
    expect(address.family).toBe(4)
  })

  test('has 4 or 16 bytes', () => {
    expect(() => IpAddress.fromBytes(new Uint8Array(5))).toThrow('an IP address has 4 or 16 bytes, not 5')
  })

  test('never throws on any text', () => {
    fc.assert(fc.property(fc.string(), text => void IpAddress.parse(text)))
  })
})

describe('a socket address', () => {
  test.each(['192.0.2.1:0', '192.0.2.1:65535', '[2001:db8::1]:3478'])('%s is written as it was read', text => {
    const address = SocketAddress.of(text)

    expect(address.key).toBe(text)
    expect(`${address}`).toBe(text)
    expect(JSON.stringify({ address, ip: address.ip })).toBe(
      JSON.stringify({ address: text, ip: address.ip.toString() }),
    )
    expect(address.family).toBe(text.startsWith('[') ? 6 : 4)
  })

  test.each(['', '1.2.3.4', '1.2.3.4:65536', '1.2.3.4:-1', '2001:db8::1:80', '[1.2.3.4]:80', '[::1]', 'host:80'])(
    '%j is none',
    text => {
      expect(SocketAddress.parse(text)).toBeUndefined()
      expect(() => SocketAddress.of(text)).toThrow(RangeError)
    },
  )

  test('equals another one with the same address and port', () => {
    expect(SocketAddress.of('[::1]:1').equals(SocketAddress.of('[0:0::1]:1'))).toBe(true)
    expect(SocketAddress.of('[::1]:1').equals(SocketAddress.of('[::1]:2'))).toBe(false)
  })
})

const sparse16 = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { minLength: 16, maxLength: 16 })
  .map(bytes => new Uint8Array(bytes))
