import { portableCrypto } from '@sallyport/crypto'
import { add, fromHex, minutes, SocketAddress, seconds, type WallClock } from '@sallyport/sans-io'
import { ALLOCATE, attributeOf, BINDING, CHANNEL_BIND, longTermKey, REFRESH, type StunAttribute } from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import { NoPublicAddressError, relayPassword } from '../src/index.ts'
import {
  ALSO_IPV6,
  CLIENT,
  CLIENT6,
  Conversation,
  credentials,
  KEY,
  NIL_NONCE,
  NOW,
  newServer,
  PEER,
  PEER6,
  RELAY,
  relayedAddresses,
  request,
  SECRET,
  UDP_TRANSPORT,
  V4,
  V6,
} from './harness.ts'

const onlyV4 = { addresses: { v4: V4 } }
const onlyV6 = { addresses: { v6: V6 } }
const requestV4: StunAttribute = { type: 'requested-address-family', value: 4 }
const requestV6: StunAttribute = { type: 'requested-address-family', value: 6 }
const alsoIpv4: StunAttribute = { type: 'additional-address-family', value: 4 }

describe('ALLOCATE', () => {
  test('opens the ports before the success response, and wakes up when the lifetime ends', () => {
    const talk = new Conversation()

    expect(talk.allocate([]).code).toBe('success')
    expect(talk.events()).toEqual([{ type: 'open-port', port: 49152, family: 4 }])
    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(600)))
  })

  test('ends after its lifetime: the port is closed, and nothing else happens', () => {
    const talk = new Conversation()
    talk.allocate([])
    talk.events()
    talk.advanceTo(NOW + seconds(601))

    expect(talk.events()).toEqual([{ type: 'close-port', port: 49152, family: 4 }])
    expect(talk.answer()).toBeUndefined()
    expect(talk.server.pollTimeout()).toBeUndefined()
  })

  test.each([
    ['dual stack', {}, [], ['203.0.113.101:49152']],
    ['dual stack', {}, [requestV4], ['203.0.113.101:49152']],
    ['dual stack', {}, [requestV6], ['[2001:db8::101]:49152']],
    ['dual stack', {}, [ALSO_IPV6], ['203.0.113.101:49152', '[2001:db8::101]:49152']],
    ['IPv4 only', onlyV4, [], ['203.0.113.101:49152']],
    ['IPv4 only', onlyV4, [ALSO_IPV6], ['203.0.113.101:49152']],
    ['IPv6 only', onlyV6, [requestV6], ['[2001:db8::101]:49152']],
    ['IPv6 only', onlyV6, [ALSO_IPV6], ['[2001:db8::101]:49152']],
  ] as const)('on a relay with %s, given %o and families %o, allocates %o', (_, options, families, addresses) => {
    expect(relayedAddresses(new Conversation(newServer(options)).allocate(families))).toEqual(addresses)
  })

  test.each([
    ['dual stack', {}, [requestV4, ALSO_IPV6], 400],
    ['dual stack', {}, [requestV6, ALSO_IPV6], 400],
    ['dual stack', {}, [alsoIpv4], 400],
    ['IPv4 only', onlyV4, [requestV6], 440],
    ['IPv4 only', onlyV4, [alsoIpv4], 400],
    ['IPv6 only', onlyV6, [], 440],
    ['IPv6 only', onlyV6, [requestV4], 440],
  ] as const)('on a relay with %s, given %o and families %o, is refused with %d', (_, options, families, code) => {
    const talk = new Conversation(newServer(options))

    expect(talk.allocate(families)).toMatchObject({ code, isSigned: true })
    expect(talk.events()).toEqual([])
  })

  test('for a transport other than UDP is refused with 442, signed', () => {
    const tcp: StunAttribute = { type: 'requested-transport', value: 6 }

    expect(new Conversation().ask(ALLOCATE, [tcp])).toMatchObject({ code: 442, isSigned: true })
  })

  test('without a transport is refused before anybody asks who it is', () => {
    const answer = new Conversation().say(request(ALLOCATE, credentials(), KEY))

    expect(answer).toMatchObject({ code: 400, isSigned: false })
  })

  test.each([
    [undefined, 600],
    [5, 5],
    [3_600, 3_600],
    [10_000_000, 3_600],
    [0, 0],
  ])('for %s seconds gets %d', (wanted, granted) => {
    const lifetime: StunAttribute[] = wanted === undefined ? [] : [{ type: 'lifetime', value: wanted }]
    const talk = new Conversation()

    expect(attributeOf(talk.allocate(lifetime).message, 'lifetime')).toBe(granted)
    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(granted)))
  })

  test('from a socket that has an allocation is refused with 437; from another socket it works', () => {
    const talk = new Conversation()
    talk.allocate()

    expect(talk.allocate()).toMatchObject({ code: 437, isSigned: true })
    expect(talk.allocate([], CLIENT6).code).toBe('success')
  })

  test('is refused with 508 while all ports are taken', () => {
    const talk = new Conversation(newServer({ ports: { lowest: 50_000, highest: 50_001 } }))
    talk.allocate([], client(1))
    talk.allocate([], client(2))

    expect(talk.allocate([], client(3))).toMatchObject({ code: 508, isSigned: true })
    talk.refresh(0, client(1))
    expect(talk.allocate([], client(3)).code).toBe('success')
  })

  test('leaves a port alone that could not be opened, for a minute', () => {
    const talk = new Conversation(newServer({ ports: { lowest: 50_000, highest: 50_000 } }))
    talk.allocate()
    talk.events()
    talk.server.handlePortFailure(50_000, talk.now)
    talk.server.handlePortFailure(50_001, talk.now)

    expect(talk.events()).toEqual([
      { type: 'close-port', port: 50_000, family: 4 },
      { type: 'close-port', port: 50_000, family: 6 },
    ])
    expect(talk.allocate().code).toBe(508)
    talk.advanceTo(talk.now + minutes(1))
    expect(talk.allocate().code).toBe('success')
  })

  test('can be repeated from the same address after the first allocation has ended', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.advanceTo(NOW + seconds(600))

    expect(talk.allocate().code).toBe('success')
  })
})

