import { millis, minutes, seconds, toHex } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { delayed, LOST, Pair } from './pair.ts'

const INITIATION = 1
const RESPONSE = 2
const DATA = 4

describe('the first handshake', () => {
  test('takes an initiation, a response and a keepalive that confirms it', () => {
    const pair = new Pair().connect()

    expect(pair.alice.sent.map(({ type, length }) => [type, length])).toEqual([
      [INITIATION, 148],
      [DATA, 32],
    ])
    expect(pair.bob.sent.map(({ type, length }) => [type, length])).toEqual([[RESPONSE, 92]])
    expect(pair.alice.events).toEqual([{ type: 'established', role: 'initiator' }])
    expect(pair.bob.events).toEqual([{ type: 'established', role: 'responder' }])
    expect(pair.bob.keepalives).toBe(1)
  })

  test('is begun by the first packet, which waits for it, in order', () => {
    const pair = new Pair()
    const packets = [1, 2, 3].map(() => pair.send(pair.alice))
    pair.settle()

    expect(pair.bob.packets).toEqual(packets)
    expect(pair.alice.count(INITIATION)).toBe(1)
  })

  test('lets 256 packets wait; further ones are dropped', () => {
    const pair = new Pair()
    const packets = Array.from({ length: 300 }, () => pair.send(pair.alice))
    pair.settle()

    expect(pair.bob.packets).toEqual(packets.slice(0, 256))
  })

  test('may be begun by both at once; packets pass both ways', () => {
    const pair = new Pair()
    const toBob = pair.send(pair.alice)
    const toAlice = pair.send(pair.bob)
    pair.settle()

    expect(pair.bob.packets).toEqual([toBob])
    expect(pair.alice.packets).toEqual([toAlice])
    pair.run(seconds(30))
    expect(pair.alice.count(INITIATION) + pair.bob.count(INITIATION)).toBe(2)
    expect([...pair.alice.defects, ...pair.bob.defects]).toEqual([])
  })

  test('that crosses the peer’s own is still finished although it is not repeated', () => {
    const pair = new Pair()
    pair.fate = delayed(millis(50))
    pair.alice.tunnel.startHandshake(pair.now)
    pair.bob.tunnel.startHandshake(pair.now)
    pair.run(seconds(9))

    expect(pair.alice.events).toHaveLength(2)
    expect(pair.bob.events).toHaveLength(2)
    expect(pair.alice.count(INITIATION)).toBe(1)
    expect(pair.bob.count(INITIATION)).toBe(1)
  })

  test('needs no second initiation from a responder whose peer confirms at once', () => {
    const pair = new Pair()
    pair.connect()
    const packet = pair.send(pair.bob)
    pair.settle()

    expect(pair.alice.packets).toEqual([packet])
    expect(pair.bob.count(INITIATION)).toBe(0)
  })

  test('is begun by a responder too while its session is unconfirmed', () => {
    const pair = new Pair()
    pair.fate = datagram => (datagram[0] === DATA ? [] : [millis(0)])
    pair.connect()
    pair.send(pair.bob)
    pair.settle()

    expect(pair.bob.count(INITIATION)).toBe(1)
  })

  test('is only begun once while one is in flight', () => {
    const pair = new Pair()

    expect(pair.alice.tunnel.startHandshake(pair.now)).toBe(true)
    expect(pair.alice.tunnel.isHandshakeInFlight).toBe(true)
    expect(pair.alice.tunnel.startHandshake(pair.now)).toBe(false)
  })
})

