import { type Instant, minutes, SocketAddress, seconds } from '@sallyport/sans-io'
import { attributeOf } from '@sallyport/stun'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LOCAL4, MAPPED4, PEER, PEER6, RELAYED4, RELAYED6, Script, V4, V6 } from './scripted-server.ts'

describe('the race of server addresses', () => {
  test('starts with a BINDING to each, sent four times and given up after 8.125 seconds', () => {
    const script = new Script({ server: { v4: V4 } })
    const first = script.one()

    expect(script.client.canBeFreed()).toBeUndefined()
    expect(script.wait(minutes(1))).toEqual(['BINDING at 1000', 'BINDING at 2500', 'BINDING at 4750'])
    expect(script.client.canBeFreed()).toBe('no-response')
    expect(script.client.pollTimeout()).toBeUndefined()
    expect(first.name).toBe('BINDING')
  })

  test('repeats a BINDING byte for byte', () => {
    const script = new Script({ server: { v4: V4 } })
    const first = script.one()
    script.now = 1_000 as Instant
    script.client.handleTimeout(script.now)

    expect(script.one().hex).toBe(first.hex)
  })

  test('is won by the first answer; the second one still yields candidates', () => {
    const script = new Script()
    const [v4, v6] = script.sent()
    script.answerBinding(v6!)
    expect(script.client.activeServer).toBe(V6)
    expect(script.names()).toEqual(['ALLOCATE'])
    script.answerBinding(v4!)

    expect(script.client.activeServer).toBe(V6)
    expect(script.sent()).toEqual([])
    expect(script.events()).toEqual(['+host6', '+srflx6', '+host4', '+srflx4'])
  })

  test('does not mind an address that never answers', () => {
    const script = new Script()
    const [v4] = script.sent()
    script.answerBinding(v4!)
    script.answerAllocate(script.one())
    script.wait(seconds(20))

    expect(script.client.isAllocated).toBe(true)
    expect(script.client.canBeFreed()).toBeUndefined()
  })

  test.each([
    [{ v4: V4 }, true, false],
    [{ v6: V6 }, false, true],
    [{ v4: V4, v6: V6 }, true, true],
  ])('of %o matches its addresses only', (server, v4, v6) => {
    const { client } = new Script({ server })

    expect(client.handlesServer(V4)).toBe(v4)
    expect(client.handlesServer(V6)).toBe(v6)
    expect(client.handlesServer(SocketAddress.of('198.51.100.10:3479'))).toBe(false)
  })
})

describe('candidates', () => {
  test('are told in the order host, server-reflexive, relay', () => {
    const script = new Script({ server: { v4: V4 } })
    script.answerBinding(script.one())
    script.answerAllocate(script.one())

    expect(script.events()).toEqual(['+host4', '+srflx4', '+relay4', '+relay6'])
    expect(script.client.candidates()).toEqual([
      { kind: 'host', address: LOCAL4 },
      { kind: 'srflx', address: MAPPED4, base: LOCAL4 },
      { kind: 'relay', address: RELAYED4, local: LOCAL4 },
      { kind: 'relay', address: RELAYED6, local: LOCAL4 },
    ])
  })

  test('that change are told as new before the old one is told as invalid', () => {
    const script = Script.allocated()
    script.now = 25_000 as Instant
    script.client.handleTimeout(script.now)
    script.answerBinding(script.one(), SocketAddress.of('203.0.113.7:40002'))

    expect(script.events()).toEqual(['+srflx4', '-srflx4'])
  })

  test.each(['[2001:db8::7]:4000', '203.0.113.7:0', '0.0.0.0:4000'])('of no use, like %s, are ignored', address => {
    const script = new Script({ server: { v4: V4 } })
    script.answerBinding(script.one(), SocketAddress.of(address))

    expect(script.events()).toEqual(['+host4'])
    expect(script.names()).toEqual(['ALLOCATE'])
  })
})

