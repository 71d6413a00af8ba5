import { type Millis, millis, seconds } from '@sallyport/sans-io'

/** After this the initiator of a session that is used makes a fresh one (paper §6.2). */
export const REKEY_AFTER_TIME: Millis = seconds(120)
/** After this a session is neither sent on nor received on (paper §6.2). */
export const REJECT_AFTER_TIME: Millis = seconds(180)
/** After this an unanswered initiation is repeated, with new keys (paper §6.4). */
export const REKEY_TIMEOUT: Millis = seconds(5)
/** After this without an answer the tunnel gives up. WireGuard says 90 s; an overlay that can start anew says 15. */
export const REKEY_ATTEMPT_TIME: Millis = seconds(15)
/** After this without anything to send, what was received is acknowledged by an empty message (paper §6.5). */
export const KEEPALIVE_TIMEOUT: Millis = seconds(10)
/** The most that chance delays an initiation that a timer asks for (paper §6.1). */
export const MAX_JITTER: Millis = millis(333)
/** How long a received cookie is used (paper §6.6). */
export const COOKIE_LIFETIME: Millis = seconds(120)
/** A tunnel that made no session for this long is dead: three times {@link REJECT_AFTER_TIME}. */
export const TUNNEL_LIFETIME: Millis = seconds(540)
/** An initiator stops sending on a session at this age, so that an answer to the last packet still finds it alive. */
export const STOP_SENDING_AFTER_TIME: Millis = millis(REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT)
