import type { SocketAddress } from '@sallyport/sans-io'
import {
  ALLOCATE,
  BINDING,
  CHANNEL_BIND,
  encodeStun,
  REFRESH,
  type StunAttribute,
  type StunProtection,
} from '@sallyport/stun'

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

/**
 * Encodes a request that ends in `credentials` (USERNAME, REALM, NONCE) and a MESSAGE-INTEGRITY.
 *
 * Attributes are in the order in which Firezone sends them.
 */
export function encodeRequest(
  request: AuthenticatedRequest,
  transactionId: Uint8Array,
  software: string,
  credentials: readonly StunAttribute[],
  protection: StunProtection,
): Uint8Array {
  const attributes = [...attributesOf(request, { type: 'software', value: software }), ...credentials]
  return encodeStun({ class: 'request', method: METHODS[request.type], transactionId, attributes }, protection)
}

const UDP = 17

/** An allocation for both families, as far as the server has them (RFC 8656 §7.1). */
const DUAL_STACK_UDP: readonly StunAttribute[] = [
  { type: 'requested-transport', value: UDP },
  { type: 'additional-address-family', value: 6 },
]

function attributesOf(request: AuthenticatedRequest, software: StunAttribute): StunAttribute[] {
  switch (request.type) {
    case 'allocate':
    case 'refresh': // means nothing in a REFRESH, but Firezone's clients send it
      return [...DUAL_STACK_UDP, software]
    case 'free':
      return [...DUAL_STACK_UDP, software, { type: 'lifetime', value: 0 }]
    case 'channel-bind':
      return [
        { type: 'xor-peer-address', value: request.peer },
        { type: 'channel-number', value: request.channel },
        software,
      ]
  }
}
