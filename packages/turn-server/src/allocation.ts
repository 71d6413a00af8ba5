import type { Instant, IpAddress, IpFamily, SocketAddress } from '@sallyport/sans-io'
import type { Timed } from './deadline-heap.ts'
import { KnownPeers } from './known-peers.ts'

/** What the server keeps for one client (RFC 8656 §3.2). */
export interface Allocation extends Timed {
  readonly type: 'allocation'
  /** Who it belongs to: server address and protocol being the same for all, that is the five-tuple. */
  readonly client: SocketAddress
  /** Whose credentials it was made with. */
  readonly user: User
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
  /** Its permissions by the text of their address. */
  readonly permissions: Map<string, Permission>
  /** Whether the client has shown that it speaks of permissions and thus expects Data indications. */
  takesIndications: boolean
  /** Whom it has sent to by Send indications lately. */
  readonly knownPeers: KnownPeers
}

/** A channel binding (RFC 8656 §12): carries data while bound, and bars its number and peer while cooling down. */
export interface Channel extends Timed {
  readonly type: 'channel'
  readonly allocation: Allocation
  readonly number: number
  readonly peer: SocketAddress
  /** Whether data passes. */
  isBound: boolean
  /** Where data for the peer goes. */
  readonly way: Way
}

/** The right of an address to be sent to, and to send, from whatever port (RFC 8656 §9). */
export interface Permission extends Timed {
  readonly type: 'permission'
  readonly allocation: Allocation
  readonly ip: IpAddress
  /** Where data for the peer goes. */
  readonly way: Way
}

/**
 * Where data for a peer goes.
 *
 * - `out`: to the network.
 * - `within`: to another client, because the peer is a relayed port of this very server, and nowhere else.
 * - `within-or-out`: there first, and else to the network: somebody else may use that address, too.
 */
export type Way = 'out' | 'within' | 'within-or-out'

/** Whoever makes use of the server, and of how much. */
export interface User {
  readonly name: string
  allocations: number
  /** Those of all their allocations, cooling ones included. */
  channels: number
  permissions: number
}

/** Returns the relayed transport address of that family, or `undefined`. */
export function relayedAddress(allocation: Allocation, family: IpFamily): SocketAddress | undefined {
  for (const address of allocation.relayed) if (address.family === family) return address
  return undefined
}

/** Makes an allocation that isn't waited for yet. */
export function newAllocation(
  parts: Pick<Allocation, 'client' | 'user' | 'local' | 'port' | 'relayed'>,
  expiresAt: Instant,
): Allocation {
  return {
    ...parts,
    type: 'allocation',
    channels: new Map(),
    channelsByPeer: new Map(),
    permissions: new Map(),
    takesIndications: false,
    knownPeers: new KnownPeers(),
    deadline: expiresAt,
    heapIndex: -1,
  }
}
