/**
 * A Phoenix channel client as a pure state machine: joins, heartbeats, queueing, reconnects with backoff.
 *
 * The machine speaks to a WebSocket adapter in {@link PhoenixInput} and {@link PhoenixTransmit}; `@sallyport/io-node` has
 * one for Node.js.
 *
 * @packageDocumentation
 */
export { Backoff, type BackoffOptions } from './backoff.ts'
export {
  CONNECT_TIMEOUT,
  HEARTBEAT_INTERVAL,
  JOIN_TIMEOUT,
  MAX_QUEUED_MESSAGES,
  PhoenixChannel,
  type PhoenixOptions,
  type PhoenixState,
} from './channel.ts'
export {
  describeFailure,
  isAuthenticationFailure,
  type PhoenixEvent,
  type PhoenixFailure,
  type PhoenixInput,
  type PhoenixTransmit,
} from './port.ts'
export { parseRetryAfter } from './retry-after.ts'
