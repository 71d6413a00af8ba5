/**
 * Peers: who can be reached, and how. ICE finds the path, WireGuard protects what travels on it, relays help out.
 *
 * @packageDocumentation
 */

export type { CandidateType } from '@sallyport/ice'
export { CONNECTION_TIMING, type ConnectionOptions, type ConnectionTiming } from './connection-options.ts'
export type { FailureReason } from './connection-state.ts'
export { NoRelayError, SnownetError } from './errors.ts'
export type { ConnectionId, NodeRole, RelayId } from './ids.ts'
export { Node } from './node.ts'
export type { NodeEvent } from './node-event.ts'
export type { ConnectionStatus, NodeOptions, NodeStatistics } from './node-options.ts'
export type { PathKind } from './peer-socket.ts'
export type { RelayServer } from './relay-pool.ts'
