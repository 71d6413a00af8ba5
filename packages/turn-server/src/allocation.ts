import type { Instant, IpFamily, SocketAddress } from '@sallyport/sans-io'
import type { Timed } from './deadline-heap.ts'

/** What the server keeps for one client (RFC 8656 §3.2). */
export interface Allocation extends Timed {
  readonly type: 'allocation'
  /** Who it belongs to: server address and protocol being the same for all, that is the five-tuple. */
  readonly client: SocketAddress
  /** Our address that the client last used: what it hears of leaves from there. */
  local: SocketAddress
  /** The relayed port, for all families. */
  readonly port: number
  /** The relayed transport addresses: IPv4 first. */
  readonly relayed: readonly SocketAddress[]
  /** Its channels by number, those that cool down included. */
  readonly channels: Map<number, Channel>
  /** The same channels by the key of their peer. */
  readonly channelsByPeer: Map<string, Channel>
}

/** A channel binding (RFC 8656 §12): carries data while bound, and bars its number and peer while cooling down. */
export interface Channel extends Timed {
  readonly type: 'channel'
  readonly allocation: Allocation
  readonly number: number
  readonly peer: SocketAddress
  /** Whether data passes. */
  isBound: boolean
  /** Whether the peer is an address on this very server, so that data needs no way out and in. */
  readonly isLocal: boolean
}

/** Returns the relayed transport address of that family, or `undefined`. */
export function relayedAddress(allocation: Allocation, family: IpFamily): SocketAddress | undefined {
  for (const address of allocation.relayed) if (address.family === family) return address
  return undefined
}

/** Makes an allocation that isn't waited for yet. */
export function newAllocation(
  parts: Pick<Allocation, 'client' | 'local' | 'port' | 'relayed'>,
  expiresAt: Instant,
): Allocation {
  return {
    ...parts,
    type: 'allocation',
    channels: new Map(),
    channelsByPeer: new Map(),
    deadline: expiresAt,
    heapIndex: -1,
  }
}
