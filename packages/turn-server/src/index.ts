/**
 * A STUN and TURN server (RFC 8489, RFC 8656) as a pure state machine with a verdict data plane: Firezone's relay.
 *
 * @packageDocumentation
 */
export type { PublicAddresses } from './address-family.ts'
export { CHANNEL_COOL_DOWN, CHANNEL_LIFETIME, PERMISSION_LIFETIME } from './allocation-table.ts'
export { formatUsername, newStampSecret, parseUsername, type RelayUser, relayPassword } from './credentials.ts'
export { NoPublicAddressError, TurnServerError } from './errors.ts'
export { LISTENING_SOCKET } from './forwarding.ts'
export { MAX_INDICATION_HEADER_LENGTH } from './indication.ts'
export { NONCE_LIFETIME } from './nonces.ts'
export { type PeerJudgement, PeerPolicy, type PeerRules, PRIVATE_PREFIXES } from './peer-policy.ts'
export { REPLY_ALLOWANCE, REPLY_ALLOWANCE_BURST, REPLY_NEIGHBOURHOODS } from './reply-budget.ts'
export type { ErrorCode } from './response.ts'
export { DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS } from './service.ts'
export { TurnServer, type TurnServerOptions } from './turn-server.ts'
export type { ChannelRoute, TurnServerEvent } from './turn-server-event.ts'
export type { DropReason, TurnServerStats } from './turn-server-stats.ts'
