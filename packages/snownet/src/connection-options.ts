import { DEFAULT_TIMING, type IceTiming, IDLE_TIMING } from '@sallyport/ice'
import { type Crypto, equalBytes, type Logger, type Random, type Transmit } from '@sallyport/sans-io'
import type { TunnelOptions } from '@sallyport/wireguard'
import type { Connection } from './connection.ts'
import type { ConnectionId } from './ids.ts'
import type { NodeEvent } from './node-event.ts'
import type { Relay, RelayPool } from './relay-pool.ts'
import type { SealingBench } from './sealing-bench.ts'
import type { TransactionIndex } from './transaction-index.ts'

/** Whom we want to talk to, and how we recognise each other. The portal tells both sides. */
export interface ConnectionOptions {
  /** The peer's WireGuard key, 32 bytes. */
  readonly peerPublicKey: Uint8Array
  /** WireGuard's pre-shared key, 32 bytes. */
  readonly presharedKey: Uint8Array
  readonly localCredentials: { readonly ufrag: string; readonly password: string }
  readonly remoteCredentials: { readonly ufrag: string; readonly password: string }
}

/** How often connectivity is checked: while a connection is used, and while nobody uses it. */
export interface ConnectionTiming {
  readonly active: IceTiming
  readonly idle: IceTiming
}

/** The timing of the original: a dead path is noticed in 15 s, that of an idle connection in 100 s. */
export const CONNECTION_TIMING: ConnectionTiming = { active: DEFAULT_TIMING, idle: IDLE_TIMING }

/** What the connections of one node share. */
export interface ConnectionContext {
  /** Whether this side controls ICE and starts handshakes. */
  readonly isClient: boolean
  readonly crypto: Crypto
  readonly random: Random
  readonly logger: Logger
  readonly timing: ConnectionTiming
  readonly relays: RelayPool
  readonly transactions: TransactionIndex<Connection>
  readonly bench: SealingBench
  /** Queues a datagram. */
  send(transmit: Transmit): void
  /** Queues an event. */
  emit(event: NodeEvent): void
}

/** Which relay a connection uses, its number for the packet path, and what its tunnel is made of. */
export interface ConnectionSetup {
  readonly id: ConnectionId
  readonly handle: number
  readonly relay: Relay
  readonly tunnel: TunnelOptions
}

/** Returns whether two connections are between the same two processes. */
export const areSame = (a: ConnectionOptions, b: ConnectionOptions): boolean =>
  a.localCredentials.ufrag === b.localCredentials.ufrag &&
  a.localCredentials.password === b.localCredentials.password &&
  a.remoteCredentials.ufrag === b.remoteCredentials.ufrag &&
  a.remoteCredentials.password === b.remoteCredentials.password &&
  equalBytes(a.peerPublicKey, b.peerPublicKey) &&
  equalBytes(a.presharedKey, b.presharedKey)
