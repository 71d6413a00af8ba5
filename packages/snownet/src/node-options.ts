import type { ChecksumKernel } from '@sallyport/ip-packet'
import type { Crypto, Logger, Random } from '@sallyport/sans-io'
import type { CalendarAnchor } from '@sallyport/wireguard'
import type { ConnectionTiming } from './connection-options.ts'
import type { ConnectionState } from './connection-state.ts'
import type { NodeRole, RelayId } from './ids.ts'
import type { PathKind } from './peer-socket.ts'

/** What a `Node` is made of. */
export interface NodeOptions {
  readonly role: NodeRole
  readonly crypto: Crypto
  readonly random: Random
  /** Ties the monotonic clock to the calendar. */
  readonly calendar: CalendarAnchor
  readonly logger?: Logger
  /** How often connectivity is checked. */
  readonly iceTiming?: ConnectionTiming
  /** Sums payloads of packets whose checksum the kernel has left to us. */
  readonly checksum?: ChecksumKernel
}

/** How a connection fares. */
export interface ConnectionStatus {
  /** Where it is in its life. */
  readonly state: ConnectionState['type']
  /** Which relays are on the path that is used at present; `undefined` while there is none. */
  readonly path: PathKind | undefined
  /** The relay that it uses where it needs one. */
  readonly relay: RelayId
  /** Bytes of connectivity checks that we have sent: directly, and through our relay with their headers. */
  readonly stunBytes: { readonly direct: number; readonly relayed: number }
}

/** What a node has counted since it was made. */
export interface NodeStatistics {
  /** Bytes of STUN that were sent to relays. */
  readonly relayStunBytes: number
  /** Packets that could not be sent: no path, no channel, no room. */
  readonly droppedPackets: number
  /** Datagrams that were of no use: of unknown kind, from unknown peers, not authentic, repeated. */
  readonly droppedDatagrams: number
  /** How many things are held in tables and queues at present; all of them are bounded. */
  readonly held: number
}
