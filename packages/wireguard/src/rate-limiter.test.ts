import { portableCrypto as crypto } from '@sallyport/crypto'
import { add, type Instant, IpAddress, millis, seconds, seededRandom } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { ALICE, BOB } from '../test/pair.ts'
import { CookieJar } from './cookie.ts'
import { mac1Key, mac1Of, writeMacs } from './macs.ts'
import { INITIATION_LENGTH, newMessage, RESPONSE_LENGTH } from './message.ts'
import { RateLimiter } from './rate-limiter.ts'

const NOW = 1000 as Instant
const HERE = IpAddress.of('192.0.2.1')
const ELSEWHERE = IpAddress.of('2001:db8::1')

test('the hundred and first message within a second is asked for a cookie', () => {
  const limiter = newLimiter()
  for (let i = 0; i < 100; i++) expect(limiter.admit(message(), HERE, NOW).type).toBe('admitted')

  expect(limiter.admit(message(), HERE, add(NOW, millis(999)))).toMatchObject({ type: 'under-load' })
})

test('the window is reset when it is asked, however long nobody did', () => {
  const limiter = newLimiter()
  for (let i = 0; i < 101; i++) limiter.admit(message(), HERE, NOW)

  expect(limiter.admit(message(), HERE, add(NOW, seconds(1))).type).toBe('admitted')
  for (let i = 0; i < 99; i++) limiter.admit(message(), HERE, add(NOW, seconds(1)))
  expect(limiter.admit(message(), HERE, add(NOW, seconds(1))).type).toBe('under-load')
})

test('messages with a wrong mac1 neither pass nor count', () => {
  const limiter = newLimiter()
  const forged = message()
  mac1Of(forged)[0]! ^= 1
  for (let i = 0; i < 1000; i++) expect(limiter.admit(forged, HERE, NOW).type).toBe('bad-mac1')

  expect(limiter.admit(message(), HERE, NOW).type).toBe('admitted')
})

test('responses count like initiations', () => {
  const limiter = newLimiter(1)
  limiter.admit(message(RESPONSE_LENGTH), HERE, NOW)

  expect(limiter.admit(message(), HERE, NOW).type).toBe('under-load')
})

test('under load, the cookie that was sent to an address opens the door from there only', () => {
  const limiter = newLimiter(0)
  const cookie = cookieFrom(limiter, HERE)

  expect(limiter.admit(message(INITIATION_LENGTH, cookie), HERE, NOW).type).toBe('admitted')
  expect(limiter.admit(message(INITIATION_LENGTH, cookie), ELSEWHERE, NOW).type).toBe('under-load')
})

test('a cookie is good for the rest of its 128 seconds', () => {
  const limiter = newLimiter(0)
  const cookie = cookieFrom(limiter, HERE)
  const shown = message(INITIATION_LENGTH, cookie)

  expect(limiter.admit(shown, HERE, add(NOW, millis(127_999))).type).toBe('admitted')
  expect(limiter.admit(shown, HERE, add(NOW, seconds(128))).type).toBe('under-load')
})

test('without an address there is no cookie', () => {
  expect(newLimiter(0).admit(message(), undefined, NOW)).toEqual({ type: 'under-load', cookieReply: undefined })
})

test('a reply is shorter than any message that it answers', () => {
  const admission = newLimiter(0).admit(message(RESPONSE_LENGTH), HERE, NOW)

  expect(admission.type === 'under-load' && admission.cookieReply?.length).toBe(64)
})

function newLimiter(limit?: number): RateLimiter {
  const random = seededRandom(1)
  const { publicKey } = BOB
  return new RateLimiter({ crypto, random, publicKey, ...(limit === undefined ? {} : { limit }) }, NOW)
}

/** A message to bob that looks right from outside. */
function message(length = INITIATION_LENGTH, cookie?: Uint8Array): Uint8Array {
  const bytes = newMessage(length === INITIATION_LENGTH ? 1 : 2, length)
  writeMacs(crypto, bytes, mac1Key(crypto, BOB.publicKey), cookie)
  return bytes
}

/** The cookie that bob's limiter hands to `ip`. */
function cookieFrom(limiter: RateLimiter, ip: IpAddress): Uint8Array {
  const question = message()
  const admission = limiter.admit(question, ip, NOW)
  if (admission.type !== 'under-load' || admission.cookieReply === undefined) throw new Error('no cookie')
  const jar = new CookieJar(crypto, BOB.publicKey)
  jar.asked(0, mac1Of(question))
  expect(jar.receive(admission.cookieReply, NOW)).toBeUndefined()
  expect(new CookieJar(crypto, ALICE.publicKey).receive(admission.cookieReply, NOW)).toBe('unexpected-cookie')
  return jar.at(NOW)!
}
