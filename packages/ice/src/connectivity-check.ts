import type { SocketAddress, StunCrypto } from '@sallyport/sans-io'
import { attributeOf, BINDING, encodeStun, type StunMessage } from '@sallyport/stun'

/** What one connectivity check says (RFC 8445 §7.1). */
export interface CheckRequest {
  readonly transactionId: Uint8Array
  /** `<receiver's ufrag>:<sender's ufrag>`. */
  readonly username: string
  /** Whether the sender is the controlling agent. */
  readonly controlling: boolean
  /** Unsigned 64 bits, constant for an agent. */
  readonly tieBreaker: bigint
  /** The sender's candidate's priority, were it peer-reflexive. */
  readonly priority: number
  readonly useCandidate: boolean
}

/** Encodes a check; `key` is that of the receiver's password. The order of its attributes is the original's. */
export function encodeCheck(check: CheckRequest, key: Uint8Array, crypto: StunCrypto): Uint8Array {
  const { transactionId, username, controlling, tieBreaker, priority, useCandidate } = check
  return encodeStun(
    {
      class: 'request',
      method: BINDING,
      transactionId,
      attributes: [
        { type: 'username', value: username },
        { type: controlling ? 'ice-controlling' : 'ice-controlled', value: tieBreaker },
        { type: 'priority', value: priority },
        ...(useCandidate ? [{ type: 'use-candidate', value: true } as const] : []),
      ],
    },
    { crypto, key, fingerprint: true },
  )
}

/** Encodes the answer to a check that came from `source`; `key` is that of the answerer's own password. */
export function encodeCheckResponse(
  transactionId: Uint8Array,
  source: SocketAddress,
  key: Uint8Array,
  crypto: StunCrypto,
): Uint8Array {
  return encodeStun(
    {
      class: 'success',
      method: BINDING,
      transactionId,
      attributes: [{ type: 'xor-mapped-address', value: source }],
    },
    { crypto, key, fingerprint: true },
  )
}

/** A STUN message that has everything that ICE needs of it. */
export type CheckMessage =
  | {
      readonly type: 'request'
      readonly ufrags: CheckUfrags
      readonly priority: number
      readonly useCandidate: boolean
    }
  | { readonly type: 'indication'; readonly ufrags: CheckUfrags }
  | { readonly type: 'success'; readonly mappedAddress: SocketAddress }
  | { readonly type: 'error' }

/** The two parts of a check's USERNAME (RFC 8445 §7.2.2). */
export interface CheckUfrags {
  readonly receiver: string
  readonly sender: string
}

/** Why a STUN message is no business of ICE. */
export type CheckDefect = 'other-method' | 'no-integrity' | 'no-username' | 'no-priority' | 'no-mapped-address'

/** Returns what a STUN message means to ICE, without verifying anything. */
export function readCheck(message: StunMessage): CheckMessage | CheckDefect {
  if (message.method !== BINDING) return 'other-method'
  if (message.integrityOffset === undefined) return 'no-integrity'
  switch (message.class) {
    case 'request': {
      const ufrags = ufragsOf(message)
      const priority = attributeOf(message, 'priority')
      if (ufrags === undefined) return 'no-username'
      if (priority === undefined) return 'no-priority'
      return { type: 'request', ufrags, priority, useCandidate: attributeOf(message, 'use-candidate') === true }
    }
    case 'indication': {
      const ufrags = ufragsOf(message)
      return ufrags === undefined ? 'no-username' : { type: 'indication', ufrags }
    }
    case 'success': {
      const mappedAddress = attributeOf(message, 'xor-mapped-address')
      return mappedAddress === undefined ? 'no-mapped-address' : { type: 'success', mappedAddress }
    }
    default:
      return { type: 'error' }
  }
}

/** Returns the two parts of a message's USERNAME, or `undefined` if it has none with two parts. */
export function ufragsOf(message: StunMessage): CheckUfrags | undefined {
  const username = attributeOf(message, 'username')
  const colon = username?.indexOf(':') ?? -1
  if (username === undefined || colon < 0 || colon === username.length - 1) return undefined
  return { receiver: username.slice(0, colon), sender: username.slice(colon + 1) }
}