describe('authentication', () => {
  test('begins with a signed request without a nonce, and goes on with the one of the 401', () => {
    const { script, allocate } = Script.allocating()
    expect(allocate.message.attributes.map(({ type }) => type).slice(-3)).toEqual([
      'username',
      'realm',
      'message-integrity',
    ])
    script.challenge(allocate, 401, 'nonce 1')

    const second = script.one()
    expect(second.name).toBe('ALLOCATE')
    expect(attributeOf(second.message, 'nonce')).toBe('nonce 1')
  })

  test('goes on with the nonce of a 438', () => {
    const { script, allocate } = Script.allocating()
    script.challenge(allocate, 401, 'nonce 1')
    script.challenge(script.one(), 438, 'nonce 2')

    expect(attributeOf(script.one().message, 'nonce')).toBe('nonce 2')
  })

  test('ends with a 401 to a request that had a nonce', () => {
    const script = Script.allocated()
    script.client.refresh(script.now)
    script.challenge(script.one(), 401, 'nonce 1')
    script.challenge(script.one(), 401, 'nonce 2')

    expect(script.sent()).toEqual([])
    expect(script.events()).toEqual(['-relay4', '-relay6'])
    expect(script.client.canBeFreed()).toBe('authentication')
    script.client.refresh(script.now)
    script.client.bindChannel(PEER, script.now)
    expect(script.sent()).toEqual([])
  })

  test('stops where the server speaks for another realm', () => {
    const { script, allocate } = Script.allocating()
    script.challenge(allocate, 401, 'nonce 1', 'example')

    expect(script.sent()).toEqual([])
    expect(script.client.isSuspended).toBe(true)
    expect(script.client.canBeFreed()).toBeUndefined()
  })

  test('does not go on for ever with a server that only challenges', () => {
    const { script, allocate } = Script.allocating()
    let request = allocate
    let rounds = 0
    script.challenge(request, 401, 'nonce')
    for (let [next] = script.sent(); next !== undefined; [next] = script.sent()) {
      request = next
      script.challenge(request, 438, `nonce ${rounds++}`)
    }

    expect(rounds).toBe(8)
    expect(script.client.isSuspended).toBe(true)
  })

  test.each([
    ['a wrong signature', new Uint8Array(16)],
    ['no signature', null],
  ])('ignores an answer with %s: the request stays in flight', (_, key) => {
    const { script, allocate } = Script.allocating()

    expect(script.challenge(allocate, 401, 'evil', 'firezone', key)).toBe(true)
    expect(script.refuse(allocate, 420, [], key)).toBe(true)
    expect(script.answer(allocate, [{ type: 'lifetime', value: 600 }], false, key)).toBe(true)
    expect(script.events()).toEqual([])
    expect(script.sent()).toEqual([])
    expect(script.client.canBeFreed()).toBeUndefined()
    expect(script.wait(seconds(1))).toEqual(['ALLOCATE at 1000'])
  })

  test('takes a nonce from unsigned challenges of a standard server, and nothing else', () => {
    const { script, allocate } = Script.allocating({ dialect: 'standard' })
    script.refuse(allocate, 420, [], null)
    expect(script.client.canBeFreed()).toBeUndefined()
    script.challenge(allocate, 401, 'nonce 1', 'firezone', null)
    const second = script.one()
    script.challenge(second, 401, 'nonce 2', 'firezone', null)
    expect(script.sent()).toEqual([])
    script.challenge(second, 438, 'nonce 3', 'firezone', null)

    expect(attributeOf(script.one().message, 'nonce')).toBe('nonce 3')
  })
})

