import { portableCrypto } from '@sallyport/crypto'
import { fromHex, SocketAddress, toHex, utf8 } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import {
  ALLOCATE,
  BINDING,
  CHANNEL_BIND,
  encodeStun,
  longTermKey,
  parseStun,
  REFRESH,
  type StunAttribute,
  type StunClass,
  verifyIntegrity,
} from '../src/index.ts'

interface Vector {
  readonly name: string
  readonly class: StunClass
  readonly method: number
  readonly transactionId: string
  readonly key?: Uint8Array
  readonly attributes: readonly StunAttribute[]
  readonly hex: string
}

// What a client and its relay exchange; computed by an independent program that reproduces RFC 5769 as well.
const TID = '000102030405060708090a0b'
const SESSION = 'snownet; session=B808F41E0FE128FA15B35E8361358749E853BA98C11512A274F03BC7C09D65F6'
const sessionHex = `80220051 ${toHex(utf8(SESSION))} 000000`
const clientKey = fromHex('09d6489f2d2c5a44d0dd6fe150c1d3c7')
const usernameHex =
  '00060036 313735393139303430303a682f31753877316b4951705849316675594d46753354417467633766335555567259435649593655666d45 0000'
const username = '1759190400:h/1u8w1kIQpXI1fuYMFu3TAtgc7f3UUVrYCVIY6UfmE'
const realmHex = '00140008 666972657a6f6e65'
const nonceHex = '00150024 66336231633264342d303030302d343030302d383030302d303030303030303030303031'
const software: StunAttribute = { type: 'software', value: SESSION }
const auth: readonly StunAttribute[] = [
  { type: 'username', value: username },
  { type: 'realm', value: 'firezone' },
]
const nonce: StunAttribute = { type: 'nonce', value: 'f3b1c2d4-0000-4000-8000-000000000001' }
const udpAndIpv6: readonly StunAttribute[] = [
  { type: 'requested-transport', value: 17 },
  { type: 'additional-address-family', value: 6 },
]
const udpAndIpv6Hex = '00190004 11000000 80000004 02000000'

const RELAY_TID = '0123456789abcdef01234567'
const BIND_TID = '00112233445566778899aabb'
const RELAY_USERNAME = '3384082800:uvdgKvS9GXYZ_vmv'
const relayKey = fromHex('537cef0bbf0e5ca2538bc11b6b564ef1')
const relay: StunAttribute = { type: 'software', value: 'firezone-relay; rev=xxxx' }
const relayHex = '80220018 666972657a6f6e652d72656c61793b207265763d78787878'
const relayAuth: readonly StunAttribute[] = [
  { type: 'username', value: RELAY_USERNAME },
  { type: 'realm', value: 'firezone' },
]
const relayAuthHex = '0006001b 333338343038323830303a757664674b7653394758595a5f766d7600 00140008 666972657a6f6e65'
const nilNonce: StunAttribute = { type: 'nonce', value: '00000000-0000-0000-0000-000000000000' }
const nilNonceHex = '00150024 30303030303030302d303030302d303030302d303030302d303030303030303030303030'

const address = (text: string): SocketAddress => SocketAddress.of(text)

