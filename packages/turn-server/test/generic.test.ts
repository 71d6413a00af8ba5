import { portableCrypto } from '@sallyport/crypto'
import { fromHex, minutes, SocketAddress, seconds, toHex } from '@sallyport/sans-io'
import {
  ALLOCATE,
  attributeOf,
  attributesOf,
  BINDING,
  CREATE_PERMISSION,
  longTermKey,
  REFRESH,
  type StunAttribute,
} from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import { relayPassword } from '../src/index.ts'
import {
  ALSO_IPV6,
  CLIENT,
  Conversation,
  credentials,
  KEY,
  NIL_NONCE,
  NOW,
  newServer,
  PEER,
  RELAY,
  relayedAddresses,
  request,
  SECRET,
  UDP_TRANSPORT,
  V4,
} from './harness.ts'

const unknown: StunAttribute = { type: 'unknown', number: 0x7f00, value: fromHex('00') }
const dontFragment: StunAttribute = { type: 'dont-fragment', value: true }
const evenPort = (value: boolean): StunAttribute => ({ type: 'even-port', value })
const token: StunAttribute = { type: 'reservation-token', value: new Uint8Array(8) }

describe('an attribute that the server would have to understand', () => {
  test('gets 420 that names it, signed for users', () => {
    const answer = new Conversation().allocate([unknown, dontFragment, unknown])

    expect(answer).toMatchObject({ code: 420, isSigned: true })
    expect(attributeOf(answer.message, 'unknown-attributes')).toEqual([0x7f00, 0x001a])
  })

  test('in a BINDING gets 420, too', () => {
    const answer = new Conversation().say(request(BINDING, [unknown]))!

    expect(answer).toMatchObject({ code: 420, isSigned: false })
    expect(attributeOf(answer.message, 'unknown-attributes')).toEqual([0x7f00])
  })

  test('is not told to strangers: they get 401 first', () => {
    expect(new Conversation().say(request(ALLOCATE, [UDP_TRANSPORT, unknown]))).toMatchObject({ code: 401 })
  })

  test('many of them are not all named', () => {
    const many = Array.from(
      { length: 50 },
      (_, i): StunAttribute => ({ ...unknown, number: 0x7f00 + i }) as StunAttribute,
    )

    expect(attributeOf(new Conversation().allocate(many).message, 'unknown-attributes')).toHaveLength(8)
  })
})

describe('ALLOCATE', () => {
  test('with EVEN-PORT gets an even port', () => {
    const talk = new Conversation(newServer({ ports: { lowest: 50_001, highest: 50_004 } }))
    const ports = [1, 2, 3].map(n => relayedAddresses(talk.allocate([evenPort(false)], client(n)))[0])

    expect(ports.slice(0, 2).sort()).toEqual(['203.0.113.101:50002', '203.0.113.101:50004'])
    expect(talk.allocate([evenPort(false)], client(3)).code).toBe(508)
    expect(talk.allocate([], client(3)).code).toBe('success')
  })

  test('that wants to reserve the next port, or has a reservation, is refused with 508', () => {
    const talk = new Conversation()

    expect(talk.allocate([evenPort(true)])).toMatchObject({ code: 508, isSigned: true })
    expect(talk.allocate([token])).toMatchObject({ code: 508, isSigned: true })
    expect(talk.allocate([evenPort(false), token])).toMatchObject({ code: 400, isSigned: true })
    expect(talk.events()).toEqual([])
  })

  test('says which of two families it did not get', () => {
    const answer = new Conversation(newServer({ addresses: { v4: V4 } })).allocate([ALSO_IPV6])

    expect(relayedAddresses(answer)).toEqual(['203.0.113.101:49152'])
    expect(attributesOf(answer.message, 'address-error-code')).toMatchObject([{ family: 6, code: 440 }])
  })

  test('that comes again because its answer was lost gets the same answer, for 40 seconds', () => {
    const talk = new Conversation()
    talk.say(request(REFRESH, []))
    const again = request(ALLOCATE, [UDP_TRANSPORT, ...credentials()], KEY)
    const first = talk.say(again)!
    talk.advanceTo(NOW + seconds(39))
    const second = talk.say(again)!

    expect(first.code).toBe('success')
    expect(toHex(second.message.bytes)).toBe(toHex(first.message.bytes))
    expect(talk.server.allocations).toBe(1)
    talk.advanceTo(NOW + seconds(40))
    expect(talk.say(again)!.code).toBe(437)
  })

  test('that comes again from another address is another one', () => {
    const talk = new Conversation()
    const again = request(ALLOCATE, [UDP_TRANSPORT, ...credentials()], KEY)
    const first = talk.say(again)!

    expect(relayedAddresses(talk.say(again, client(1))!)).not.toEqual(relayedAddresses(first))
  })

  test('that comes again after the allocation was given back does not make another one', () => {
    const talk = new Conversation()
    const late = request(ALLOCATE, [UDP_TRANSPORT, ...credentials()], KEY)
    talk.say(late)
    talk.refresh(0)
    talk.say(late)

    expect(talk.server.allocations).toBe(0)
  })
})

