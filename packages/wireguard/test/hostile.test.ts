import { portableCrypto as crypto } from '@sallyport/crypto'
import {
  type Instant,
  IpAddress,
  millis,
  randomBytes,
  seconds,
  seededRandom,
  toHex,
  type WallClock,
} from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  InvalidPeerKeyError,
  InvalidPresharedKeyError,
  type OpenDefect,
  openDefectName,
  RateLimiter,
  receiveHandshake,
  Tunnel,
} from '../src/index.ts'
import { mac1Key, writeMacs } from '../src/macs.ts'
import { type Acquaintance, createInitiation, readInitiation, readTimestamp } from '../src/noise-handshake.ts'
import { ALICE, BOB, MALLORY, openCopy, Pair, sealed } from './pair.ts'

const NOW = 1000 as Instant
const IP = IpAddress.of('192.0.2.1')
const random = seededRandom(3)

/** One datagram of each kind, as it passes between two tunnels. */
const DATAGRAMS = (() => {
  const pair = new Pair({ limit: 1 })
  const datagrams: Uint8Array[] = []
  pair.fate = datagram => {
    datagrams.push(datagram.slice())
    return [millis(0)]
  }
  pair.connect()
  pair.run(seconds(1))
  pair.send(pair.alice)
  for (let i = 0; i < 3; i++) pair.connect() // the second and third are asked for cookies
  return [1, 2, 3, 4].map(type => datagrams.findLast(datagram => datagram[0] === type)!)
})()