describe('ALLOCATE', () => {
  test('is signed again and has another transaction id when it is sent again; answers to any copy count', () => {
    const { script, allocate } = Script.allocating()
    script.now = 1_000 as Instant
    script.client.handleTimeout(script.now)
    const second = script.one()
    expect(second.hex).not.toBe(allocate.hex)
    script.answerAllocate(allocate)

    expect(script.client.isAllocated).toBe(true)
    expect(script.answerAllocate(second)).toBe(false)
  })

  test.each([
    ['no lifetime', [{ type: 'xor-relayed-address', value: RELAYED4 }]],
    ['no address', [{ type: 'lifetime', value: 600 }]],
  ] as const)('whose success has %s leads to nothing', (_, attributes) => {
    const { script, allocate } = Script.allocating()
    script.answer(allocate, attributes)

    expect(script.client.isAllocated).toBe(false)
    expect(script.client.isSuspended).toBe(true)
    expect(script.warnings).toHaveLength(1)
  })

  test.each([403, 440, 441, 442, 486, 500, 508])('that is refused with %d suspends until it is refreshed', code => {
    const { script, allocate } = Script.allocating()
    script.client.bindChannel(PEER, script.now)
    script.refuse(allocate, code)
    expect(script.client.isSuspended).toBe(true)
    script.client.bindChannel(PEER, script.now)
    expect(script.wait(minutes(10))).toEqual([])
    expect(script.client.canBeFreed()).toBeUndefined()

    script.client.refresh(script.now)
    script.answerBinding(script.one())
    script.answerAllocate(script.one())
    expect(script.names()).toEqual([])
  })

  test('that is refused with 437 leads to deletion, and another ALLOCATE', () => {
    const { script, allocate } = Script.allocating()
    script.refuse(allocate, 437)
    const free = script.one()
    expect(free.name).toBe('FREE')
    script.answerRefresh(free, 0)

    expect(script.names()).toEqual(['ALLOCATE'])
  })

  test('that is refused with 437 again and again is left alone', () => {
    const { script, allocate } = Script.allocating()
    let request = allocate
    let rounds = 0
    for (; rounds < 100; rounds++) {
      script.refuse(request, 437)
      const [next] = script.sent()
      if (next === undefined) break
      request = next
    }

    expect(rounds).toBe(8)
    expect(script.client.isSuspended).toBe(true)
  })

  test('that is refused with 420 frees the client', () => {
    const { script, allocate } = Script.allocating()
    script.refuse(allocate, 420)

    expect(script.client.canBeFreed()).toBe('protocol')
    expect(script.client.pollTimeout()).toBeUndefined()
    script.client.handleTimeout(script.now)
    script.client.refresh(script.now)
    script.client.free(script.now)
    expect(script.sent()).toEqual([])
  })
})