const VECTORS: readonly Vector[] = [
  {
    name: 'BINDING of a client',
    class: 'request',
    method: BINDING,
    transactionId: TID,
    attributes: [software],
    hex: `000100582112a442${TID} ${sessionHex}`,
  },
  {
    name: 'the first ALLOCATE, without a nonce',
    class: 'request',
    method: ALLOCATE,
    transactionId: TID,
    key: clientKey,
    attributes: [...udpAndIpv6, software, ...auth],
    hex: `000300c82112a442${TID} ${udpAndIpv6Hex} ${sessionHex} ${usernameHex} ${realmHex}
      00080014 6592e297e9a4108c8c408ab3d0a86ed5634f9b12`,
  },
  {
    name: 'a signed 401',
    class: 'error',
    method: ALLOCATE,
    transactionId: TID,
    key: clientKey,
    attributes: [
      { type: 'software', value: 'firezone-relay' },
      { type: 'error-code', value: { code: 401, reason: 'Unauthorized' } },
      { type: 'realm', value: 'firezone' },
      nonce,
    ],
    hex: `011300742112a442${TID} 8022000e 666972657a6f6e652d72656c6179 0000
      00090010 00000401 556e617574686f72697a6564 ${realmHex} ${nonceHex}
      00080014 056fc8c30e2cf6e0a9538bbb7d031276a12485ef`,
  },
  {
    name: 'the second ALLOCATE, with the nonce',
    class: 'request',
    method: ALLOCATE,
    transactionId: TID,
    key: clientKey,
    attributes: [...udpAndIpv6, software, ...auth, nonce],
    hex: `000300f02112a442${TID} ${udpAndIpv6Hex} ${sessionHex} ${usernameHex} ${realmHex} ${nonceHex}
      00080014 15dae94f615ae41c82b96f85ca3fe59316f21d63`,
  },
  {
    name: 'a REFRESH that deletes',
    class: 'request',
    method: REFRESH,
    transactionId: TID,
    key: clientKey,
    attributes: [...udpAndIpv6, software, { type: 'lifetime', value: 0 }, ...auth, nonce],
    hex: `000400f82112a442${TID} ${udpAndIpv6Hex} ${sessionHex} 000d0004 00000000 ${usernameHex} ${realmHex} ${nonceHex}
      00080014 c290ba771824c974ff998d3325514a88d07dcee9`,
  },
  {
    name: 'a CHANNEL-BIND',
    class: 'request',
    method: CHANNEL_BIND,
    transactionId: TID,
    key: clientKey,
    attributes: [
      { type: 'xor-peer-address', value: address('203.0.113.7:52625') },
      { type: 'channel-number', value: 0x4000 },
      software,
      ...auth,
      nonce,
    ],
    hex: `000900f42112a442${TID} 00120008 0001ec83ea12d545 000c0004 40000000 ${sessionHex} ${usernameHex} ${realmHex}
      ${nonceHex} 00080014 0dd0aa3d4359b397936c428c1c80578e1b905255`,
  },
  {
    name: 'an unauthenticated 400',
    class: 'error',
    method: ALLOCATE,
    transactionId: RELAY_TID,
    attributes: [relay, { type: 'error-code', value: { code: 400, reason: 'Bad Request' } }],
    hex: `011300302112a442${RELAY_TID} ${relayHex} 0009000f 00000400 42616420526571756573 74 00`,
  },
  {
    name: 'the answer to a BINDING over IPv4',
    class: 'success',
    method: BINDING,
    transactionId: RELAY_TID,
    attributes: [relay, { type: 'xor-mapped-address', value: address('203.0.113.7:52625') }],
    hex: `010100282112a442${RELAY_TID} ${relayHex} 00200008 0001ec83ea12d545`,
  },
  {
    name: 'the answer to a BINDING over IPv6',
    class: 'success',
    method: BINDING,
    transactionId: RELAY_TID,
    attributes: [relay, { type: 'xor-mapped-address', value: address('[2001:db8::7]:52625') }],
    hex: `010100342112a442${RELAY_TID} ${relayHex} 00200014 0002ec830113a9fa0123456789abcdef01234560`,
  },
  {
    name: 'a 401 with the nil nonce',
    class: 'error',
    method: ALLOCATE,
    transactionId: RELAY_TID,
    key: relayKey,
    attributes: [
      relay,
      { type: 'error-code', value: { code: 401, reason: 'Unauthorized' } },
      { type: 'realm', value: 'firezone' },
      nilNonce,
    ],
    hex: `0113007c2112a442${RELAY_TID} ${relayHex} 0009001000000401556e617574686f72697a6564 ${realmHex} ${nilNonceHex}
      000800148084214e1330566fab9469edfa1fc1324aa843d0`,
  },
  {
    name: 'the answer to an ALLOCATE of both families',
    class: 'success',
    method: ALLOCATE,
    transactionId: 'fedcba9876543210fedcba98',
    key: relayKey,
    attributes: [
      relay,
      { type: 'xor-relayed-address', value: address('203.0.113.101:49152') },
      { type: 'xor-relayed-address', value: address('[2001:db8::101]:49152') },
      { type: 'xor-mapped-address', value: address('203.0.113.7:52625') },
      { type: 'lifetime', value: 600 },
    ],
    hex: `0103006c2112a442fedcba9876543210fedcba98 ${relayHex} 001600080001e112ea12d527
      001600140002e1120113a9fafedcba9876543210fedcbb99 002000080001ec83ea12d545 000d000400000258
      00080014c07b819c55241672a6fc434d9403377047be363e`,
  },
  {
    name: 'a CHANNEL-BIND with the nil nonce',
    class: 'request',
    method: CHANNEL_BIND,
    transactionId: BIND_TID,
    key: relayKey,
    attributes: [
      { type: 'channel-number', value: 0x4000 },
      { type: 'xor-peer-address', value: address('198.51.100.9:51820') },
      ...relayAuth,
      nilNonce,
    ],
    hex: `000900802112a442${BIND_TID} 000c000440000000 001200080001eb7ee721c04b ${relayAuthHex} ${nilNonceHex}
      00080014757bad524d795b5457b9ca26e0203bd5d242cd40`,
  },
  {
    name: 'the answer to a CHANNEL-BIND',
    class: 'success',
    method: CHANNEL_BIND,
    transactionId: BIND_TID,
    key: relayKey,
    attributes: [relay],
    hex: `010900342112a442${BIND_TID} ${relayHex} 0008001400d103d1e5dc84c49cdc685a50f6a7af44ffba75`,
  },
  {
    name: 'a 443 to a CHANNEL-BIND',
    class: 'error',
    method: CHANNEL_BIND,
    transactionId: BIND_TID,
    key: relayKey,
    attributes: [relay, { type: 'error-code', value: { code: 443, reason: 'Peer Address Family Mismatch' } }],
    hex: `011900582112a442${BIND_TID} ${relayHex}
      000900200000042b5065657220416464726573732046616d696c79204d69736d61746368
      0008001429e603ee7e9498c6b43f0be7a847e7375a66cd03`,
  },
]

describe('what a client and a relay exchange', () => {
  test.each(VECTORS)('$name is written byte by byte', vector => {
    const content = { ...vector, transactionId: fromHex(vector.transactionId) }

    const datagram = encodeStun(content, vector.key && { crypto: portableCrypto, key: vector.key })

    expect(toHex(datagram)).toBe(toHex(fromHex(vector.hex)))
  })

  test.each(VECTORS)('$name is read and verified', vector => {
    const message = parseStun(fromHex(vector.hex))

    if (typeof message === 'string') throw new Error(message)
    expect(message).toMatchObject({ class: vector.class, method: vector.method })
    expect(message.attributes.filter(({ type }) => type !== 'message-integrity')).toEqual(vector.attributes)
    expect(verifyIntegrity(message, vector.key ?? new Uint8Array(0), portableCrypto)).toBe(vector.key !== undefined)
  })

  test('the key of long-term credentials is an MD5', () => {
    const password = '2vhMpFi3ivuf1fjUMWjEJMedsoQ0ENbzoJJisYh/uPQ'

    expect(longTermKey(RELAY_USERNAME, 'firezone', password, portableCrypto)).toEqual(relayKey)
  })
})
