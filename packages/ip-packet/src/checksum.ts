import type { Arena } from '@sallyport/sans-io'

/**
 * Adds the 16-bit big-endian words of `length` bytes at `offset` to `sum` (RFC 1071); an odd last byte is padded with
 * zero. The result need not be folded, but is below 2^32 as long as `sum` is below 2^31.
 *
 * A port: what reads a whole payload is worth doing in native code or WebAssembly where there is any.
 */
export type ChecksumKernel = (arena: Arena, offset: number, length: number, sum: number) => number

/** The {@link ChecksumKernel} in plain JavaScript: reads 32 bits at a time, whatever the alignment. */
export const portableChecksum: ChecksumKernel = (arena, offset, length, sum) =>
  sum + sumView(arena.view, offset, length)

/** Adds the 16-bit big-endian words of `length` bytes at `offset` to `sum`. For headers: reads byte by byte. */
export function sumBytes(bytes: Uint8Array, offset: number, length: number, sum: number): number {
  const end = offset + (length & ~1)
  for (let i = offset; i < end; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  return length & 1 ? sum + (bytes[end]! << 8) : sum
}

/** Folds a sum of up to 2^53 to 16 bits by adding its carries (RFC 1071 §4.1). */
export function foldSum(sum: number): number {
  if (sum > 0xffff_ffff) sum = (sum % 0x1_0000_0000) + Math.floor(sum / 0x1_0000_0000)
  sum = (sum & 0xffff) + (sum >>> 16)
  sum = (sum & 0xffff) + (sum >>> 16)
  return (sum & 0xffff) + (sum >>> 16)
}

/** Returns the checksum field for an unfolded sum: its one's complement (RFC 1071). */
export const checksumOf = (sum: number): number => foldSum(sum) ^ 0xffff

/**
 * Returns the sum of a pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1), unfolded.
 *
 * @param addresses - Where the source address begins; the destination follows it directly, as it does in both headers.
 * @param addressLength - 4 or 16.
 * @param transportLength - Bytes of transport header and payload.
 */
export function pseudoHeaderSum(
  bytes: Uint8Array,
  addresses: number,
  addressLength: number,
  protocol: number,
  transportLength: number,
): number {
  // A length above 65535 can't occur in our packets, so the two forms of the pseudo-header have equal sums.
  return sumBytes(bytes, addresses, 2 * addressLength, protocol + transportLength)
}

/** Returns checksum field `checksum` updated for a 16-bit word that changed `from` one value `to` another (RFC 1624 §3). */
export const updateChecksum = (checksum: number, from: number, to: number): number =>
  foldSum((checksum ^ 0xffff) + (from ^ 0xffff) + to) ^ 0xffff

function sumView(view: DataView, offset: number, length: number): number {
  // Upper and lower halves are kept apart: both stay below 2^31 for anything up to 64 KiB, hence plain integers.
  let high = 0
  let low = 0
  let at = offset
  for (const end = offset + (length & ~15); at < end; at += 16) {
    const a = view.getInt32(at)
    const b = view.getInt32(at + 4)
    const c = view.getInt32(at + 8)
    const d = view.getInt32(at + 12)
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)
  }
  for (const end = offset + (length & ~1); at < end; at += 2) low += view.getUint16(at)
  if (length & 1) low += view.getUint8(at) << 8
  return high + low
}
