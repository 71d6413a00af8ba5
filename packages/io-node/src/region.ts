import { CIPHER_SCRATCH_AFTER, type PacketBuffer } from '@sallyport/sans-io'

/** The longest datagram or train that one read from the kernel may bring, and some. */
const LONGEST_READ: number = 65_535 + 16

/**
 * Returns where the next read into `buffer` goes, or -1 if there is no room for another one of `length` bytes.
 *
 * Reads lie behind one another in all of the buffer's memory rather than one in each slot: what a read may bring is so
 * much longer than what it mostly does bring that slots would spread a batch over megabytes.
 */
export function nextRead(buffer: PacketBuffer, length: number = LONGEST_READ): number {
  const { count, layout } = buffer
  if (count >= layout.capacity) return -1
  const used = count === 0 ? layout.start : buffer.offset[count - 1]! + buffer.length[count - 1]! + CIPHER_SCRATCH_AFTER
  const at = ((used + 15) & ~15) + layout.headroom
  return at + length + CIPHER_SCRATCH_AFTER <= layout.start + layout.capacity * layout.stride ? at : -1
}