describe('an allocation', () => {
  test('is refreshed at half its lifetime, once', () => {
    const script = Script.allocated(undefined)
    const sent: string[] = []
    for (let i = 0; i < 12; i++) {
      script.now = ((i + 1) * 25_000) as Instant
      script.client.handleTimeout(script.now)
      for (const request of script.sent()) {
        sent.push(`${request.name} at ${script.now}`)
        if (request.name === 'BINDING') script.answerBinding(request)
        if (request.name === 'REFRESH') script.answerRefresh(request)
      }
    }

    expect(sent.filter(text => text.startsWith('REFRESH'))).toEqual(['REFRESH at 300000'])
    expect(sent.filter(text => text.startsWith('BINDING'))).toHaveLength(12)
  })

  test('keeps itself alive by a BINDING every 25 seconds, whose loss means that the server is gone', () => {
    const script = Script.allocated()

    expect(script.wait(minutes(1))).toEqual([
      'BINDING at 25000',
      'BINDING at 26000',
      'BINDING at 27500',
      'BINDING at 29750',
    ])
    expect(script.events()).toEqual(['-relay4', '-relay6'])
    expect(script.client.canBeFreed()).toBe('no-response')
  })

  test('ends where it is not refreshed in time', () => {
    const script = Script.allocated()
    script.now = 600_000 as Instant
    script.client.handleTimeout(script.now)

    expect(script.client.isAllocated).toBe(false)
    expect(script.events()).toEqual(['-relay4', '-relay6'])
  })

  test('whose REFRESH is refused with 437 is replaced; its channels are gone', () => {
    const script = Script.bound()
    script.client.refresh(script.now)
    script.refuse(script.one(), 437)

    expect(script.events()).toEqual(['-relay4', '-relay6'])
    expect(script.client.channelTo(PEER, script.now)).toBeUndefined()
    expect(script.names()).toEqual(['ALLOCATE'])
  })

  test('whose REFRESH says 0 is replaced', () => {
    const script = Script.allocated()
    script.client.refresh(script.now)
    script.answerRefresh(script.one(), 0)

    expect(script.events()).toEqual(['-relay4', '-relay6'])
    expect(script.names()).toEqual(['ALLOCATE'])
  })

  test.each(['another error', 'no lifetime'])('whose REFRESH gets %s is refreshed again, but not at once', what => {
    const script = Script.allocated()
    script.client.refresh(script.now)
    if (what === 'no lifetime') script.answer(script.one(), [])
    else script.refuse(script.one(), 500)

    expect(script.wait(seconds(5))).toEqual(['REFRESH at 5000'])
  })

  test('is probed by one REFRESH that has a second', () => {
    const script = Script.allocated()
    script.client.refresh(script.now)
    const probe = script.one()
    expect(probe.name).toBe('REFRESH')
    expect(attributeOf(probe.message, 'lifetime')).toBeUndefined()

    expect(script.wait(seconds(1))).toEqual([])
    expect(script.client.canBeFreed()).toBeUndefined() // its candidates are still to be told of
    expect(script.events()).toEqual(['-relay4', '-relay6'])
    expect(script.client.canBeFreed()).toBe('no-response')
  })

  test('is not given up for a lost request while data still comes; that request is made again', () => {
    const script = Script.bound()
    script.client.verify(script.now)
    const channel = script.client.channelTo(PEER, script.now)!
    script.sent()
    script.now = 100 as Instant
    script.client.receiveOn(channel, script.now)

    expect(script.wait(seconds(14)).filter(text => text.startsWith('REFRESH'))).toEqual([
      'REFRESH at 1000',
      'REFRESH at 2500',
      'REFRESH at 4750',
      'REFRESH at 13125',
    ])
    expect(script.events()).toEqual([])
    expect(script.client.isAllocated).toBe(true)
  })

  test('is not given up for a lost CHANNEL-BIND while data still comes; another attempt may be made', () => {
    const script = Script.bound()
    const other = SocketAddress.of('203.0.113.10:51820')
    script.client.bindChannel(other, script.now)
    script.now = 100 as Instant
    script.client.receiveOn(script.client.channelTo(PEER, script.now)!, script.now)
    script.sent()
    script.wait(seconds(9))

    expect(script.client.isAllocated).toBe(true)
    expect(script.client.channelTo(other, script.now)).toBeUndefined()
    script.client.bindChannel(other, script.now)
    expect(script.names()).toEqual(['CHANNEL-BIND'])
  })

  test('that is only being made is not probed', () => {
    const { script } = Script.allocating()
    script.client.refresh(script.now)

    expect(script.sent()).toEqual([])
  })

  test('that is given back while it is being made is given back all the same', () => {
    const { script } = Script.allocating()
    script.client.free(script.now)

    expect(script.names()).toEqual(['FREE'])
    expect(script.client.canBeFreed()).toBe('released')
  })

  test('that does not exist needs nothing to be given back', () => {
    const script = new Script()
    script.sent()
    script.client.free(script.now)

    expect(script.names()).toEqual([])
  })

  test('knows what it is for', () => {
    const { client } = new Script({ server: { v4: V4 } })
    const credentials = { username: '1759190400:salt', password: 'password', realm: 'firezone' }

    expect(client.isFor({ v4: V4 }, credentials)).toBe(true)
    expect(client.isFor({ v4: V4, v6: V6 }, credentials)).toBe(false)
    expect(client.isFor({ v4: V4 }, { ...credentials, password: 'other' })).toBe(false)
  })
})

