/**
 * WireGuard as a pure state machine: handshakes, cookies, sessions, replay protection and timers.
 *
 * - {@link Tunnel} is one peer; several share a {@link RateLimiter} and an {@link IndexAllocator}.
 * - {@link receiveHandshake} is the door of a node: it says which tunnel a handshake message is for.
 *
 * After Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel" (the paper), with the timers of Firezone.
 *
 * @packageDocumentation
 */
export {
  COOKIE_LIFETIME,
  KEEPALIVE_TIMEOUT,
  MAX_JITTER,
  REJECT_AFTER_TIME,
  REKEY_AFTER_TIME,
  REKEY_ATTEMPT_TIME,
  REKEY_TIMEOUT,
  STOP_SENDING_AFTER_TIME,
  TUNNEL_LIFETIME,
} from './constants.ts'
export type { CookieDefect } from './cookie.ts'
export type { PeerDefect } from './handshakes.ts'
export { IndexAllocator, IndicesExhaustedError } from './index-allocator.ts'
export {
  COOKIE_REPLY_LENGTH,
  DATA_HEADER_LENGTH,
  DATA_OVERHEAD,
  INITIATION_LENGTH,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_DATA,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  type MessageType,
  messageTypeOf,
  RESPONSE_LENGTH,
  receiverIndexOf,
} from './message.ts'
export type { ReceivedInitiation } from './noise-handshake.ts'
export {
  OPEN_BAD_TAG,
  OPEN_EXPIRED_SESSION,
  OPEN_NOT_DATA,
  OPEN_NOT_IP,
  OPEN_REPLAYED,
  OPEN_UNKNOWN_SESSION,
  type OpenDefect,
  openDefectName,
} from './open-defect.ts'
export {
  type Admission,
  HANDSHAKES_PER_WINDOW,
  RATE_LIMIT_WINDOW,
  RateLimiter,
  type RateLimiterOptions,
} from './rate-limiter.ts'
export {
  type Door,
  type DoorDefect,
  type ReceivedHandshake,
  receiveHandshake,
  type TurnedAway,
} from './receive-handshake.ts'
export { REPLAY_WINDOW_SIZE } from './replay-window.ts'
export { InvalidPeerKeyError, InvalidPresharedKeyError, type StaticKeyPair, staticKeyPair } from './static-key.ts'
export type { CalendarAnchor } from './tai64n.ts'
export type { Role } from './timers.ts'
export { type HandshakeDefect, QUEUED_PACKETS, Tunnel, type TunnelEvent, type TunnelOptions } from './tunnel.ts'
