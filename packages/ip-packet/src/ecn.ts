import { updateChecksum } from './checksum.ts'

// The two ECN bits (RFC 3168 §5, RFC 8311).

/** The transport knows nothing of ECN. */
export const NOT_ECT = 0
/** ECN-capable transport, second form. */
export const ECT_1 = 1
/** ECN-capable transport, first form. */
export const ECT_0 = 2
/** A router met congestion and would have dropped the packet otherwise. */
export const CONGESTION_EXPERIENCED = 3

/** Returns the ECN bits of the IP packet at `offset`, which has been parsed. */
export const ecnOf = (bytes: Uint8Array, offset: number): number =>
  bytes[offset]! >> 4 === 4 ? bytes[offset + 1]! & 3 : (bytes[offset + 1]! >> 4) & 3

/**
 * Marks the IP packet at `offset`, which has been parsed, when its outer packet met congestion (RFC 6040 §4.2).
 *
 * Only ECT(0) or ECT(1) inside with CE outside becomes CE. A mark is never taken back, the two ECT are never swapped, and
 * a packet that is not ECN-capable is passed on unmarked rather than dropped: our outer packets are only marked ECT when
 * the inner ones are.
 */
export function mergeEcn(bytes: Uint8Array, offset: number, outer: number): void {
  if (outer !== CONGESTION_EXPERIENCED) return
  const inner = ecnOf(bytes, offset)
  if (inner === NOT_ECT || inner === CONGESTION_EXPERIENCED) return
  if (bytes[offset]! >> 4 === 6) {
    bytes[offset + 1] = bytes[offset + 1]! | 0x30
    return
  }
  const word = (bytes[offset]! << 8) | bytes[offset + 1]!
  const checksum = updateChecksum((bytes[offset + 10]! << 8) | bytes[offset + 11]!, word, word | 3)
  bytes[offset + 1] = bytes[offset + 1]! | 3
  bytes[offset + 10] = checksum >> 8
  bytes[offset + 11] = checksum & 0xff
}