describe('an allocation whose owner may have moved', () => {
  test('asks all addresses and verifies itself; where nothing has changed it stays, with its channels', () => {
    const script = Script.bound()
    script.client.relocate(script.now)

    script.answerBinding(script.one())
    expect(script.client.channelTo(PEER, script.now)).toBeDefined()
    script.answerRefresh(script.one())

    expect(script.events()).toEqual([])
    expect(script.client.isAllocated).toBe(true)
    expect(script.client.channelTo(PEER, script.now)).toBeDefined()
  })

  test('tells its new addresses, takes back the old ones, and allocates anew where the server does not know it', () => {
    const script = Script.allocated()
    script.client.relocate(script.now)

    script.answerBinding(script.one(), SocketAddress.of('203.0.113.8:40002'))
    expect(script.events()).toEqual(['+srflx4', '-srflx4'])
    script.refuse(script.one(), 437)
    expect(script.events()).toEqual(['-relay4', '-relay6'])
    script.answerAllocate(script.one())

    expect(script.events()).toEqual(['+relay4', '+relay6'])
  })

  test('goes on with the other family where it has lost one, and takes back its addresses', () => {
    const script = new Script()
    const [v4, v6] = script.sent()
    script.answerBinding(v6!)
    script.answerBinding(v4!)
    script.answerAllocate(script.one())
    script.events()

    script.client.relocate(script.now)
    const [again] = script.sent()
    script.answerBinding(again!)
    script.refuse(script.one(), 437)
    script.answerAllocate(script.one())
    expect(script.client.activeServer).toEqual(V4)
    script.wait(seconds(9))

    expect(script.events()).toEqual(['-relay4', '-relay6', '+relay4', '+relay6', '-host6', '-srflx6'])
    expect(script.client.canBeFreed()).toBeUndefined()
  })

  test('can be freed where nobody answers', () => {
    const script = Script.allocated()
    script.client.relocate(script.now)
    script.wait(seconds(9))

    expect(script.events()).toEqual(['-relay4', '-relay6'])
    expect(script.client.canBeFreed()).toBe('no-response')
  })

  test.each(['racing', 'allocating', 'suspended'])('starts over while it is %s', state => {
    const { script, allocate } =
      state === 'racing' ? { script: new Script({ server: { v4: V4 } }), allocate: undefined } : Script.allocating()
    if (state === 'suspended') script.refuse(allocate!, 486)
    script.sent()

    script.client.relocate(script.now)

    expect(script.names()).toEqual(['BINDING'])
    expect(script.wait(seconds(1))).toEqual(['BINDING at 1000'])
  })

  test('that was given back stays given back', () => {
    const script = Script.allocated()
    script.client.free(script.now)
    script.sent()
    script.client.relocate(script.now)

    expect(script.names()).toEqual([])
  })

  test('verifies itself when a keep-alive shows that it is seen elsewhere', () => {
    const script = Script.allocated()
    script.now = 25_000 as Instant
    script.client.handleTimeout(script.now)

    script.answerBinding(script.one(), SocketAddress.of('203.0.113.7:40777'))

    expect(script.events()).toEqual(['+srflx4', '-srflx4'])
    expect(script.names()).toEqual(['REFRESH'])
  })
})

describe('channels', () => {
  test('wanted before there is an allocation are bound in order once there is one, each once', () => {
    const { script, allocate } = Script.allocating()
    for (const peer of [PEER, PEER6, PEER]) script.client.bindChannel(peer, script.now)
    expect(script.sent()).toEqual([])
    script.answerAllocate(allocate)

    expect(script.sent().map(({ message }) => attributeOf(message, 'xor-peer-address')!.key)).toEqual([
      PEER.key,
      PEER6.key,
    ])
  })

  test('wanted before there is an allocation are remembered up to a hundred, the latest ones', () => {
    const { script, allocate } = Script.allocating()
    for (let port = 1; port <= 101; port++)
      script.client.bindChannel(SocketAddress.of(`203.0.113.9:${port}`), script.now)
    script.answerAllocate(allocate)

    const ports = script.sent().map(({ message }) => attributeOf(message, 'xor-peer-address')!.port)
    expect(ports).toEqual(Array.from({ length: 100 }, (_, i) => i + 2))
  })

  test('to a family in which there is no relayed address are not asked for', () => {
    const script = Script.allocated([RELAYED4])
    script.client.bindChannel(PEER6, script.now)

    expect(script.sent()).toEqual([])
  })

  test('are asked for once, while they are being bound and when they are', () => {
    const script = Script.allocated()
    script.client.bindChannel(PEER, script.now)
    script.client.bindChannel(PEER, script.now)
    const bind = script.one()
    script.answer(bind, [])
    script.client.bindChannel(PEER, script.now)

    expect(script.sent()).toEqual([])
  })

  test('carry data to the peer while they are being bound, and from it once they are', () => {
    const script = Script.allocated()
    expect(script.client.channelTo(PEER, script.now)).toBeUndefined()
    script.client.bindChannel(PEER, script.now)
    const bind = script.one()

    expect(script.client.channelTo(PEER, script.now)).toBe(0x4000)
    expect(script.client.receiveOn(0x4000, script.now)).toBeUndefined()
    script.answer(bind, [])
    expect(script.client.receiveOn(0x4000, script.now)).toBe(PEER)
    expect(script.client.peerOf(0x4000)).toBe(PEER)
  })

  test('that are refused are forgotten; the next attempt takes another number', () => {
    const script = Script.allocated()
    script.client.bindChannel(PEER, script.now)
    script.refuse(script.one(), 400)
    expect(script.client.channelTo(PEER, script.now)).toBeUndefined()
    script.client.bindChannel(PEER, script.now)

    expect(attributeOf(script.one().message, 'channel-number')).toBe(0x4001)
  })

  test('that are refused with 437 are bound again on the next allocation', () => {
    const script = Script.allocated()
    script.client.bindChannel(PEER, script.now)
    script.refuse(script.one(), 437)
    expect(script.events()).toEqual(['-relay4', '-relay6'])
    script.answerAllocate(script.one())

    expect(script.names()).toEqual(['CHANNEL-BIND'])
  })

  test('in use are refreshed after five minutes, and not twice at a time', () => {
    const script = Script.bound()
    script.now = 1_000 as Instant
    script.client.receiveOn(0x4000, script.now)
    script.now = 299_999 as Instant
    script.client.handleTimeout(script.now)
    script.answerBinding(script.sent().find(({ name }) => name === 'BINDING')!)
    script.now = 300_000 as Instant
    script.client.handleTimeout(script.now)
    script.client.handleTimeout(script.now)

    expect(script.names().filter(name => name === 'CHANNEL-BIND')).toHaveLength(1)
  })

  test('of which there are none left are warned of', () => {
    const script = Script.allocated()
    for (let port = 1; port <= 4097; port++) {
      script.client.bindChannel(SocketAddress.of(`203.0.113.9:${port}`), script.now)
      if (port % 64 === 0) for (const request of script.sent()) script.answer(request, [])
    }

    expect(script.warnings).toEqual(['all channel numbers are taken'])
  })
})