describe('REFRESH', () => {
  test('with a lifetime of 0 that comes again gets the same answer', () => {
    const talk = new Conversation()
    talk.allocate()
    const free = request(REFRESH, [{ type: 'lifetime', value: 0 }, ...credentials()], KEY)

    expect([talk.say(free)!.code, talk.say(free)!.code]).toEqual(['success', 'success'])
    expect(talk.refresh(0).code).toBe(437)
  })
})

describe('another user on the same five-tuple', () => {
  test('is refused with 441, unless to end the allocation', () => {
    const talk = new Conversation()
    talk.allocate()

    expect(as(talk, 'other', REFRESH)).toBe(441)
    expect(as(talk, 'other', CREATE_PERMISSION, [{ type: 'xor-peer-address', value: PEER }])).toBe(441)
    expect(as(talk, 'other', ALLOCATE, [UDP_TRANSPORT])).toBe(437)
    expect(as(talk, 'other', REFRESH, [{ type: 'lifetime', value: 0 }])).toBe('success')
    expect(as(talk, 'other', ALLOCATE, [UDP_TRANSPORT])).toBe('success')
  })

  test('is the same user if only the credentials’ end is another', () => {
    const talk = new Conversation()
    talk.allocate()

    expect(as(talk, 'uvdgKvS9GXYZ_vmv', REFRESH, [], '3384082801')).toBe('success')
  })
})

describe('quotas', () => {
  test('a user with as many allocations as one may have is refused with 486 until one ends; others are not', () => {
    const talk = new Conversation(newServer({ maxAllocationsPerUser: 2 }))
    talk.allocate([], client(1))
    talk.allocate([], client(2))

    expect(talk.allocate([], client(3))).toMatchObject({ code: 486, isSigned: true })
    expect(as(talk, 'other', ALLOCATE, [UDP_TRANSPORT])).toBe('success')
    talk.refresh(0, client(1))
    expect(talk.allocate([], client(3)).code).toBe('success')
    talk.advanceTo(NOW + minutes(10))
    expect(talk.allocate([], client(4)).code).toBe('success')
  })

  test('a server with as many allocations as it may have refuses with 508', () => {
    const talk = new Conversation(newServer({ maxAllocations: 1 }))
    talk.allocate()

    expect(talk.allocate([], client(1))).toMatchObject({ code: 508, isSigned: true })
  })

  test('a server that drains makes no allocations any more, and keeps those that it has', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.server.drain()

    expect(talk.allocate([], client(1)).code).toBe(508)
    expect(talk.refresh().code).toBe('success')
    expect(talk.bind(0x4000, PEER).code).toBe('success')
  })
})

describe('counters', () => {
  test('tell errors by code, and failures to authenticate from first contacts', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.say(request(REFRESH, credentials(), new Uint8Array(16)))
    talk.relay(CLIENT, fromHex('ff'))

    expect(talk.server.stats).toMatchObject({
      successes: 1,
      errors: 2,
      errorsByCode: { 401: 2 },
      authenticationFailures: 1,
      drops: { malformed: 1 },
    })
  })
})

test('what goes to users is not limited', () => {
  const talk = new Conversation()
  talk.allocate()
  for (let i = 0; i < 2_000; i++)
    talk.server.handleInput({ local: RELAY, remote: CLIENT, payload: request(REFRESH, credentials(), KEY) }, NOW)

  expect(talk.server.stats).toMatchObject({ successes: 2_001, withheldResponses: 0 })
})

const client = (n: number): SocketAddress => SocketAddress.of(`203.0.113.7:${n}`)

/** Asks as another user of the same portal, from the same address. */
function as(
  talk: Conversation,
  salt: string,
  method: number,
  attributes: readonly StunAttribute[] = [],
  expiry = '3384082800',
): number | string {
  const username = `${expiry}:${salt}`
  const password = relayPassword({ expiry, salt }, SECRET, portableCrypto)
  const key = longTermKey(username, 'firezone', password, portableCrypto)
  return talk.say(request(method, [...attributes, ...credentials(NIL_NONCE, username)], key))!.code
}
