import { concatBytes, fromHex } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseLink, parseLinkAddress, parseRoute, routeMessagesIn } from './route-messages.ts'

// Recorded from Linux 6.12: a host with eth0 (index 3), two addresses of each family and a few routes.
const LO = '00000403010000004900010000000000'
const ETH0 = '00000100030000004310010000000000'
const V4 =
  '021880000300000008000100c0a80a0208000200c0a80a02090003006574683000000000080008008000000014000600ffffffffffffffff18a0080018a00800'
const V4_SECONDARY =
  '021881000300000008000100c0a80a0308000200c0a80a02090003006574683000000000080008008100000014000600ffffffffffffffff18a0080018a00800'
const V6 =
  '0a408200030000001400010020010db800100000000000000000000214000600ffffffffffffffff18a0080018a008000800080082000000'
const V6_DEPRECATED =
  '0a40a200030000001400010020010db80010000000000000000000031400060000000000ffffffff18a0080018a0080008000800a2000000'
const V6_LINK_LOCAL =
  '0a40c0fd0200000014000100fe800000000000000c1e2ffffe8b689e14000600ffffffffffffffff18a0080018a0080008000800c000000005000b0003000000'
const DEFAULT_V4 = '02000000fe0300010000000008000f00fe00000008000500c0a80a010800040003000000'
const DEFAULT_V6 =
  '0a000000fe0300010000000008000f00fe00000008000600000400001400050020010db8001000000000000000000001080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000'
const MULTIPATH =
  '02080000fe0300010000000008000f00fe000000080001000a00000024000900100000000300000008000500c0a80a07100000000300000008000500c0a80a08'
const LOCAL = '02200000ff02fe020000000008000f00ff00000008000100c0a80a0208000700c0a80a020800040003000000'

const RECORDED = [
  LO,
  ETH0,
  V4,
  V4_SECONDARY,
  V6,
  V6_DEPRECATED,
  V6_LINK_LOCAL,
  DEFAULT_V4,
  DEFAULT_V6,
  MULTIPATH,
  LOCAL,
]

describe('a link', () => {
  test('runs when it is up and has somebody at the other end', () => {
    expect(parseLink(fromHex(ETH0))).toEqual({ index: 3, isLoopback: false, isRunning: true })
    const unplugged = fromHex(ETH0)
    unplugged[8]! &= ~0x40
    expect(parseLink(unplugged)).toMatchObject({ isRunning: false })
  })

  test('may be the loopback', () => {
    expect(parseLink(fromHex(LO))).toEqual({ index: 1, isLoopback: true, isRunning: true })
  })
})

describe('an address', () => {
  test('is of its interface, and of use to others', () => {
    expect(parseLinkAddress(fromHex(V4))).toEqual({
      index: 3,
      address: 'c0a80a02',
      isGlobal: true,
      isPassing: false,
      isDeprecated: false,
    })
    expect(parseLinkAddress(fromHex(V6))).toMatchObject({
      address: '20010db8001000000000000000000002',
      isPassing: false,
    })
  })

  test('is passing where it is secondary or not yet checked', () => {
    expect(parseLinkAddress(fromHex(V4_SECONDARY))).toMatchObject({ isPassing: true })
    expect(parseLinkAddress(fromHex(V6_LINK_LOCAL))).toMatchObject({ isGlobal: false, isPassing: true })
  })

  test('may be deprecated', () => {
    expect(parseLinkAddress(fromHex(V6_DEPRECATED))).toMatchObject({ isDeprecated: true, isPassing: false })
  })

  test('of another family is none', () => {
    const foreign = fromHex(V4)
    foreign[0] = 28 // AF_MPLS
    expect(parseLinkAddress(foreign)).toBeUndefined()
  })
})

describe('a route', () => {
  test('may be the default one, through a router', () => {
    const main = 254
    expect(parseRoute(fromHex(DEFAULT_V4))).toEqual({
      family: 4,
      table: main,
      isDefault: true,
      hops: [{ index: 3, router: 'c0a80a01' }],
    })
    expect(parseRoute(fromHex(DEFAULT_V6))).toMatchObject({ family: 6, isDefault: true, hops: [{ index: 3 }] })
  })

  test('may have several next hops', () => {
    expect(parseRoute(fromHex(MULTIPATH))).toMatchObject({
      isDefault: false,
      hops: [
        { index: 3, router: 'c0a80a07' },
        { index: 3, router: 'c0a80a08' },
      ],
    })
  })

  test('to ourselves leads nowhere else', () => {
    expect(parseRoute(fromHex(LOCAL))).toBeUndefined()
  })

  test('that is an entry of the cache is none', () => {
    const cached = fromHex(DEFAULT_V6)
    cached[9] = 0x02
    expect(parseRoute(cached)).toBeUndefined()
  })
})

test('a read brings several messages, each padded to four bytes', () => {
  const bytes = concatBytes(framed(24, '0102030405'), framed(20, ''), framed(16, '06'))

  expect(routeMessagesIn(bytes)).toEqual([
    { type: 24, body: fromHex('0102030405') },
    { type: 20, body: fromHex('') },
    { type: 16, body: fromHex('06') },
  ])
})

test('a message that is cut off ends the row', () => {
  const bytes = concatBytes(framed(24, '01020304'), framed(20, '05060708').subarray(0, 18))

  expect(routeMessagesIn(bytes)).toHaveLength(1)
})

test('whatever bytes come, nothing throws', () => {
  const mutated = fc
    .tuple(fc.constantFrom(...RECORDED), fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 6 }), fc.nat(100))
    .map(([hex, changes, cut]) => {
      const bytes = fromHex(hex)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes.subarray(0, Math.max(0, bytes.length - (cut > 60 ? cut - 60 : 0)))
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), bytes => {
      for (const { body } of [{ body: bytes }, ...routeMessagesIn(bytes)]) {
        parseLink(body)
        parseLinkAddress(body)
        parseRoute(body)
      }
    }),
    { numRuns: 500 },
  )
})

function framed(type: number, hex: string): Uint8Array {
  const body = fromHex(hex)
  const bytes = new Uint8Array(16 + Math.ceil(body.length / 4) * 4)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 16 + body.length, true)
  view.setUint16(4, type, true)
  bytes.set(body, 16)
  return bytes
}