describe('REFRESH', () => {
  test('half-way makes the allocation end that much later', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.advanceTo(NOW + seconds(300))
    expect(attributeOf(talk.refresh().message, 'lifetime')).toBe(600)
    talk.events()
    talk.advanceTo(NOW + seconds(899))

    expect(talk.events()).toEqual([])
    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(900)))
  })

  test('may also make it end earlier', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.advanceTo(NOW + seconds(300))
    talk.refresh(10)

    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(310)))
  })

  test('with a lifetime of 0 closes the ports, and no timer is left', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.bind(0x4000, PEER)
    talk.events()

    expect(attributeOf(talk.refresh(0).message, 'lifetime')).toBe(0)
    expect(talk.events().map(({ type }) => type)).toEqual(['channel-unbound', 'close-port', 'close-port'])
    expect(talk.server.pollTimeout()).toBeUndefined()
    expect(talk.server.boundChannels).toBe(0)
  })

  test('without an allocation is refused with 437, also to delete it', () => {
    const talk = new Conversation()

    expect(talk.refresh().code).toBe(437)
    expect(talk.refresh(0).code).toBe(437)
  })

  test('ignores transport and families', () => {
    const talk = new Conversation()
    talk.allocate([])

    expect(talk.ask(REFRESH, [UDP_TRANSPORT, ALSO_IPV6]).code).toBe('success')
  })
})

