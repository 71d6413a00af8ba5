import { Arena, seededRandom, toHex } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  OPEN_BAD_TAG,
  OPEN_NOT_DATA,
  OPEN_NOT_IP,
  OPEN_REPLAYED,
  OPEN_UNKNOWN_SESSION,
  type OpenDefect,
  openDefectName,
} from '../src/index.ts'
import { ipv4Packet, ipv6Packet } from './packets.ts'
import { openCopy, Pair, sealed } from './pair.ts'

const random = seededRandom(7)

describe('what is sealed opens to itself', () => {
  test('at every length, in place', () => {
    const { alice, bob, now } = new Pair().connect()
    const arena = Arena.ofLength(64 + 1500 + 64)
    for (let length = 20; length <= 1500; length++) {
      const packet = length % 2 === 0 || length < 40 ? ipv4Packet(random, length) : ipv6Packet(random, length)
      arena.bytes.set(packet, 64)

      expect(alice.tunnel.seal(arena, 64, length, 64, now)).toBe(length + 32)
      expect(bob.tunnel.open(arena, 48, length + 32, 64, now)).toBe(length)
      expect(arena.bytes.subarray(64, 64 + length)).toEqual(packet)
    }
  })

  test('from one place to another', () => {
    const { alice, bob, now } = new Pair().connect()
    const arena = Arena.ofLength(8192)
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 1500 }), fc.nat(100), fc.nat(100), (length, a, b) => {
        const [from, into, back] = [64 + a, 2048 + a + b, 5000 + b]
        const packet = ipv4Packet(random, length)
        arena.bytes.set(packet, from)

        const sealedLength = alice.tunnel.seal(arena, from, length, into, now)
        expect(bob.tunnel.open(arena, into - 16, sealedLength, back, now)).toBe(length)
        expect(arena.bytes.subarray(back, back + length)).toEqual(packet)
      }),
    )
  })

  test('both ways, and empty', () => {
    const pair = new Pair().connect()
    const [toBob, toAlice] = [pair.send(pair.alice), pair.send(pair.bob)]
    pair.settle()

    expect([pair.bob.packets, pair.alice.packets]).toEqual([[toBob], [toAlice]])
    expect(openCopy(pair.bob.tunnel, sealed(pair.alice.tunnel, new Uint8Array(0), pair.now)!, pair.now)).toHaveLength(0)
  })

  test('with padding, which is cut', () => {
    const { alice, bob, now } = new Pair().connect()
    const packet = ipv4Packet(random, 50)
    const padded = new Uint8Array(64)
    padded.set(packet)

    expect(openCopy(bob.tunnel, sealed(alice.tunnel, padded, now)!, now)).toEqual(packet)
  })
})

describe('a data message is refused', () => {
  test.each([
    ['no data message', () => new Uint8Array(148), OPEN_NOT_DATA],
    ['too short', (datagram: Uint8Array) => datagram.subarray(0, 31), OPEN_NOT_DATA],
    ['to an index of another tunnel', (datagram: Uint8Array) => flip(datagram, 7), OPEN_UNKNOWN_SESSION],
    ['to an index without a session', (datagram: Uint8Array) => flip(datagram, 4), OPEN_UNKNOWN_SESSION],
    ['with a counter beyond 2^53 − 1', (datagram: Uint8Array) => flip(datagram, 15), OPEN_REPLAYED],
    ['with a counter just beyond 2^53 − 1', (datagram: Uint8Array) => flip(datagram, 14, 0x20), OPEN_REPLAYED],
    ['with another counter', (datagram: Uint8Array) => flip(datagram, 8, 0x40), OPEN_BAD_TAG],
    ['with a changed packet', (datagram: Uint8Array) => flip(datagram, 20), OPEN_BAD_TAG],
    ['with a changed tag', (datagram: Uint8Array) => flip(datagram, datagram.length - 1), OPEN_BAD_TAG],
    ['cut short', (datagram: Uint8Array) => datagram.subarray(0, datagram.length - 1), OPEN_BAD_TAG],
  ])('that is %s; the good one still opens', (_, change, defect) => {
    const { alice, bob, now } = new Pair().connect()
    const datagram = sealed(alice.tunnel, ipv4Packet(random, 60), now)!

    expect(openCopy(bob.tunnel, change(datagram.slice()), now)).toBe(defect)
    expect(openCopy(bob.tunnel, datagram, now)).toHaveLength(60)
  })

  test('that was received before', () => {
    const { alice, bob, now } = new Pair().connect()
    const datagram = sealed(alice.tunnel, ipv4Packet(random, 60), now)!
    openCopy(bob.tunnel, datagram, now)

    expect(openCopy(bob.tunnel, datagram, now)).toBe(OPEN_REPLAYED)
  })

  test('that holds no IP packet, although it is authentic', () => {
    const { alice, bob, now } = new Pair().connect()

    expect(openCopy(bob.tunnel, sealed(alice.tunnel, Uint8Array.of(1, 2, 3), now)!, now)).toBe(OPEN_NOT_IP)
  })

  test('for a reason that has a name', () => {
    const names = [-1, -2, -3, -4, -5, -6].map(defect => openDefectName(defect as OpenDefect))

    expect(names).toEqual(['not-data', 'unknown-session', 'expired-session', 'replayed', 'bad-tag', 'not-ip'])
  })
})

test('late messages of the last session still open after a new handshake', () => {
  const pair = new Pair().connect()
  const packet = ipv4Packet(random, 60)
  const late = sealed(pair.alice.tunnel, packet, pair.now)!
  for (let i = 0; i < 7; i++) pair.connect()

  expect(toHex(openCopy(pair.bob.tunnel, late, pair.now) as Uint8Array)).toBe(toHex(packet))
  pair.connect()
  expect(openCopy(pair.bob.tunnel, sealed(pair.alice.tunnel, packet, pair.now)!, pair.now)).toEqual(packet)
  expect(openCopy(pair.bob.tunnel, late, pair.now)).toBe(OPEN_UNKNOWN_SESSION)
})

const flip = (datagram: Uint8Array, at: number, bits = 1): Uint8Array => {
  datagram[at]! ^= bits
  return datagram
}
