import { seededRandom } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ipv4Packet, ipv6Packet } from '../test/packets.ts'
import { ipPacketLength } from './ip-packet-length.ts'
import { OPEN_NOT_IP } from './open-defect.ts'

const random = seededRandom(1)
const lengthOf = (bytes: Uint8Array, length = bytes.length): number => ipPacketLength(bytes, 0, length)

test('padding behind a packet is not counted', () => {
  expect(lengthOf(padded(ipv4Packet(random, 50)))).toBe(50)
  expect(lengthOf(padded(ipv6Packet(random, 50)))).toBe(50)
})

test('a packet may be nothing but its header', () => {
  expect(lengthOf(ipv4Packet(random, 20))).toBe(20)
  expect(lengthOf(ipv6Packet(random, 40))).toBe(40)
})

test.each([
  ['an IPv4 packet shorter than a header', ipv4Packet(random, 19)],
  ['an IPv6 packet shorter than a header', Uint8Array.of(0x60, ...new Uint8Array(38))],
  ['an IPv4 packet that says it is longer', ipv4Packet(random, 60).subarray(0, 59)],
  ['an IPv6 packet that says it is longer', ipv6Packet(random, 60).subarray(0, 59)],
  ['an IPv4 packet that says it is shorter than a header', Uint8Array.of(0x45, 0, 0, 19, ...new Uint8Array(40))],
  ['another version', Uint8Array.of(0x50, ...new Uint8Array(50))],
  ['nothing', new Uint8Array(0)],
])('%s is none', (_, bytes) => {
  expect(lengthOf(bytes)).toBe(OPEN_NOT_IP)
})

test('no bytes make it longer than they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
      expect(lengthOf(bytes)).toBeLessThanOrEqual(bytes.length)
    }),
  )
})

const padded = (packet: Uint8Array): Uint8Array => Uint8Array.of(...packet, ...new Uint8Array(14))