describe('an initiation without an answer', () => {
  test('is repeated after 5 s and at most 333 ms, and given up after 15 s', () => {
    const pair = new Pair()
    pair.fate = LOST
    const start = pair.now
    pair.connect().run(minutes(1))

    const times = pair.alice.times(INITIATION)
    expect(times).toHaveLength(3)
    for (let i = 1; i < times.length; i++) {
      expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(5000)
      expect(times[i]! - times[i - 1]!).toBeLessThanOrEqual(5333)
    }
    expect(start).toBe(times[0])
    expect(pair.alice.events).toEqual([{ type: 'expired' }])
    expect(pair.alice.tunnel.isExpired).toBe(true)
  })

  test('expires exactly at the end of the attempt', () => {
    const pair = new Pair({ alice: { rekeyAttemptTime: seconds(90) } })
    pair.fate = LOST
    pair.connect().run(millis(89_999))
    expect(pair.alice.tunnel.isExpired).toBe(false)

    pair.run(millis(1))
    expect(pair.alice.tunnel.isExpired).toBe(true)
    expect(pair.alice.count(INITIATION)).toBeGreaterThan(15)
  })

  test('finishes with the response to the repetition before', () => {
    const pair = new Pair()
    pair.fate = delayed(seconds(3))
    pair.connect().run(seconds(14))

    expect(pair.alice.events).toContainEqual({ type: 'established', role: 'initiator' })
    expect(pair.alice.tunnel.isHandshakeInFlight).toBe(false)
    const packet = pair.send(pair.alice)
    pair.run(seconds(4))
    expect(pair.bob.packets).toEqual([packet])
  })

  test('leaves a tunnel that stays dead and quiet', () => {
    const pair = new Pair()
    pair.fate = LOST
    pair.connect().run(minutes(1))
    pair.fate = delayed(millis(0))
    pair.alice.sent.length = 0

    expect(pair.alice.tunnel.startHandshake(pair.now)).toBe(false)
    expect(pair.alice.tunnel.queuePacket(new Uint8Array(20))).toBe(false)
    expect(pair.alice.tunnel.pollTimeout()).toBeUndefined()
    pair.alice.tunnel.handleTimeout(pair.now)
    pair.bob.tunnel.startHandshake(pair.now)
    pair.run(seconds(1))
    expect(pair.alice.defects).toEqual(['expired'])
    expect(pair.alice.sent).toEqual([])
  })
})

describe('renewing a session', () => {
  test('happens after 120 s if the initiator has sent, within 333 ms', () => {
    const pair = new Pair().connect()
    const start = pair.now
    pair.send(pair.alice)
    pair.run(seconds(130))

    const [, renewal] = pair.alice.times(INITIATION)
    expect(renewal! - start).toBeGreaterThanOrEqual(120_000)
    expect(renewal! - start).toBeLessThanOrEqual(120_333)
  })

  test('doesn’t happen after 120 s if the initiator hasn’t', () => {
    const pair = new Pair().connect()
    pair.run(seconds(130))

    expect(pair.alice.count(INITIATION)).toBe(1)
  })

  test('happens with the first packet if that comes later', () => {
    const pair = new Pair().connect()
    const start = pair.now
    pair.run(seconds(150))
    pair.send(pair.alice)
    pair.run(seconds(1))

    const [, renewal] = pair.alice.times(INITIATION)
    expect(renewal! - start).toBeGreaterThanOrEqual(150_000)
    expect(renewal! - start).toBeLessThanOrEqual(150_333)
  })

  test('is the business of the initiator only, under traffic both ways', () => {
    const pair = new Pair().connect()
    for (let second = 0; second < 300; second += 5) {
      pair.send(pair.alice)
      pair.send(pair.bob)
      pair.run(seconds(5))
    }

    expect(pair.alice.count(INITIATION)).toBe(3)
    expect(pair.bob.count(INITIATION)).toBe(0)
    expect(pair.alice.packets).toHaveLength(60)
    expect(pair.bob.packets).toHaveLength(60)
  })

  test('happens after 165 s if the initiator has only received', () => {
    const pair = new Pair().connect()
    const start = pair.now
    pair.run(seconds(100))
    pair.send(pair.bob)
    pair.run(seconds(70))

    const [, renewal] = pair.alice.times(INITIATION)
    expect(renewal! - start).toBeGreaterThanOrEqual(165_000)
    expect(renewal! - start).toBeLessThanOrEqual(165_333)
  })

  test('happens every three minutes at an idle initiator, never at an idle responder', () => {
    const pair = new Pair().connect()
    pair.run(minutes(10))

    expect(pair.alice.count(INITIATION)).toBe(4)
    expect(pair.bob.count(INITIATION)).toBe(0)
    expect([pair.alice.tunnel.isExpired, pair.bob.tunnel.isExpired]).toEqual([false, false])
  })

  test('moves a responder to the later session with the first packet on it', () => {
    const pair = new Pair().connect()
    pair.fate = datagram => (datagram[0] === DATA && datagram.length === 32 ? [] : [millis(0)])
    pair.alice.tunnel.startHandshake(pair.now)
    pair.settle()
    const onTheOld = pair.send(pair.bob)
    const onTheNew = pair.send(pair.alice)
    pair.settle()
    const answer = pair.send(pair.bob)
    pair.settle()

    expect(pair.alice.packets).toEqual([onTheOld, answer])
    expect(pair.bob.packets).toEqual([onTheNew])
  })
})

