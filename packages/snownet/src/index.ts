/**
 * Peers: who can be reached, and how. ICE finds the path, WireGuard protects what travels on it, relays help out.
 *
 * @packageDocumentation
 */
export { NoRelayError, SnownetError, UnknownConnectionError } from './errors.ts'
export type { ConnectionId, NodeRole, RelayId } from './ids.ts'
