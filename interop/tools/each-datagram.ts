import type { PacketBuffer, SocketAddress } from '@sallyport/sans-io'

/** Hands over each datagram of a batch, also of entries that are several back to back. The bytes are only borrowed. */
export function eachDatagram(
  batch: PacketBuffer,
  use: (payload: Uint8Array, local: SocketAddress | undefined, remote: SocketAddress) => void,
): void {
  for (let i = 0; i < batch.count; i++) {
    const end = batch.offset[i]! + batch.length[i]!
    const size = batch.segmentSize[i]! || batch.length[i]!
    for (let at = batch.offset[i]!; at < end; at += size) {
      const payload = batch.arena.bytes.subarray(at, Math.min(at + size, end))
      use(payload, batch.local[i], batch.remote[i]!)
    }
  }
}
