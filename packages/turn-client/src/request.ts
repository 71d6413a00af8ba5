import type { SocketAddress } from '@sallyport/sans-io'
import { ALLOCATE, BINDING, CHANNEL_BIND, encodeStun, REFRESH, type StunAttribute } from '@sallyport/stun'
import type { Authentication } from './authentication.ts'

/** What we ask of a TURN server. */
export type TurnRequest =
  /** Which address of ours does it see? (RFC 8489 §2) Also keeps NAT bindings alive. */
  | { readonly type: 'binding' }
  /** Relay for us (RFC 8656 §7). */
  | { readonly type: 'allocate' }
  /** Keep relaying (RFC 8656 §8). */
  | { readonly type: 'refresh' }
  /** Stop relaying: a REFRESH with a LIFETIME of 0 (RFC 8656 §8). */
  | { readonly type: 'free' }
  /** Let a channel number stand for a peer (RFC 8656 §12). */
  | { readonly type: 'channel-bind'; readonly channel: number; readonly peer: SocketAddress }

/** A request that only those with credentials may make: all but BINDING. */
export type AuthenticatedRequest = Exclude<TurnRequest, { readonly type: 'binding' }>

/**
 * Whose TURN we speak.
 *
 * - `firezone`: that of Firezone's relays. Every request is signed, so that every answer can be verified; a REFRESH
 *   repeats what ALLOCATE asked for.
 * - `standard`: that of other servers, which refuse both. The first ALLOCATE asks for a challenge (RFC 8489 §9.2.3.1),
 *   and a 401 or 438 without MESSAGE-INTEGRITY may give us a nonce (§9.2.4): it lets whoever sits on the path make us
 *   sign with a nonce of their choice.
 */
export type TurnDialect = 'firezone' | 'standard'

/** The STUN method of each request. */
export const METHODS: Readonly<Record<TurnRequest['type'], number>> = {
  binding: BINDING,
  allocate: ALLOCATE,
  refresh: REFRESH,
  free: REFRESH,
  'channel-bind': CHANNEL_BIND,
}

/** Encodes a BINDING request; `software` names us. */
export function encodeBinding(transactionId: Uint8Array, software: string): Uint8Array {
  const attributes: StunAttribute[] = [{ type: 'software', value: software }]
  return encodeStun({ class: 'request', method: BINDING, transactionId, attributes })
}

/** What requests have in common. */
export interface Envelope {
  readonly transactionId: Uint8Array
  /** Names us. */
  readonly software: string
  readonly dialect: TurnDialect
}

/**
 * Encodes a request that ends in USERNAME, REALM, NONCE and a MESSAGE-INTEGRITY.
 *
 * Attributes are in the order in which Firezone sends them. A standard request without a nonce ends in nothing of this:
 * it asks for one (RFC 8489 §9.2.3.1).
 */
export function encodeRequest(
  request: AuthenticatedRequest,
  { transactionId, software, dialect }: Envelope,
  authentication: Authentication,
): Uint8Array {
  const content = { class: 'request', method: METHODS[request.type], transactionId } as const
  const attributes = attributesOf(request, { type: 'software', value: software }, dialect)
  if (dialect === 'standard' && !authentication.hasNonce) return encodeStun({ ...content, attributes })
  const signed = [...attributes, ...authentication.attributes()]
  return encodeStun({ ...content, attributes: signed }, authentication.protection)
}

const UDP = 17

/** An allocation for both families, as far as the server has them (RFC 8656 §7.1). */
const DUAL_STACK_UDP: readonly StunAttribute[] = [
  { type: 'requested-transport', value: UDP },
  { type: 'additional-address-family', value: 6 },
]

function attributesOf(request: AuthenticatedRequest, software: StunAttribute, dialect: TurnDialect): StunAttribute[] {
  // Means nothing in a REFRESH, but Firezone's clients send it; others refuse it (420).
  const inRefresh = dialect === 'firezone' ? DUAL_STACK_UDP : []
  switch (request.type) {
    case 'allocate':
      return [...DUAL_STACK_UDP, software]
    case 'refresh':
      return [...inRefresh, software]
    case 'free':
      return [...inRefresh, software, { type: 'lifetime', value: 0 }]
    case 'channel-bind':
      return [
        { type: 'xor-peer-address', value: request.peer },
        { type: 'channel-number', value: request.channel },
        software,
      ]
  }
}