describe('CHANNEL-BIND', () => {
  test('binds for ten minutes', () => {
    const talk = new Conversation()
    talk.allocate([{ type: 'lifetime', value: 3_600 }])
    talk.events()

    expect(talk.bind(0x4000, PEER).code).toBe('success')
    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(300))) // its permission's end
    talk.advanceTo(NOW + seconds(300))
    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(600)))
    expect(talk.events()).toEqual([{ type: 'channel-bound', client: CLIENT, channel: 0x4000, peer: PEER, port: 49152 }])
  })

  test('expires, cools down for five minutes and only then lets the number go to another peer', () => {
    const talk = new Conversation()
    talk.allocate([{ type: 'lifetime', value: 3_600 }])
    talk.bind(0x4000, PEER)
    talk.events()
    talk.advanceTo(NOW + seconds(600))

    expect(talk.events().map(({ type }) => type)).toEqual(['channel-unbound'])
    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(900)))
    expect(talk.bind(0x4000, other(1)).code).toBe(400)
    expect(talk.bind(0x4001, PEER).code).toBe(400)
    talk.advanceTo(NOW + seconds(900))
    expect(talk.bind(0x4000, other(1)).code).toBe('success')
    expect(talk.bind(0x4001, PEER).code).toBe('success')
  })

  test('during the cool-down lets traffic of the same pair flow again, in both directions', () => {
    const talk = new Conversation()
    talk.allocate([{ type: 'lifetime', value: 3_600 }])
    talk.bind(0x4000, PEER)
    talk.advanceTo(NOW + seconds(700))
    expect(talk.relay(CLIENT, fromHex('40000001aa'))).toEqual([])
    expect(talk.relay(PEER, fromHex('bb'), 49152)).toEqual([])

    expect(talk.bind(0x4000, PEER).code).toBe('success')
    expect(talk.relay(CLIENT, fromHex('40000001aa'))).toEqual([{ socket: 49152, to: PEER.key, hex: 'aa' }])
    expect(talk.relay(PEER, fromHex('bb'), 49152)).toEqual([{ socket: -1, to: CLIENT.key, hex: '40000001bb' }])
  })

  test('refreshed half-way lives ten minutes from then', () => {
    const talk = new Conversation()
    talk.allocate([{ type: 'lifetime', value: 3_600 }])
    talk.bind(0x4000, PEER)
    talk.advanceTo(NOW + seconds(400))
    talk.bind(0x4000, PEER)
    talk.advanceTo(NOW + seconds(999))

    expect(talk.relay(CLIENT, fromHex('40000000'))).toHaveLength(1)
    expect(talk.server.boundChannels).toBe(1)
  })

  test('refuses the same peer on a second number, and the same number for a second peer', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.bind(0x4000, PEER)

    expect(talk.bind(0x4001, PEER)).toMatchObject({ code: 400, isSigned: true })
    expect(talk.bind(0x4000, other(1))).toMatchObject({ code: 400, isSigned: true })
  })

  test('lets two clients use the same number and the same peer', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.allocate([ALSO_IPV6], CLIENT6)
    talk.bind(0x4000, PEER)

    expect(talk.bind(0x4000, PEER, CLIENT6).code).toBe('success')
  })

  test('of a peer in a family without a relayed address is refused with 443', () => {
    const talk = new Conversation()
    talk.allocate([])

    expect(talk.bind(0x4000, PEER6)).toMatchObject({ code: 443, isSigned: true })
  })

  test('without an allocation is refused with 437', () => {
    expect(new Conversation().bind(0x4000, PEER)).toMatchObject({ code: 437, isSigned: true })
  })

  test('beyond the number of channels that the server can hold is refused with 508', () => {
    const talk = new Conversation(newServer({ maxChannels: 1 }))
    talk.allocate()
    talk.bind(0x4000, PEER)

    expect(talk.bind(0x4001, other(1)).code).toBe(508)
    expect(talk.bind(0x4000, PEER).code).toBe('success')
  })

  test('without a number or a peer, or with a number out of range, is refused before anybody asks who it is', () => {
    const talk = new Conversation()
    const peer: StunAttribute = { type: 'xor-peer-address', value: PEER }
    const number = (hex: string): StunAttribute => ({ type: 'unknown', number: 0x000c, value: fromHex(hex) })

    expect(talk.say(request(CHANNEL_BIND, [peer, ...credentials()], KEY))).toMatchObject({ code: 400, isSigned: false })
    expect(talk.say(request(CHANNEL_BIND, [number('40000000')]))).toMatchObject({ code: 400 })
    expect(talk.say(request(CHANNEL_BIND, [peer, number('3fff0000')]))).toMatchObject({ code: 400 })
    expect(talk.say(request(CHANNEL_BIND, [peer, number('50000000')]))).toMatchObject({ code: 400 })
  })
})

describe('BINDING', () => {
  test('is answered once, for anybody', () => {
    const answer = new Conversation().say(request(BINDING, []))!

    expect(answer.message.attributes.map(({ type }) => type)).toEqual(['software', 'xor-mapped-address'])
    expect(attributeOf(answer.message, 'xor-mapped-address')).toEqual(CLIENT)
  })
})