describe('an old session', () => {
  test('past 170 s makes an initiator shake hands first, while a responder still sends', () => {
    const pair = new Pair().connect()
    pair.run(millis(170_001))
    const before = pair.alice.count(INITIATION)
    expect(pair.alice.tunnel.canSeal(pair.now)).toBe(false)
    expect(pair.bob.tunnel.canSeal(pair.now)).toBe(true)
    const fromBob = pair.send(pair.bob)
    const fromAlice = pair.send(pair.alice)
    pair.settle()

    expect(pair.alice.count(INITIATION)).toBe(before + 1)
    expect(pair.bob.count(INITIATION)).toBe(0)
    expect(pair.alice.packets).toEqual([fromBob])
    expect(pair.bob.packets).toEqual([fromAlice])
  })

  test('is gone after 180 s, for sending and receiving', () => {
    const pair = new Pair().connect()
    const late: Uint8Array[] = []
    pair.fate = datagram => {
      if (datagram[0] === DATA) late.push(datagram)
      return []
    }
    pair.send(pair.alice)
    pair.run(seconds(5))
    // Neither timer is asked: the packet path minds the age on its own.
    pair.now = (pair.now + 175_000) as typeof pair.now

    pair.inject(pair.bob, late[0]!)
    expect(pair.bob.defects).toEqual(['expired-session'])
    expect(pair.bob.tunnel.canSeal(pair.now)).toBe(false)
    pair.bob.tunnel.handleTimeout(pair.now)
    pair.inject(pair.bob, late[0]!)
    expect(pair.bob.defects).toEqual(['expired-session', 'unknown-session'])
  })

  test('leaves a responder whose peer is gone waiting for nine minutes, then the tunnel expires', () => {
    const pair = new Pair().connect()
    pair.fate = LOST
    const start = pair.now
    pair.run(minutes(9.1))

    expect(pair.bob.events.at(-1)).toEqual({ type: 'expired' })
    expect(pair.bob.count(INITIATION)).toBe(0)
    expect(pair.alice.times(INITIATION).at(-1)! - start).toBeLessThan(200_000)
    expect(pair.alice.events.at(-1)).toEqual({ type: 'expired' })
  })
})

describe('keepalives', () => {
  test('come 10 s after the last packet received if nothing was sent, once', () => {
    const pair = new Pair().connect()
    const start = pair.now
    pair.send(pair.alice)
    pair.run(seconds(60))

    expect(pair.bob.times(DATA)).toEqual([start + 10_000])
    expect(pair.alice.keepalives).toBe(1)
  })

  test('are postponed by each further packet', () => {
    const pair = new Pair().connect()
    const start = pair.now
    pair.send(pair.alice)
    pair.run(seconds(4))
    pair.send(pair.alice)
    pair.run(seconds(20))

    expect(pair.bob.times(DATA)).toEqual([start + 14_000])
  })

  test('are spared by a packet that goes back', () => {
    const pair = new Pair().connect()
    pair.send(pair.alice)
    pair.run(seconds(5))
    const back = pair.send(pair.bob)
    pair.run(seconds(9))

    expect(pair.alice.packets).toEqual([back])
    expect(pair.alice.keepalives).toBe(0)
  })

  test('never answer keepalives', () => {
    const pair = new Pair().connect()
    const sent = pair.alice.sent.length + pair.bob.sent.length
    pair.run(seconds(170))

    expect(pair.alice.sent.length + pair.bob.sent.length).toBe(sent)
  })

  test('are not sent without a session', () => {
    const pair = new Pair().connect()
    pair.run(seconds(165))
    pair.send(pair.alice)
    pair.run(seconds(4))
    pair.fate = LOST
    pair.run(seconds(30))

    expect(pair.bob.times(DATA).filter(at => at > 181_000)).toEqual([])
  })
})

