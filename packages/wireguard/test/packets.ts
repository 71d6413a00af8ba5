import { type Random, randomBelow, randomBytes, viewOf } from '@sallyport/sans-io'

/** Makes an IPv4 packet of `length` bytes that holds noise. */
export function ipv4Packet(random: Random, length: number): Uint8Array {
  const packet = randomBytes(random, length)
  packet[0] = 0x45
  viewOf(packet).setUint16(2, length)
  return packet
}

/** Makes an IPv6 packet of `length` bytes that holds noise. */
export function ipv6Packet(random: Random, length: number): Uint8Array {
  const packet = randomBytes(random, length)
  packet[0] = 0x60
  viewOf(packet).setUint16(4, length - 40)
  return packet
}

/** Makes an IPv4 packet of some length. */
export const somePacket = (random: Random): Uint8Array => ipv4Packet(random, 20 + randomBelow(random, 100))
