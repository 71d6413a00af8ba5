/**
 * A TURN client (RFC 8656) as a pure state machine: one {@link Allocation} on one server, its channels, and the
 * addresses under which it makes us reachable.
 *
 * @packageDocumentation
 */
export { Allocation, type AllocationOptions, KEEP_ALIVE_INTERVAL, REFRESH_RETRY_INTERVAL } from './allocation.ts'
export type { AllocationEvent, FreeReason } from './allocation-event.ts'
export type { TurnCredentials } from './authentication.ts'
export {
  CHANNEL_LIFETIME,
  CHANNEL_REFRESH_AFTER,
  CHANNEL_REUSE_AFTER,
} from './channel-bindings.ts'
export { InvalidCredentialsError, TurnClientError } from './errors.ts'
export type { TurnCandidate } from './learned-addresses.ts'
export type { TurnDialect } from './request.ts'
export type { ServerAddresses } from './server-address-race.ts'
