import { type Arena, CIPHER_SCRATCH_AFTER, CIPHER_SCRATCH_BEFORE, PacketBuffer } from '@sallyport/sans-io'
import { createArena } from '../kernel/kernel.ts'

/** The four batches of a packet path, in one arena: so a packet crosses it without being copied. */
export interface PacketMemory {
  readonly arena: Arena
  /** What was read from the TUN device. */
  readonly trains: PacketBuffer
  /** What is to be sent. */
  readonly outgoing: PacketBuffer
  /** What was received. */
  readonly incoming: PacketBuffer
  /** What is to be written to the TUN device. */
  readonly packets: PacketBuffer
}

/** Makes the batches of a packet path for packets of up to `mtu` bytes. */
export function createPacketMemory(mtu: number): PacketMemory {
  const stride = Math.ceil((HEADROOM + mtu + TUNNEL_OVERHEAD + CIPHER_SCRATCH_AFTER) / 256) * 256
  const layouts = [
    { capacity: BATCH_ENTRIES, stride: READ_SPACE / BATCH_ENTRIES },
    { capacity: BATCH_PACKETS + MAX_PACKETS_OF_TRAIN, stride },
    { capacity: BATCH_ENTRIES, stride: READ_SPACE / BATCH_ENTRIES },
    { capacity: BATCH_PACKETS + MAX_DATAGRAMS_OF_READ, stride },
  ] as const
  const arena = createArena(layouts.reduce((sum, { capacity, stride }) => sum + capacity * stride, 0))
  let start = 0
  const next = ({ capacity, stride }: { capacity: number; stride: number }): PacketBuffer => {
    const buffer = new PacketBuffer(arena, { start, capacity, stride, headroom: HEADROOM })
    start += capacity * stride
    return buffer
  }
  return {
    arena,
    trains: next(layouts[0]),
    outgoing: next(layouts[1]),
    incoming: next(layouts[2]),
    packets: next(layouts[3]),
  }
}

/** How many packets make a batch: what leaves with one send. A batch is closed with the read that reaches it. */
export const BATCH_PACKETS = 64

/** The most packets that one train is expected to stand for: 64 KiB in segments of 128 bytes. */
const MAX_PACKETS_OF_TRAIN = 512

/** The most datagrams that the kernel joins to one (UDP_GRO_CNT_MAX). */
const MAX_DATAGRAMS_OF_READ = 64

/** The most reads in one batch, and the memory that they share: two of the longest and some more. */
const BATCH_ENTRIES = 64
const READ_SPACE = 256 * 1024

/** Room for a channel's and WireGuard's headers, a virtio header, or a cipher's scratch space. */
const HEADROOM = 2 * CIPHER_SCRATCH_BEFORE

/** What WireGuard and a channel put around a packet, in bytes. */
export const TUNNEL_OVERHEAD = 36