describe('authentication', () => {
  test('an ALLOCATE without it gets 401 with realm and a nonce that works', () => {
    const talk = new Conversation()
    const answer = talk.say(request(ALLOCATE, [UDP_TRANSPORT]))!

    expect(answer).toMatchObject({ code: 401, isSigned: false })
    expect(answer.message.attributes.map(({ type }) => type)).toEqual(['software', 'error-code', 'realm', 'nonce'])
    const nonce = attributeOf(answer.message, 'nonce')
    expect(talk.say(request(ALLOCATE, [UDP_TRANSPORT, ...credentials(nonce)], KEY))!.code).toBe('success')
  })

  test('a nonce is good for an hour from its client, however often it is used, and then stale', () => {
    const talk = new Conversation(newServer({ crypto: portableCrypto }))
    talk.advanceTo(NOW + 12_345)
    const nonce = attributeOf(talk.say(request(REFRESH, []))!.message, 'nonce')!
    for (let i = 0; i < 20; i++) expect(talk.say(request(REFRESH, credentials(nonce), KEY))!.code).toBe(437)
    talk.advanceTo(NOW + 12_000 + minutes(60) - 1)
    expect(talk.say(request(REFRESH, credentials(nonce), KEY))!.code).toBe(437)
    talk.advanceTo(talk.now + 1)

    const stale = talk.say(request(REFRESH, credentials(nonce), KEY))!
    expect(stale).toMatchObject({ code: 438, isSigned: true })
    const fresh = attributeOf(stale.message, 'nonce')!
    expect(fresh).not.toBe(nonce)
    expect(talk.say(request(REFRESH, credentials(fresh), KEY))!.code).toBe(437)
  })

  test.each([
    ['another address', SocketAddress.of('203.0.113.8:52625')],
    ['another port', SocketAddress.of('203.0.113.7:52626')],
  ])('a nonce is stale when it comes from %s', (_, elsewhere) => {
    const talk = new Conversation(newServer({ crypto: portableCrypto }))
    const nonce = attributeOf(talk.say(request(REFRESH, []))!.message, 'nonce')!

    expect(talk.say(request(REFRESH, credentials(nonce), KEY), elsewhere)!.code).toBe(438)
    expect(talk.say(request(REFRESH, credentials(nonce), KEY))!.code).toBe(437)
  })

  test('a nonce of the future, or of another server, is stale', () => {
    const talk = new Conversation(newServer({ crypto: portableCrypto }))
    const future = new Conversation(newServer({ crypto: portableCrypto }))
    future.advanceTo(NOW + minutes(5))
    const other = new Conversation(newServer({ crypto: portableCrypto, random: out => out.fill(1) }))

    for (const from of [future, other]) {
      const nonce = attributeOf(from.say(request(REFRESH, []))!.message, 'nonce')!
      expect(talk.say(request(REFRESH, credentials(nonce), KEY))!.code).toBe(438)
    }
  })

  test.each([
    '00000000000000000000000000000000',
    '{00000000-0000-0000-0000-000000000000}',
    'urn:uuid:00000000-0000-0000-0000-000000000000',
  ])('the nonce may be written as %s', nonce => {
    const talk = new Conversation()
    talk.say(request(REFRESH, []))

    expect(talk.say(request(REFRESH, credentials(nonce), KEY))!.code).toBe(437)
  })

  test.each(['', 'nonce', '00000000-00000000-00000000-00000000', '{00000000-0000-0000-0000-000000000000'])(
    'a nonce that is no UUID, %o, gets 401',
    nonce => {
      expect(new Conversation().say(request(REFRESH, credentials(nonce), KEY))!.code).toBe(401)
    },
  )

  test('without a username, 401 is not signed', () => {
    const talk = new Conversation()
    const nonce: StunAttribute = { type: 'nonce', value: NIL_NONCE }

    expect(talk.say(request(REFRESH, [nonce], KEY))).toMatchObject({ code: 401, isSigned: false })
  })

  test('without a signature, 401 is signed for the user that is named', () => {
    expect(new Conversation().say(request(REFRESH, credentials()))).toMatchObject({ code: 401, isSigned: true })
  })

  test.each(['noexpiry', 'a:b', '1:2:3', '-1:salt', '99999999999999999999:salt', ':salt'])(
    'the malformed username %o gets no response at all',
    username => {
      expect(new Conversation().say(request(REFRESH, credentials(NIL_NONCE, username), KEY))).toBeUndefined()
    },
  )

  test.each(['03384082800:uvdgKvS9GXYZ_vmv', '+3384082800:uvdgKvS9GXYZ_vmv'])(
    'the username %o is another one than that in its canonical form',
    username => {
      const talk = new Conversation()
      talk.say(request(REFRESH, []))
      const key = longTermKey(username, 'firezone', PASSWORD, portableCrypto)

      expect(talk.say(request(REFRESH, credentials(NIL_NONCE, username), key))!.code).toBe(401)
    },
  )

  test('an expiry that no clock will ever show gets 401', () => {
    const talk = new Conversation()
    talk.say(request(REFRESH, []))

    expect(ask(talk, { expiry: '18446744073709551615', salt: 'x' }, SECRET)).toBe(401)
  })

  test('credentials work until the second in which they end, and not after it', () => {
    const user = { expiry: '1892160000', salt: 'n23JJ2wKKtt30oXi' }
    const at = (unixSeconds: number): number | string => {
      const talk = new Conversation(
        newServer({ calendar: { instant: NOW, wallClock: (unixSeconds * 1_000) as WallClock } }),
      )
      talk.say(request(REFRESH, []))
      return ask(talk, user, SECRET)
    }

    expect(at(1_892_159_999)).toBe(437)
    expect(at(1_892_160_000)).toBe(437)
    expect(at(1_892_160_001)).toBe(401)
  })

  test('credentials made with another secret get 401', () => {
    const talk = new Conversation()
    talk.say(request(REFRESH, []))

    expect(ask(talk, { expiry: '3384082800', salt: 'x' }, 'another secret')).toBe(401)
  })

  test('the realm that a request carries does not matter', () => {
    const talk = new Conversation()
    talk.say(request(REFRESH, []))
    const attributes = credentials().map(each => (each.type === 'realm' ? { ...each, value: 'elsewhere' } : each))

    expect(talk.say(request(REFRESH, attributes, KEY))!.code).toBe(437)
  })
})

