/**
 * The portal as a pure machine: who may reach what, which gateway and relays to use, the credentials that both ends of
 * a connection are given, and who is told what when something changes. Sockets, files and clocks are somebody else's.
 *
 * {@link Portal} is the machine; {@link PhoenixServer} puts its messages into the frames that peers speak.
 *
 * @packageDocumentation
 */
export {
  Admin,
  type ConditionInput,
  type Edit,
  EVERYONE,
  type FilterInput,
  INTERNET,
  type NewToken,
  type PolicyInput,
  type ResourceInput,
} from './admin.ts'
export { AdminError, type AdminErrorCode } from './admin-error.ts'
export type { ConnectRequest, Refusal } from './admission.ts'
export type { EndReason } from './announcer.ts'
export { type Cidr, cidrContains, cidrsOverlap, formatCidr, parseCidr } from './cidr.ts'
export {
  type Condition,
  type ConditionProperty,
  type ConditionSubject,
  type ConditionVerdict,
  evaluateCondition,
  parseCondition,
} from './condition.ts'
export {
  type ConnectionSecrets,
  connectionSecrets,
  type IceCredentials,
  type SecretParty,
} from './connection-secrets.ts'
export { type PortalCrypto, pbkdf2 } from './crypto.ts'
export { type DaySchedule, endOfMatchingRange, parseDaySchedule, type TimeRange } from './day-schedule.ts'
export { type Filter, type FilterView, parseFilter, viewFilters } from './filter.ts'
export { GATEWAY_ANSWER_TIMEOUT } from './flow-desk.ts'
export { chooseGateway, type GatewayCandidate, type GatewayWish } from './gateway-choice.ts'
export {
  type Coordinates,
  distanceKm,
  groupByDistance,
  type Location,
  type LocationHeaders,
  locate,
} from './location.ts'
export { IDLE_TIMEOUT_SECONDS, MAX_FRAME_BYTES, PhoenixServer, type SocketTransmit } from './phoenix-server.ts'
export {
  type Calendar,
  Portal,
  type PortalEvent,
  type PortalOptions,
  type PortalTransmit,
  REFRESH_INTERVAL,
  type Reply,
  SWEEP_INTERVAL,
} from './portal.ts'
export { GATEWAY_CREDENTIALS_EXPIRY, RELAY_LEAVE_DEBOUNCE } from './relay-board.ts'
export { chooseRelays, RELAYS_PER_PEER, type RelayCandidate } from './relay-choice.ts'
export { parseResourceAddress, type ResourceType } from './resource-address.ts'
export {
  type ClientResourceView,
  clientView,
  type GatewayResourceView,
  gatewayView,
  type SiteView,
} from './resource-view.ts'
export * from './row.ts'
export type { PeerId, Role } from './session.ts'
export { type Change, type ChangeOf, MemoryStore, type PortalStore, type Snapshot } from './store.ts'
export { type TokenClaims, type TokenDigest, type TokenKey, TokenSigner, type TokenType } from './token-text.ts'
export {
  allocateFrom,
  allocateTunnelAddress,
  hostOf,
  TUNNEL_RANGES,
  type TunnelRange,
  TunnelRangeExhaustedError,
} from './tunnel-address.ts'
export { type TurnCredentials, turnCredentials } from './turn-credentials.ts'
export { compareVersions, isAtLeast, isCompatible, parseVersion, type Version } from './version.ts'
