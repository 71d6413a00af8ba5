import type { PacketBuffer, SocketAddress } from '@sallyport/sans-io'

/** The most datagrams of one send: what every kernel with UDP_SEGMENT takes (UDP_MAX_SEGMENTS). */
const MAX_RUN_DATAGRAMS = 64

/** The most bytes of one send: an IP packet's limit, less what headers take. */
export const MAX_RUN_BYTES = 65_000

/**
 * Returns the end of the run of entries that begins at `from` and can leave with one send.
 *
 * They go from the same address to the same address with the same ECN bits; all are as long as the first, except that a
 * shorter one ends the run.
 */
export function runEnd(datagrams: PacketBuffer, from: number, to: number): number {
  const { length, headerLength, ecn, remote, local } = datagrams
  const size = length[from]! + headerLength[from]!
  const limit = Math.min(to, from + MAX_RUN_DATAGRAMS)
  let total = size
  let end = from + 1
  for (; end < limit; end++) {
    const next = length[end]! + headerLength[end]!
    total += next
    if (next > size || next === 0 || total > MAX_RUN_BYTES || ecn[end] !== ecn[from]) break
    if (!sameAddress(remote[end], remote[from]) || !sameAddress(local[end], local[from])) break
    if (next < size) return end + 1
  }
  return end
}

const sameAddress = (a: SocketAddress | undefined, b: SocketAddress | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.equals(b))
