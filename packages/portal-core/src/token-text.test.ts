import { sha3_256 } from '@noble/hashes/sha3.js'
import { portableCrypto } from '@sallyport/crypto'
import { concatBytes, seededRandom, toHex, utf8 } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBase64Url, toBase64Url } from './base-encoding.ts'
import { pbkdf2 } from './crypto.ts'
import { TokenSigner } from './token-text.ts'

const crypto = { ...portableCrypto, sha3_256 }
// The development seed of the original.
const KEY = {
  keyBase: '5OVYJ83AcoQcPmdKNksuBhJFBhjHD1uUa9mDOHV/6EIdBQ6pXksIhkVeWIzFk5S2',
  salt: 't01wa0K4lUd7mKa0HAtZdE+jFOPDDej2',
}
const TOKEN =
  '.SFMyNTY.g2gDaANtAAAAJGM4OWJjYzhjLTkzOTItNGRhZS1hNDBkLTg4OGFlZjZkMjhlMG0AAAAkMjI3NDU2MGItZTk3Yi00NWU0LThiMzQtNjc5Yzc2MTdlOThkbQAAADhPMDJMN1VTMkozVklOT01QUjlKNklMODhRSVFQNlVPOEFRVk82VTVJUEwwVkpDMjJKR0gwPT09PW4GAAH8sImUAWIAAVGA.tAm2O9FcyF67VAF3rZdwQpeADrYOIs3S2l2K51G26OM'
const CLAIMS = {
  account: 'c89bcc8c-9392-4dae-a40d-888aef6d28e0',
  token: '2274560b-e97b-45e4-8b34-679c7617e98d',
  nonce: '',
  secret: 'O02L7US2J3VINOMPR9J6IL88QIQP6UO8AQVO6U5IPL0VJC22JGH0====',
}
const signer = new TokenSigner(crypto, KEY)

describe('a token of Firezone', () => {
  test('is signed with a key of its type', () => {
    const key = pbkdf2(crypto, utf8(KEY.keyBase), utf8(`${KEY.salt}gateway_group`), 1000)

    expect(toHex(key)).toBe('cd0c392d83b595fe5afb1193e4f95ffe203737708efa80885eecbfaccaa1a689')
  })

  test('verifies, and says what it was made with', () => {
    expect(signer.verify('gateway_group', TOKEN)).toEqual(CLAIMS)
  })

  test('is what signing the same claims at the same time gives', () => {
    expect(signer.sign('gateway_group', CLAIMS, 1_737_476_865_025)).toBe(TOKEN)
  })

  test.each([
    ['', CLAIMS.secret, 'uQyisyqrvYIIitMXnSJFKQ', '876f20e8d4de25d5ffac40733f280782a7d8097347d77415ab6e4e548f13d2ee'],
    [
      'n',
      'AiIy_6pBk-WLeRAPzzkCFXNqIZKWBs2Ddw_2vgIQvFg',
      'kKKA7dtf3TJk0-1O2D9N1w',
      '5c1d6795ea1dd08b6f4fd331eeaffc12032ba171d227f328446f2d26b96437e5',
    ],
    [
      '',
      'C14NGA87EJRR03G4QPR07A9C6G784TSSTHSF4TI5T0GD8D6L0VRG====',
      'lZWUdgh-syLGVDsZEu_29A',
      'c3c9a031ae98f111ada642fddae546de4e16ceb85214ab4f1c9d0de1fc472797',
    ],
  ])('with nonce %j is recognised by its stored digest', (nonce, secret, salt, hash) => {
    expect(signer.matches({ nonce, secret }, { salt, hash })).toBe(true)
    expect(signer.matches({ nonce: `${nonce}x`, secret }, { salt, hash })).toBe(false)
  })
})

test('a token opens nothing but what it was made for', () => {
  expect(signer.verify('client', TOKEN)).toBeUndefined()
  expect(signer.verify('relay_group', TOKEN)).toBeUndefined()
})

test('a flipped bit anywhere makes a token worthless', () => {
  const from = TOKEN.indexOf('g2gD')
  fc.assert(
    fc.property(fc.integer({ min: from, max: TOKEN.length - 1 }), fc.integer({ min: 0, max: 5 }), (at, bit) => {
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      const index = alphabet.indexOf(TOKEN[at]!)
      fc.pre(index >= 0)
      const other = TOKEN.slice(0, at) + alphabet[index ^ (1 << bit)] + TOKEN.slice(at + 1)

      expect(signer.verify('gateway_group', other)).toBeUndefined()
    }),
    { numRuns: 60 },
  )
})

test('whatever is offered as a token, verification never throws', () => {
  fc.assert(
    fc.property(fc.string(), text => signer.verify('client', text) === undefined),
    { numRuns: 100 },
  )
  const mutated = fc.array(fc.constantFrom('.', 'SFMyNTY', 'g2gD', '=', 'é', 'A')).map(parts => parts.join(''))
  fc.assert(
    fc.property(mutated, text => signer.verify('client', text) === undefined),
    { numRuns: 100 },
  )
})

test('whatever is signed verifies to the same claims', () => {
  const id = fc.uuid()
  fc.assert(
    fc.property(
      fc.option(id, { nil: undefined }),
      id,
      fc.stringMatching(/^[0-9a-f]{0,64}$/),
      (account, token, nonce) => {
        const claims = { account, token, nonce, secret: signer.freshSecret(seededRandom(1)) }

        expect(signer.verify('client', signer.sign('client', claims, 1_700_000_000_000))).toEqual(claims)
      },
    ),
    { numRuns: 30 },
  )
})

test('a signed term that is not a token is refused, whatever it is', () => {
  const key = pbkdf2(crypto, utf8(KEY.keyBase), utf8(`${KEY.salt}client`), 1000)
  const signed = (term: Uint8Array): string => {
    const text = `SFMyNTY.${toBase64Url(term)}`
    return `.${text}.${toBase64Url(crypto.hmacSha256(key, utf8(text)))}`
  }
  const good = parseBase64Url(signer.sign('client', CLAIMS, 1_700_000_000_000).split('.')[2]!)!
  expect(signer.verify('client', signed(good))).toEqual(CLAIMS)

  fc.assert(fc.property(fc.uint8Array(), term => signer.verify('client', signed(term)) === undefined))
  fc.assert(
    fc.property(fc.nat(good.length - 1), at => signer.verify('client', signed(good.subarray(0, at))) === undefined),
  )
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
      const term = good.slice()
      term[at] = value
      signer.verify('client', signed(term)) // some bytes may be any: those of the time
    }),
  )
})

test('the nil of older Erlang releases stands for no account as well', () => {
  const claims = { ...CLAIMS, account: undefined }
  const key = pbkdf2(crypto, utf8(KEY.keyBase), utf8(`${KEY.salt}relay_group`), 1000)
  const term = parseBase64Url(signer.sign('relay_group', claims, 1).split('.')[2]!)!
  const older = concatBytes(term.subarray(0, 5), new Uint8Array([100, 0]), term.subarray(6))
  const text = `SFMyNTY.${toBase64Url(older)}`

  expect(signer.verify('relay_group', `.${text}.${toBase64Url(crypto.hmacSha256(key, utf8(text)))}`)).toEqual(claims)
})

test('a fresh secret has 56 characters of base32hex', () => {
  expect(signer.freshSecret(seededRandom(3))).toMatch(/^[0-9A-V]{52}={4}$/)
})
