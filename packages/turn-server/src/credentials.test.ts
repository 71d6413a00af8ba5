import { portableCrypto } from '@sallyport/crypto'
import { seededRandom, toHex, type WallClock } from '@sallyport/sans-io'
import { longTermKey } from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import { formatUsername, isExpired, newStampSecret, parseUsername, relayPassword } from './credentials.ts'

const SECRET = '4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab'

describe('passwords', () => {
  test.each([
    ['1892160000', SECRET, 'n23JJ2wKKtt30oXi', '00hqldgk5xLeKKOB+xls9mHMVtgqzie9DulfgQwMv68'],
    [
      '1685984278',
      '1cab293a-4032-46f4-862a-40e5d174b0d2',
      'uvdgKvS9GXYZ_vmv',
      '6xUIoZ+QvxKhRasLifwfRkMXl+ETLJUsFkHlXjlHAkg',
    ],
    ['3384082800', SECRET, 'uvdgKvS9GXYZ_vmv', '2vhMpFi3ivuf1fjUMWjEJMedsoQ0ENbzoJJisYh/uPQ'],
    [
      '1759190400',
      'stampsecret',
      'h/1u8w1kIQpXI1fuYMFu3TAtgc7f3UUVrYCVIY6UfmE',
      'vgoEcCQ1LbN4Mu85V2K0tIZTOd604JgfTqYGyk3V9FA',
    ],
  ])('the password of %s:…:%s is what the portal computes', (expiry, secret, salt, password) => {
    expect(relayPassword({ expiry, salt }, secret, portableCrypto)).toBe(password)
  })

  test('the long-term key follows from name, realm and password', () => {
    const user = { expiry: '3384082800', salt: 'uvdgKvS9GXYZ_vmv' }
    const password = relayPassword(user, SECRET, portableCrypto)

    expect(toHex(longTermKey(formatUsername(user), 'firezone', password, portableCrypto))).toBe(
      '537cef0bbf0e5ca2538bc11b6b564ef1',
    )
  })

  test('a secret is 64 hexadecimal digits, and another one each time', () => {
    const random = seededRandom(1)
    const secret = newStampSecret(random)

    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    expect(newStampSecret(random)).not.toBe(secret)
  })
})

describe('usernames', () => {
  test.each([
    ['1892160000:n23JJ2wKKtt30oXi', { expiry: '1892160000', salt: 'n23JJ2wKKtt30oXi' }],
    ['0:', { expiry: '0', salt: '' }],
    ['000:x', { expiry: '0', salt: 'x' }],
    ['+07:x', { expiry: '7', salt: 'x' }],
    ['18446744073709551615:x', { expiry: '18446744073709551615', salt: 'x' }],
  ])('%s is a user', (username, user) => {
    expect(parseUsername(username)).toEqual(user)
  })

  test.each(['', ':', 'x', '1', '1:2:3', '-1:x', ' 1:x', '1.5:x', '18446744073709551616:x', '999999999999999999999:x'])(
    '%o is none',
    username => {
      expect(parseUsername(username)).toBeUndefined()
    },
  )

  test('expire when their second is over, or if they lie beyond all clocks', () => {
    const now = 1_700_000_000_500 as WallClock

    expect(isExpired({ expiry: '1699999999', salt: '' }, now)).toBe(true)
    expect(isExpired({ expiry: '1700000000', salt: '' }, now)).toBe(false)
    expect(isExpired({ expiry: '9223372036854775807', salt: '' }, now)).toBe(false)
    expect(isExpired({ expiry: '9223372036854775808', salt: '' }, now)).toBe(true)
  })
})
