import { type Random, randomBytes, toHex } from '@sallyport/sans-io'

/** Returns a random UUID (RFC 9562 §5.4) in lower case. */
export function randomUuid(random: Random): string {
  const bytes = randomBytes(random, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = toHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
