import type { Instant, IpAddress, WireguardCrypto } from '@sallyport/sans-io'
import {
  MESSAGE_COOKIE_REPLY,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  messageTypeOf,
  receiverIndexOf,
} from './message.ts'
import { type ReceivedInitiation, readInitiation } from './noise-handshake.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { StaticKeyPair } from './static-key.ts'

/** A handshake message that has passed the door of its node. */
export type ReceivedHandshake =
  /** Route it by `initiation.publicKey`. */
  | { readonly type: 'initiation'; readonly initiation: ReceivedInitiation }
  /** Route it by `receiverIndex`, whose upper 24 bits name the tunnel. `message` is borrowed. */
  | { readonly type: 'response'; readonly receiverIndex: number; readonly message: Uint8Array }
  /** Route it by `receiverIndex`, whose upper 24 bits name the tunnel. `message` is borrowed. */
  | { readonly type: 'cookie-reply'; readonly receiverIndex: number; readonly message: Uint8Array }

/** Why a datagram didn't pass the door. */
export type DoorDefect = 'not-a-handshake' | 'bad-mac1' | 'bad-initiation'

/** A datagram that didn't pass the door, and what to send back to where it came from, if anything. */
export type TurnedAway =
  | { readonly type: 'turned-away'; readonly defect: DoorDefect }
  | { readonly type: 'under-load'; readonly cookieReply: Uint8Array | undefined }

/** What a node needs at its door. The options of its tunnels have it all. */
export interface Door {
  readonly crypto: WireguardCrypto
  readonly identity: StaticKeyPair
  readonly rateLimiter: RateLimiter
}

/**
 * Reads a handshake message (types 1 to 3) to a node, as far as it goes without knowing the tunnel.
 *
 * In the order of cost: length, mac1, load (paper §5.3), and only then a Diffie-Hellman for the initiator's key.
 */
export function receiveHandshake(
  { crypto, identity, rateLimiter }: Door,
  message: Uint8Array,
  remote: IpAddress | undefined,
  now: Instant,
): ReceivedHandshake | TurnedAway {
  const type = messageTypeOf(message, 0, message.length)
  if (type === MESSAGE_COOKIE_REPLY)
    return { type: 'cookie-reply', receiverIndex: receiverIndexOf(message, 0, type), message }
  if (type !== MESSAGE_INITIATION && type !== MESSAGE_RESPONSE)
    return { type: 'turned-away', defect: 'not-a-handshake' }

  const admission = rateLimiter.admit(message, remote, now)
  if (admission.type === 'under-load') return admission
  if (admission.type === 'bad-mac1') return { type: 'turned-away', defect: 'bad-mac1' }
  if (type === MESSAGE_RESPONSE) return { type: 'response', receiverIndex: receiverIndexOf(message, 0, type), message }
  const initiation = readInitiation(crypto, identity, message)
  return initiation ? { type: 'initiation', initiation } : { type: 'turned-away', defect: 'bad-initiation' }
}