describe('strangers', () => {
  test('are not recognised: other addresses, other transactions, requests, and what is not STUN', () => {
    const { script, allocate } = Script.allocating()
    const stranger = SocketAddress.of('198.51.100.66:3478')

    expect(script.answerAllocate({ ...allocate, to: stranger })).toBe(false)
    expect(script.answerAllocate({ ...allocate, message: { ...allocate.message, method: 4 } })).toBe(false)
    const transactionId = new Uint8Array(12)
    expect(script.answerAllocate({ ...allocate, message: { ...allocate.message, transactionId } })).toBe(false)
    const payload = allocate.message.bytes
    expect(script.client.handleInput({ local: LOCAL4, remote: V4, payload }, script.now)).toBe(false)
    expect(script.client.isAllocated).toBe(false)
  })

  test('cannot end a BINDING with an error', () => {
    const script = new Script({ server: { v4: V4 } })
    const binding = script.one()
    script.refuse(binding, 500, [], null)
    script.answerBinding(binding)

    expect(script.client.activeServer).toBe(V4)
  })

  test('change nothing, whatever bytes they send from the server’s address', () => {
    const script = Script.bound()
    const deadline = script.client.pollTimeout()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), payload => {
        expect(script.client.handleInput({ local: LOCAL4, remote: V4, payload }, script.now)).toBe(false)
      }),
    )

    expect(script.sent()).toEqual([])
    expect(script.events()).toEqual([])
    expect(script.client.pollTimeout()).toBe(deadline)
  })
})

test('after every wake-up the next one is later', () => {
  const actions = fc.array(fc.record({ wait: fc.nat(400_000), what: fc.nat(5) }), { maxLength: 40 })
  fc.assert(
    fc.property(actions, steps => {
      const script = new Script()
      for (const { wait, what } of steps) {
        script.now = (script.now + wait) as Instant
        script.client.handleTimeout(script.now)
        const next = script.client.pollTimeout()
        if (next !== undefined) expect(next).toBeGreaterThan(script.now)
        for (const request of script.sent()) {
          if (what === 0) script.challenge(request, 438, 'nonce')
          else if (what === 1) script.refuse(request, 437)
          else if (what === 2) script.refuse(request, 500)
          else if (what === 3) continue
          else if (request.name === 'BINDING') script.answerBinding(request)
          else if (request.name === 'ALLOCATE') script.answerAllocate(request)
          else script.answerRefresh(request)
        }
        if (what === 5) script.client.bindChannel(PEER, script.now)
        script.events()
      }
    }),
  )
})
