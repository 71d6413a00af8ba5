/**
 * A STUN and TURN server (RFC 8489, RFC 8656) as a pure state machine with a verdict data plane: Firezone's relay.
 *
 * @packageDocumentation
 */
export type { PublicAddresses } from './address-family.ts'
export { CHANNEL_COOL_DOWN, CHANNEL_LIFETIME } from './allocation-table.ts'
export { formatUsername, newStampSecret, parseUsername, type RelayUser, relayPassword } from './credentials.ts'
export { NoPublicAddressError, TurnServerError } from './errors.ts'
export { type ForwardingStats, LISTENING_SOCKET } from './forwarding.ts'
export { NONCE_USES } from './nonces.ts'
export {
  DEFAULT_LIFETIME_SECONDS,
  MAX_LIFETIME_SECONDS,
  TurnServer,
  type TurnServerOptions,
  type TurnServerStats,
} from './turn-server.ts'
export type { ChannelRoute, TurnServerEvent } from './turn-server-event.ts'
