import { portableCrypto } from '@sallyport/crypto'
import { fromHex, type SocketAddress, toHex } from '@sallyport/sans-io'
import { encodeStun, type StunAttribute } from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import {
  ALSO_IPV6,
  CLIENT,
  CLIENT6,
  credentials,
  KEY,
  NOW,
  newServer,
  nilNonces,
  PEER,
  RELAY,
  UDP_TRANSPORT,
} from './harness.ts'

const SOFTWARE = '80220018666972657a6f6e652d72656c61793b207265763d78787878'
const REALM = '00140008666972657a6f6e65'
const NONCE = '0015002430303030303030302d303030302d303030302d303030302d303030303030303030303030'
const USER = '0006001b333338343038323830303a757664674b7653394758595a5f766d7600'
const ID = '0123456789abcdef01234567'
const ID2 = 'fedcba9876543210fedcba98'
const ID3 = '00112233445566778899aabb'

const UNAUTHORIZED = `0113007c2112a442${ID}${SOFTWARE}0009001000000401556e617574686f72697a6564${REALM}${NONCE}000800148084214e1330566fab9469edfa1fc1324aa843d0`
const FIRST_ALLOCATE = `000300542112a442${ID}00190004110000008000000402000000${USER}${REALM}00080014bd443bec67c25bbe2be6db501b91be2c00ee4626`
const ALLOCATE = `0003007c2112a442${ID2}00190004110000008000000402000000${USER}${REALM}${NONCE}00080014dfb6e9e8d0284e8e7712b9a7e992e3dd80896a21`
const CHANNEL_BIND = `000900802112a442${ID3}000c000440000000001200080001eb7ee721c04b${USER}${REALM}${NONCE}00080014757bad524d795b5457b9ca26e0203bd5d242cd40`
const FREE = `000400742112a442${ID3}000d000400000000${USER}${REALM}${NONCE}0008001438a2d049d3f37c290b8492ee7f9b6775d30cced6`

describe('the published exchange, byte for byte', () => {
  test('BINDING over IPv4', () => {
    expect(say(newServer(), `000100002112a442${ID}`)).toBe(`010100282112a442${ID}${SOFTWARE}002000080001ec83ea12d545`)
  })

  test('BINDING over IPv6', () => {
    expect(say(newServer(), `000100002112a442${ID}`, CLIENT6)).toBe(
      `010100342112a442${ID}${SOFTWARE}002000140002ec830113a9fa0123456789abcdef01234560`,
    )
  })

  test('ALLOCATE without REQUESTED-TRANSPORT', () => {
    expect(say(newServer(), `000300002112a442${ID}`)).toBe(
      `011300302112a442${ID}${SOFTWARE}0009000f00000400426164205265717565737400`,
    )
  })

  test('ALLOCATE without a nonce, with it, CHANNEL-BIND, and REFRESH with a lifetime of 0', () => {
    const server = newServer()

    expect(say(server, FIRST_ALLOCATE)).toBe(UNAUTHORIZED)
    expect(say(server, ALLOCATE)).toBe(
      `0103006c2112a442${ID2}${SOFTWARE}001600080001e112ea12d527001600140002e1120113a9fafedcba9876543210fedcbb99` +
        '002000080001ec83ea12d545000d00040000025800080014c07b819c55241672a6fc434d9403377047be363e',
    )
    expect(say(server, CHANNEL_BIND)).toBe(
      `010900342112a442${ID3}${SOFTWARE}0008001400d103d1e5dc84c49cdc685a50f6a7af44ffba75`,
    )
    expect(say(server, FREE)).toBe(
      `0104003c2112a442${ID3}${SOFTWARE}000d00040000000000080014a27fea5ea93adaf1ec1f6651037146a722603f10`,
    )
  })

  test('437 to a REFRESH without an allocation', () => {
    const server = newServer()
    say(server, FIRST_ALLOCATE)

    expect(say(server, FREE)).toBe(
      `011400502112a442${ID3}${SOFTWARE}0009001700000425416c6c6f636174696f6e204d69736d6174636800` +
        '00080014dfbc896566ad8ca37179026f7ccd81086f4730fc',
    )
  })

  test('438 to a CHANNEL-BIND with an unknown nonce', () => {
    let calls = 0
    const crypto = { ...nilNonces, hmacSha256: () => new Uint8Array(32).fill(calls++ === 0 ? 1 : 0) }

    expect(say(newServer({ crypto }), CHANNEL_BIND)).toBe(
      `0119007c2112a442${ID3}${SOFTWARE}0009000f000004265374616c65204e6f6e636500${REALM}${NONCE}` +
        '000800140539be54cfb2d264a811c53181b468fb16b77d8e',
    )
  })

  test('443 to a CHANNEL-BIND with a peer of the other family', () => {
    const server = newServer()
    say(server, FIRST_ALLOCATE)
    say(server, toHex(encode(3, [UDP_TRANSPORT, { type: 'requested-address-family', value: 6 }])))

    expect(say(server, CHANNEL_BIND)).toBe(
      `011900582112a442${ID3}${SOFTWARE}000900200000042b5065657220416464726573732046616d696c79204d69736d61746368` +
        '0008001429e603ee7e9498c6b43f0be7a847e7375a66cd03',
    )
  })

  test('the requests are those that we would write', () => {
    const bind: StunAttribute[] = [
      { type: 'channel-number', value: 0x4000 },
      { type: 'xor-peer-address', value: PEER },
    ]

    expect(toHex(encode(3, [UDP_TRANSPORT, ALSO_IPV6], ID2))).toBe(ALLOCATE)
    expect(toHex(encode(9, bind, ID3))).toBe(CHANNEL_BIND)
  })
})

function encode(method: number, attributes: readonly StunAttribute[], id: string = ID): Uint8Array {
  return encodeStun(
    { class: 'request', method, transactionId: fromHex(id), attributes: [...attributes, ...credentials()] },
    { crypto: portableCrypto, key: KEY },
  )
}

function say(server: ReturnType<typeof newServer>, hex: string, remote: SocketAddress = CLIENT): string {
  server.handleInput({ local: RELAY, remote, payload: fromHex(hex) }, NOW)
  const { payload } = server.pollTransmit()!
  expect(server.pollTransmit()).toBeUndefined()
  return toHex(payload)
}
