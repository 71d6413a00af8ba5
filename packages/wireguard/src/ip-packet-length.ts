import { OPEN_NOT_IP } from './open-defect.ts'

/**
 * Returns how long the IP packet in `length` bytes at `offset` is, without padding, or `OPEN_NOT_IP` if it is none.
 *
 * Looks at the version and the length field only: enough to know what the sender's padding is (paper §5.4.6).
 */
export function ipPacketLength(bytes: Uint8Array, offset: number, length: number): number {
  const version = bytes[offset]! >>> 4
  if (version === 4 && length >= 20) {
    const total = (bytes[offset + 2]! << 8) | bytes[offset + 3]!
    return total >= 20 && total <= length ? total : OPEN_NOT_IP
  }
  if (version === 6 && length >= 40) {
    const total = 40 + ((bytes[offset + 4]! << 8) | bytes[offset + 5]!)
    return total <= length ? total : OPEN_NOT_IP
  }
  return OPEN_NOT_IP
}