describe('bytes of strangers', () => {
  test('there is one of each kind to change', () => {
    expect(DATAGRAMS.map(datagram => datagram[0])).toEqual([1, 2, 3, 4])
  })

  test('never throw, never establish and never get an answer, if they are arbitrary', () => {
    const pair = new Pair()
    pair.alice.tunnel.startHandshake(pair.now)
    pair.settle()
    const before = pair.bob.events.length
    const header = fc.constantFrom([], [1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0], [4, 0, 0, 0])
    const length = fc.oneof(fc.constantFrom(0, 31, 32, 64, 92, 148), fc.nat(300))
    fc.assert(
      fc.property(header, length, fc.nat(), (start, size, seed) => {
        const datagram = randomBytes(seededRandom(seed), size)
        datagram.set(start.slice(0, size))
        expectRefused(pair, datagram)
      }),
      { numRuns: 500 },
    )
    expect(pair.bob.events).toHaveLength(before)
  })

  test('never throw and never get an answer, if they are a good datagram with something changed', () => {
    const pair = new Pair().connect()
    const change = fc.record({ at: fc.nat(200), bits: fc.integer({ min: 1, max: 255 }) })
    const cut = fc.option(fc.nat(160), { nil: undefined })
    fc.assert(
      fc.property(
        fc.constantFrom(...DATAGRAMS),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        cut,
        (good, changes, end) => {
          const datagram = good.slice(0, end)
          // mac2 is left alone: without load nobody looks at it.
          const changeable = datagram.length - (good[0]! < 3 ? 16 : 0)
          for (const { at, bits } of changes) if (changeable > 0) datagram[at % changeable]! ^= bits
          fc.pre(toHex(datagram) !== toHex(good))
          expectRefused(pair, datagram)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('an initiation is refused', () => {
  const door = (): { crypto: typeof crypto; identity: typeof BOB; rateLimiter: RateLimiter } => ({
    crypto,
    identity: BOB,
    rateLimiter: new RateLimiter({ crypto, random, publicKey: BOB.publicKey }, NOW),
  })

  test('that is replayed, to the tunnel that has seen it', () => {
    const pair = new Pair()
    pair.alice.tunnel.startHandshake(pair.now)
    const initiation = pair.alice.tunnel.pollTransmit()!
    pair.inject(pair.bob, initiation)
    pair.inject(pair.bob, initiation)

    expect(pair.bob.defects).toEqual(['old-timestamp'])
    expect(pair.bob.count(2)).toBe(1)
  })

  test('that is from somebody else', () => {
    const pair = new Pair()
    pair.inject(pair.bob, initiationOf(acquaintance({ identity: MALLORY })))

    expect(pair.bob.defects).toEqual(['wrong-peer'])
  })

  test('that claims to be from the peer but can’t prove it', () => {
    const pair = new Pair()
    const identity = { privateKey: MALLORY.privateKey, publicKey: ALICE.publicKey }
    pair.inject(pair.bob, initiationOf(acquaintance({ identity })))

    expect(pair.bob.defects).toEqual(['bad-timestamp'])
  })

  test('whose static key doesn’t decrypt', () => {
    const initiation = initiationOf(acquaintance({ identity: ALICE }))
    initiation[50]! ^= 1
    writeMacs(crypto, initiation, mac1Key(crypto, BOB.publicKey), undefined)

    expect(receiveHandshake(door(), initiation, IP, NOW)).toEqual({ type: 'turned-away', defect: 'bad-initiation' })
  })

  test('whose ephemeral key is of small order', () => {
    const initiation = initiationOf(acquaintance({ identity: ALICE }))
    initiation.fill(0, 8, 40)
    writeMacs(crypto, initiation, mac1Key(crypto, BOB.publicKey), undefined)

    expect(receiveHandshake(door(), initiation, IP, NOW)).toEqual({ type: 'turned-away', defect: 'bad-initiation' })
  })

  test('and stays as it was when it is offered to the wrong tunnel first', () => {
    const pair = new Pair()
    pair.alice.tunnel.startHandshake(pair.now)
    const received = readInitiation(crypto, BOB, pair.alice.tunnel.pollTransmit()!)!
    const others = acquaintance({ identity: BOB, peerPublicKey: MALLORY.publicKey })
    expect(readTimestamp(others, received)).toBeUndefined()

    expect(pair.bob.tunnel.handleReceived({ type: 'initiation', initiation: received }, pair.now)).toBeUndefined()
  })
})

describe('a response is refused', () => {
  test('that nobody asked for', () => {
    const pair = new Pair().connect()
    const responses: Uint8Array[] = []
    pair.fate = datagram => {
      if (datagram[0] === 2) responses.push(datagram)
      return [millis(0)]
    }
    pair.connect()
    pair.inject(pair.alice, responses[0]!)

    expect(pair.alice.defects).toEqual(['unexpected-response'])
  })

  test.each([
    ['an ephemeral key of small order', (response: Uint8Array) => void response.fill(0, 12, 44)],
    ['a changed ciphertext', (response: Uint8Array) => void (response[50]! ^= 1)],
  ])('with %s, and the good one is still welcome', (_, change) => {
    const pair = new Pair()
    const responses: Uint8Array[] = []
    pair.fate = datagram => {
      if (datagram[0] !== 2) return [millis(0)]
      responses.push(datagram)
      return []
    }
    pair.connect()
    const bad = responses[0]!.slice()
    change(bad)
    writeMacs(crypto, bad, mac1Key(crypto, ALICE.publicKey), undefined)

    pair.inject(pair.alice, bad)
    expect(pair.alice.defects).toEqual(['bad-response'])
    pair.inject(pair.alice, responses[0]!)
    expect(pair.alice.events).toEqual([{ type: 'established', role: 'initiator' }])
  })

  test('from a peer with another pre-shared key', () => {
    const pair = new Pair({ alice: { presharedKey: new Uint8Array(32).fill(1) } })
    pair.connect()

    expect(pair.alice.defects).toEqual(['bad-response'])
  })
})

describe('mistakes of the caller', () => {
  const options = {
    crypto,
    random,
    identity: ALICE,
    peerPublicKey: BOB.publicKey,
    localIndex: 1,
    rateLimiter: new RateLimiter({ crypto, random, publicKey: ALICE.publicKey }, NOW),
    calendar: { instant: NOW, wallClock: 0 as WallClock },
  }

  test.each([
    ['a public key of small order', { peerPublicKey: new Uint8Array(32) }, InvalidPeerKeyError],
    ['a public key of 31 bytes', { peerPublicKey: new Uint8Array(31).fill(9) }, InvalidPeerKeyError],
    ['a pre-shared key of 16 bytes', { presharedKey: new Uint8Array(16) }, InvalidPresharedKeyError],
    ['an index of 25 bits', { localIndex: 2 ** 24 }, RangeError],
    ['a broken index', { localIndex: 0.5 }, RangeError],
  ])('%s is answered by a typed error', (_, mistake, error) => {
    expect(() => new Tunnel({ ...options, ...mistake }, NOW)).toThrow(error)
  })

  test('errors have codes', () => {
    expect(new InvalidPeerKeyError().code).toBe('WIREGUARD_INVALID_PEER_KEY')
    expect(new InvalidPresharedKeyError(3).code).toBe('WIREGUARD_INVALID_PRESHARED_KEY')
  })
})

test('whatever the wire loses, delays and doubles, every packet arrives at most once, and the tunnel heals', () => {
  fc.assert(
    fc.property(fc.nat(), seed => {
      const wire = seededRandom(seed)
      const chance = (): number => randomBytes(wire, 1)[0]! / 256
      const pair = new Pair({ seed })
      pair.fate = () => (chance() < 0.2 ? [] : chance() < 0.2 ? [jitter(), jitter()] : [jitter()])
      const jitter = (): ReturnType<typeof millis> => millis(Math.floor(chance() * 400))
      const sent = { alice: new Set<string>(), bob: new Set<string>() }
      for (let i = 0; i < 120 && !pair.alice.tunnel.isExpired && !pair.bob.tunnel.isExpired; i++) {
        sent.alice.add(pair.send(pair.alice))
        if (i % 3 === 0) sent.bob.add(pair.send(pair.bob))
        pair.run(seconds(2))
      }

      expect(pair.bob.packets).toHaveLength(new Set(pair.bob.packets).size)
      expect(pair.alice.packets).toHaveLength(new Set(pair.alice.packets).size)
      expect(pair.bob.packets.every(packet => sent.alice.has(packet))).toBe(true)
      expect(pair.alice.packets.every(packet => sent.bob.has(packet))).toBe(true)
      if (pair.alice.tunnel.isExpired || pair.bob.tunnel.isExpired) return // four losses in a row: for real

      expect(pair.bob.packets.length).toBeGreaterThan(60)
      pair.fate = () => [millis(0)]
      pair.run(seconds(16))
      const packet = pair.send(pair.alice)
      pair.run(seconds(6))
      expect(pair.bob.packets).toContain(packet)
    }),
    { numRuns: 15 },
  )
})

/** Feeds `datagram` to bob in every way there is, and expects nothing to come of it. */
function expectRefused(pair: Pair, datagram: Uint8Array): void {
  const { tunnel } = pair.bob
  expect(tunnel.handleHandshake(datagram, undefined, pair.now)).toBeTypeOf('string')
  const opened = openCopy(tunnel, datagram, pair.now)
  expect(opened).toBeTypeOf('number')
  expect(openDefectName(opened as OpenDefect)).not.toBe('')
  expect(tunnel.pollTransmit()).toBeUndefined()
  expect(tunnel.pollEvent()).toBeUndefined()
}

const acquaintance = (parts: Partial<Acquaintance> & Pick<Acquaintance, 'identity'>): Acquaintance => {
  const peerPublicKey = parts.peerPublicKey ?? BOB.publicKey
  const staticStatic = crypto.x25519.diffieHellman(parts.identity.privateKey, peerPublicKey)!
  return { presharedKey: new Uint8Array(32), staticStatic, peerPublicKey, ...parts }
}

/** An initiation to bob with its MACs. */
function initiationOf(from: Acquaintance): Uint8Array {
  const { message } = createInitiation(crypto, random, from, 0x70000001, new Uint8Array(12).fill(0x40))
  writeMacs(crypto, message, mac1Key(crypto, BOB.publicKey), undefined)
  return message
}

test('a tunnel can be asked whether a packet would leave at once', () => {
  const pair = new Pair()
  expect(pair.alice.tunnel.canSeal(pair.now)).toBe(false)
  expect(sealed(pair.alice.tunnel, new Uint8Array(20), pair.now)).toBeUndefined()

  pair.settle()
  expect(pair.alice.tunnel.canSeal(pair.now)).toBe(true)
})

test('what is kept of an initiation outlives the Buffer that it came in', () => {
  const { Buffer } = globalThis as unknown as { Buffer: { from(bytes: Uint8Array): Uint8Array } }
  const kept = readInitiation(crypto, BOB, DATAGRAMS[0]!)!
  const datagram = Buffer.from(DATAGRAMS[0]!)
  const ofBuffer = readInitiation(crypto, BOB, datagram)!
  datagram.fill(0)

  expect(toHex(ofBuffer.ephemeral)).toBe(toHex(kept.ephemeral))
  expect(toHex(ofBuffer.encryptedTimestamp)).toBe(toHex(kept.encryptedTimestamp))
})