describe('a silent peer', () => {
  test.each(['alice', 'bob'] as const)('makes %s shake hands 15 s after the first packet without an answer', who => {
    const pair = new Pair().connect()
    pair.run(seconds(20))
    pair.fate = LOST
    const start = pair.now
    pair[who].sent.length = 0
    pair.send(pair[who])
    pair.run(seconds(10))
    pair.send(pair[who])
    pair.run(seconds(6))

    const [first] = pair[who].times(INITIATION)
    expect(first! - start).toBeGreaterThanOrEqual(15_000)
    expect(first! - start).toBeLessThanOrEqual(15_333)
  })

  test('that only receives a steady stream makes the sender shake hands every 15 s', () => {
    const pair = new Pair().connect()
    pair.runSending(pair.alice, seconds(1), seconds(100))

    expect(pair.alice.count(INITIATION)).toBeGreaterThanOrEqual(6)
    expect(pair.alice.count(INITIATION)).toBeLessThanOrEqual(8)
    expect(pair.bob.packets).toHaveLength(100)
  })

  test('that restarts is found again by the next handshake', () => {
    const pair = new Pair().connect()
    pair.run(seconds(30))
    pair.restartBob()
    pair.send(pair.alice)
    pair.settle()
    expect(pair.bob.defects).toEqual(['unknown-session'])

    pair.run(seconds(16))
    const packet = pair.send(pair.alice)
    pair.settle()
    expect(pair.bob.packets).toEqual([packet])
  })

  test('that restarts and sends is heard at once', () => {
    const pair = new Pair().connect()
    pair.run(seconds(30))
    pair.restartBob()
    const packet = pair.send(pair.bob)
    pair.settle()

    expect(pair.alice.packets).toEqual([packet])
  })
})

test('the low byte of the index counts handshakes from 1, wraps, and leaves the upper 24 bits alone', () => {
  const pair = new Pair()
  const indices: string[] = []
  pair.fate = datagram => {
    if (datagram[0] === INITIATION) indices.push(toHex(datagram.subarray(4, 8)))
    return [millis(0)]
  }
  for (let i = 0; i < 257; i++) pair.connect().run(seconds(1))

  expect(indices.slice(0, 2)).toEqual(['01563412', '02563412'])
  expect(indices.slice(254)).toEqual(['ff563412', '00563412', '01563412'])
}, 60_000)

test('time that stands still brings nothing about', () => {
  const pair = new Pair().connect()
  pair.send(pair.alice)
  pair.settle()
  const sent = pair.alice.sent.length + pair.bob.sent.length
  for (let i = 0; i < 10; i++) {
    pair.alice.tunnel.handleTimeout(pair.now)
    pair.bob.tunnel.handleTimeout(pair.now)
    pair.settle()
  }

  expect(pair.alice.sent.length + pair.bob.sent.length).toBe(sent)
})

test('being asked late and often makes one handshake of what was missed', () => {
  const pair = new Pair().connect()
  pair.now = (pair.now + 200_000) as typeof pair.now
  for (let i = 0; i < 3; i++) {
    pair.alice.tunnel.handleTimeout(pair.now)
    pair.bob.tunnel.handleTimeout(pair.now)
    pair.settle()
  }
  pair.run(seconds(1))

  expect(pair.alice.count(INITIATION)).toBe(2)
  expect(pair.bob.count(INITIATION)).toBe(0)
})
