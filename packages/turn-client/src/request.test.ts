import { portableCrypto } from '@sallyport/crypto'
import { fromHex, SocketAddress, toHex, utf8 } from '@sallyport/sans-io'
import { parseStun, type StunMessage } from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import { Authentication, type TurnCredentials } from './authentication.ts'
import { InvalidCredentialsError } from './errors.ts'
import { type AuthenticatedRequest, encodeBinding, encodeRequest, type TurnDialect } from './request.ts'

const transactionId = fromHex('000102030405060708090a0b')
const software = 'snownet; session=B808F41E0FE128FA15B35E8361358749E853BA98C11512A274F03BC7C09D65F6'
const softwareHex = `80220051${toHex(utf8(software))}000000`
const credentials: TurnCredentials = {
  username: '1759190400:h/1u8w1kIQpXI1fuYMFu3TAtgc7f3UUVrYCVIY6UfmE',
  password: 'vgoEcCQ1LbN4Mu85V2K0tIZTOd604JgfTqYGyk3V9FA',
  realm: 'firezone',
}
const authHex = `00060036${toHex(utf8(credentials.username))}0000 00140008666972657a6f6e65`
const nonceHex = '0015002466336231633264342d303030302d343030302d383030302d303030303030303030303031'
const transportHex = '00190004110000008000000402000000'
const unauthorized = `011300742112a442000102030405060708090a0b8022000e666972657a6f6e652d72656c61790000
  0009001000000401556e617574686f72697a656400140008666972657a6f6e65
  001500246633623163326434 2d303030302d343030302d383030302d303030303030303030303031
  00080014056fc8c30e2cf6e0a9538bbb7d031276a12485ef`

describe('requests are byte for byte those of Firezone', () => {
  test('BINDING', () => {
    expect(toHex(encodeBinding(transactionId, software))).toBe(
      hex(`000100582112a442${toHex(transactionId)}${softwareHex}`),
    )
  })

  test('the first ALLOCATE is signed, but has no nonce', () => {
    expect(encode({ type: 'allocate' }, new Authentication(credentials, portableCrypto))).toBe(
      hex(
        `000300c82112a442${toHex(transactionId)}${transportHex}${softwareHex}${authHex}000800146592e297e9a4108c8c408ab3d0a86ed5634f9b12`,
      ),
    )
  })

  test('the second ALLOCATE has the nonce of the 401', () => {
    expect(encode({ type: 'allocate' }, challenged())).toBe(
      hex(
        `000300f02112a442${toHex(transactionId)}${transportHex}${softwareHex}${authHex}${nonceHex}0008001415dae94f615ae41c82b96f85ca3fe59316f21d63`,
      ),
    )
  })

  test('REFRESH with a LIFETIME of 0', () => {
    expect(encode({ type: 'free' }, challenged())).toBe(
      hex(
        `000400f82112a442${toHex(transactionId)}${transportHex}${softwareHex}000d000400000000${authHex}${nonceHex}00080014c290ba771824c974ff998d3325514a88d07dcee9`,
      ),
    )
  })

  test('CHANNEL-BIND of 0x4000', () => {
    const peer = SocketAddress.of('203.0.113.7:52625')

    expect(encode({ type: 'channel-bind', channel: 0x4000, peer }, challenged())).toBe(
      hex(
        `000900f42112a442${toHex(transactionId)}001200080001ec83ea12d545000c000440000000${softwareHex}${authHex}${nonceHex}000800140dd0aa3d4359b397936c428c1c80578e1b905255`,
      ),
    )
  })

  test('REFRESH asks for no lifetime', () => {
    expect(attributeNames({ type: 'refresh' }, challenged(), 'firezone')).toEqual([
      'requested-transport',
      'additional-address-family',
      'software',
      'username',
      'realm',
      'nonce',
      'message-integrity',
    ])
  })
})

describe('requests to other servers', () => {
  test('ask for a nonce without credentials (RFC 8489 §9.2.3.1)', () => {
    expect(attributeNames({ type: 'allocate' }, new Authentication(credentials, portableCrypto), 'standard')).toEqual([
      'requested-transport',
      'additional-address-family',
      'software',
    ])
  })

  test('are signed once there is a nonce, and a REFRESH repeats nothing of the ALLOCATE (RFC 8656 §7.1, §8.1)', () => {
    const signature = ['username', 'realm', 'nonce', 'message-integrity']

    expect(attributeNames({ type: 'refresh' }, challenged(), 'standard')).toEqual(['software', ...signature])
    expect(attributeNames({ type: 'free' }, challenged(), 'standard')).toEqual(['software', 'lifetime', ...signature])
  })
})

describe('authentication', () => {
  test('verifies what the server has signed with our key, and nothing else', () => {
    const authentication = new Authentication(credentials, portableCrypto)
    const tampered = fromHex(unauthorized)
    tampered[30] = tampered[30]! ^ 1

    expect(authentication.verifies(parseStun(fromHex(unauthorized)) as StunMessage)).toBe(true)
    expect(authentication.verifies(parseStun(tampered) as StunMessage)).toBe(false)
  })

  test('a 401 to a request with a nonce rejects us', () => {
    const response = parseStun(fromHex(unauthorized)) as StunMessage
    const authentication = new Authentication(credentials, portableCrypto)

    expect(authentication.handleChallenge(response, 401, false)).toBe('retry')
    expect(authentication.handleChallenge(response, 438, true)).toBe('retry')
    expect(authentication.handleChallenge(response, 401, true)).toBe('rejected')
  })

  test('another realm is not ours', () => {
    const authentication = new Authentication({ ...credentials, realm: 'example' }, portableCrypto)

    expect(authentication.handleChallenge(parseStun(fromHex(unauthorized)) as StunMessage, 401, false)).toBe(
      'foreign-realm',
    )
  })

  test('credentials that no message can carry are our caller’s mistake', () => {
    const username = 'x'.repeat(513)

    expect(() => new Authentication({ ...credentials, username }, portableCrypto)).toThrow(InvalidCredentialsError)
    expect(() => new Authentication({ ...credentials, realm: 'x'.repeat(128) }, portableCrypto)).toThrow('realm')
  })
})

function challenged(): Authentication {
  const authentication = new Authentication(credentials, portableCrypto)
  authentication.handleChallenge(parseStun(fromHex(unauthorized)) as StunMessage, 401, false)
  return authentication
}

function encode(
  request: AuthenticatedRequest,
  authentication: Authentication,
  dialect: TurnDialect = 'firezone',
): string {
  return toHex(encodeRequest(request, { transactionId, software, dialect }, authentication))
}

function attributeNames(request: AuthenticatedRequest, authentication: Authentication, dialect: TurnDialect): string[] {
  const message = parseStun(fromHex(encode(request, authentication, dialect))) as StunMessage
  return message.attributes.map(({ type }) => type)
}

const hex = (text: string): string => toHex(fromHex(text))
