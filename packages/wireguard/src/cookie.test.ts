import { portableCrypto as crypto } from '@sallyport/crypto'
import { add, type Instant, IpAddress, millis, seconds, seededRandom } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { ALICE, BOB } from '../test/pair.ts'
import { CookieJar, CookieMaker } from './cookie.ts'
import { mac1Of } from './macs.ts'

const NOW = 1000 as Instant
const IP = IpAddress.of('2001:db8::1')
const question = Uint8Array.from({ length: 148 }, (_, i) => i)
const SENDER = 0x07060504

test('a cookie is kept for 120 seconds', () => {
  const jar = new CookieJar(crypto, BOB.publicKey)
  const cookie = maker().cookieOf(IP, NOW)
  jar.asked(SENDER, mac1Of(question))
  expect(jar.at(NOW)).toBeUndefined()
  expect(jar.receive(maker().replyTo(question, cookie), NOW)).toBeUndefined()

  expect(jar.at(add(NOW, millis(119_999)))).toEqual(cookie)
  expect(jar.at(add(NOW, seconds(120)))).toBeUndefined()
  expect(jar.at(NOW)).toBeUndefined()
})

test('a cookie differs by address and by period', () => {
  const cookies = [
    maker().cookieOf(IP, NOW),
    maker().cookieOf(IpAddress.of('2001:db8::2'), NOW),
    maker().cookieOf(IP, add(NOW, seconds(128))),
  ]

  expect(new Set(cookies.map(String)).size).toBe(3)
  expect(maker().cookieOf(IP, add(NOW, seconds(127)))).toEqual(cookies[0])
})

test('only the peer can hand out cookies, and only for the message that was sent', () => {
  const reply = maker().replyTo(question, maker().cookieOf(IP, NOW))
  const jarOfAnother = new CookieJar(crypto, ALICE.publicKey)
  jarOfAnother.asked(SENDER, mac1Of(question))
  const jar = new CookieJar(crypto, BOB.publicKey)
  jar.asked(SENDER, new Uint8Array(16))

  expect(jarOfAnother.receive(reply, NOW)).toBe('bad-cookie')
  expect(jar.receive(reply, NOW)).toBe('bad-cookie')
  jar.asked(SENDER + 1, mac1Of(question))
  expect(jar.receive(reply, NOW)).toBe('wrong-index')
})

const maker = (): CookieMaker => new CookieMaker(crypto, seededRandom(1), BOB.publicKey, NOW)
