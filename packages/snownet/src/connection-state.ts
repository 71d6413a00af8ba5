import { add, BoundedQueue, type Instant, type Millis, seconds } from '@sallyport/sans-io'
import type { PeerSocket } from './peer-socket.ts'

/** Why a connection could not be made or kept. */
export type FailureReason =
  /** The peer has not told of a single address within 10 s, or we have found none of ours: no relay answers. */
  | 'no-candidates'
  /** No path works, and none has come back within 2 s. */
  | 'ice-disconnected'
  /** A path works, but the peer does not answer WireGuard handshakes. */
  | 'tunnel-expired'

/**
 * Where a connection is in its life:
 *
 * ```
 * connecting ──nominate──▶ connected ──20 s without packets──▶ idle
 *     │                      │    ▲                             │ │
 *     │                      │    └──────── any packet ─────────┘ │
 *     └──────────fail────────┴──────────────▶ failed ◀────────────┘
 * ```
 */
export type ConnectionState =
  | {
      readonly type: 'connecting'
      /** WireGuard datagrams that wait for a path, such as the answer to an early handshake. The oldest gives way. */
      readonly datagrams: BoundedQueue<Uint8Array>
      /** IP packets that wait for a path. The oldest gives way. */
      readonly packets: BoundedQueue<Uint8Array>
    }
  | {
      readonly type: 'connected'
      readonly socket: PeerSocket
      /** When a packet was last sent or received. */
      lastActivity: Instant
    }
  | { readonly type: 'idle'; readonly socket: PeerSocket }
  | { readonly type: 'failed'; readonly reason: FailureReason }

/** How long we wait for the first address of a peer, and for one of ours. */
export const CANDIDATE_TIMEOUT: Millis = seconds(10)

/** How long a connection without a working path waits for another one. */
export const DISCONNECT_GRACE: Millis = seconds(2)

/**
 * How long a connection carries no packet until its paths are checked less often.
 *
 * A dead path is noticed within 20 s (12 checks, 1.5 s apart, and the grace): not later than this.
 */
const IDLE_AFTER: Millis = seconds(20)

/** How many datagrams, and how many packets, wait at most for a path. */
export const CONNECTING_BUFFER = 128

/** How a connection begins. */
export const connecting = (): ConnectionState => ({
  type: 'connecting',
  datagrams: new BoundedQueue(CONNECTING_BUFFER, 'drop-oldest'),
  packets: new BoundedQueue(CONNECTING_BUFFER, 'drop-oldest'),
})

/** Returns the path of a connection that has one. */
export const socketOf = (state: ConnectionState): PeerSocket | undefined =>
  state.type === 'connected' || state.type === 'idle' ? state.socket : undefined

/** Returns what becomes of a connection for which a path was nominated. Nothing revives a failed one. */
export function nominated(state: ConnectionState, socket: PeerSocket, now: Instant): ConnectionState {
  switch (state.type) {
    case 'connecting':
      return { type: 'connected', socket, lastActivity: now }
    case 'connected':
      return { type: 'connected', socket, lastActivity: state.lastActivity }
    case 'idle':
      return { type: 'idle', socket }
    case 'failed':
      return state
  }
}

/** Returns when a connection becomes idle unless a packet comes by; `undefined` if it has no path or is idle. */
export const idleAt = (state: ConnectionState): Instant | undefined =>
  state.type === 'connected' ? add(state.lastActivity, IDLE_AFTER) : undefined