describe('what makes no sense', () => {
  test.each([
    ['a truncated header', '000100002112a442'],
    ['another cookie', '000100002112a4430123456789abcdef01234567'],
    ['bytes behind the message', '000100002112a4420123456789abcdef0123456700'],
    ['a message that is not all there', '000100082112a4420123456789abcdef01234567'],
    ['an indication', '001100002112a4420123456789abcdef01234567'],
    ['a success', '010100002112a4420123456789abcdef01234567'],
    ['an error', '011100002112a4420123456789abcdef01234567'],
    ['an undecodable error', '011100082112a4420123456789abcdef01234567000c000400000000'],
    ['neither STUN nor ChannelData', '80000000'],
    ['nothing at all', ''],
  ])('%s is dropped', (_, hex) => {
    expect(new Conversation().say(fromHex(hex))).toBeUndefined()
  })

  test.each([
    ['a bad value', '000300082112a4420123456789abcdef01234567000c000400000000', 400],
    ['an attribute that is too short for its type', '000300082112a4420123456789abcdef01234567000c000300000000', 500],
    ['an attribute that goes beyond the message', '000300082112a4420123456789abcdef01234567000c000800000000', 500],
    ['an unknown method', '000200002112a4420123456789abcdef01234567', 400],
    ['SEND as a request', '000600002112a4420123456789abcdef01234567', 400],
  ])('a request with %s gets an unsigned error, and does not affect the next one', (_, hex, code) => {
    const talk = new Conversation()

    const answer = talk.say(fromHex(hex))!
    expect(answer.code).toBe(code)
    expect(answer.message.attributes.map(({ type }) => type)).toEqual(['software', 'error-code'])
    expect(talk.say(request(BINDING, []))!.code).toBe('success')
  })

  test('unknown attributes that one may ignore are ignored', () => {
    const unknown: StunAttribute = { type: 'unknown', number: 0xff00, value: fromHex('00') }

    expect(new Conversation().ask(REFRESH, [unknown]).code).toBe(437)
    expect(new Conversation().say(request(BINDING, [unknown]))!.code).toBe('success')
  })

  test('what comes from port 0 cannot be answered', () => {
    expect(new Conversation().say(request(BINDING, []), SocketAddress.of('203.0.113.7:0'))).toBeUndefined()
  })
})

test('a relay without any address is our caller’s mistake', () => {
  expect(() => newServer({ addresses: {} })).toThrow(NoPublicAddressError)
  expect(() => newServer({ ports: { lowest: 2, highest: 1 } })).toThrow(RangeError)
})

test('responses leave from the address on which the request came in', () => {
  const { server } = new Conversation()
  server.handleInput({ local: RELAY, remote: CLIENT, payload: request(BINDING, []) }, NOW)

  expect(server.pollTransmit()).toMatchObject({ local: RELAY, remote: CLIENT })
})

test('successes and errors are counted', () => {
  const talk = new Conversation()
  talk.allocate()

  expect(talk.server.stats).toMatchObject({ successes: 1, errors: 1 })
  expect(talk.server.allocations).toBe(1)
})

const PASSWORD = relayPassword({ expiry: '3384082800', salt: 'uvdgKvS9GXYZ_vmv' }, SECRET, portableCrypto)

/** Asks for a REFRESH as that user and returns the outcome. */
function ask(talk: Conversation, user: { expiry: string; salt: string }, secret: string): number | string {
  const username = `${user.expiry}:${user.salt}`
  const key = longTermKey(username, 'firezone', relayPassword(user, secret, portableCrypto), portableCrypto)
  return talk.say(request(REFRESH, credentials(NIL_NONCE, username), key))!.code
}

const client = (n: number): SocketAddress => SocketAddress.of(`203.0.113.7:${n}`)
const other = (n: number): SocketAddress => SocketAddress.of(`198.51.100.9:${n}`)
