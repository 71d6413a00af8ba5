import type { IpFamily, SocketAddress } from '@sallyport/sans-io'
import {
  ALLOCATE,
  attributeOf,
  attributesOf,
  BINDING,
  CHANNEL_BIND,
  CREATE_PERMISSION,
  parseStun,
  parseStunHeader,
  REFRESH,
  type StunHeader,
  type StunMessage,
} from '@sallyport/stun'

/** A request that is complete, as far as its user needn't be known. */
export type TurnRequest = { readonly type: 'binding'; readonly message: StunMessage } | AuthenticatedRequest

/** A request that only a user may make. */
export type AuthenticatedRequest =
  | AllocateRequest
  | { readonly type: 'refresh'; readonly message: StunMessage; readonly lifetime: number | undefined }
  | ChannelBindRequest
  | CreatePermissionRequest

/** An ALLOCATE (RFC 8656 §7.1). */
export interface AllocateRequest {
  readonly type: 'allocate'
  readonly message: StunMessage
  /** An IP protocol number. */
  readonly transport: number
  readonly requestedFamily: IpFamily | undefined
  readonly additionalFamily: IpFamily | undefined
  /** In seconds. */
  readonly lifetime: number | undefined
  /** EVEN-PORT: whether the port is to be even, and whether the next one is to be reserved, too. */
  readonly evenPort: 'any' | 'even' | 'even-and-next'
  /** Whether a port is claimed that was reserved earlier. */
  readonly hasReservation: boolean
}

/** A CHANNEL-BIND (RFC 8656 §12.1). */
export interface ChannelBindRequest {
  readonly type: 'channel-bind'
  readonly message: StunMessage
  readonly channel: number
  readonly peer: SocketAddress
}

/** A CREATE-PERMISSION (RFC 8656 §10.1). */
export interface CreatePermissionRequest {
  readonly type: 'create-permission'
  readonly message: StunMessage
  /** At least one; their ports don't matter. */
  readonly peers: readonly SocketAddress[]
}

/** A request that can't be served, whoever sent it. */
export interface BadRequest {
  readonly type: 'bad'
  readonly header: StunHeader
  readonly code: 400 | 500
}

/**
 * Reads a STUN message that came to the server.
 *
 * @param datagram - Borrowed: the result's bytes are views into it.
 * @returns the request, what to answer it with, or `undefined` where no answer is due: what isn't STUN, and whatever
 *   isn't a request, so that nobody can make us answer answers.
 */
export function readRequest(datagram: Uint8Array): TurnRequest | BadRequest | undefined {
  const message = parseStun(datagram)
  if (typeof message === 'string') {
    const header = parseStunHeader(datagram)
    if (typeof header === 'string' || header.class !== 'request') return undefined
    return { type: 'bad', header, code: message === 'bad-attribute-value' ? 400 : 500 }
  }
  if (message.class !== 'request') return undefined
  switch (message.method) {
    case BINDING:
      return { type: 'binding', message }
    case ALLOCATE:
      return readAllocate(message)
    case REFRESH:
      return { type: 'refresh', message, lifetime: attributeOf(message, 'lifetime') }
    case CHANNEL_BIND:
      return readChannelBind(message)
    case CREATE_PERMISSION:
      return readCreatePermission(message)
    default:
      return { type: 'bad', header: message, code: 400 }
  }
}

/**
 * Returns the numbers of the attributes that the server would have to understand to serve `message`, and doesn't
 * (RFC 8489 §6.3.1): each once. DONT-FRAGMENT is one of them, as RFC 8656 §7.2 wants from a server that can't.
 */
export function unknownAttributes(message: StunMessage): number[] {
  const numbers = new Set<number>()
  for (const attribute of message.attributes) {
    if (attribute.type === 'dont-fragment') numbers.add(DONT_FRAGMENT)
    else if (attribute.type === 'unknown' && attribute.number < FIRST_OPTIONAL) numbers.add(attribute.number)
    if (numbers.size === MAX_NAMED) break
  }
  return [...numbers]
}

function readAllocate(message: StunMessage): AllocateRequest | BadRequest {
  const transport = attributeOf(message, 'requested-transport')
  if (transport === undefined) return { type: 'bad', header: message, code: 400 }
  const reservesNext = attributeOf(message, 'even-port')
  return {
    type: 'allocate',
    message,
    transport,
    requestedFamily: attributeOf(message, 'requested-address-family'),
    additionalFamily: attributeOf(message, 'additional-address-family'),
    lifetime: attributeOf(message, 'lifetime'),
    evenPort: reservesNext === undefined ? 'any' : reservesNext ? 'even-and-next' : 'even',
    hasReservation: attributeOf(message, 'reservation-token') !== undefined,
  }
}

function readChannelBind(message: StunMessage): ChannelBindRequest | BadRequest {
  const channel = attributeOf(message, 'channel-number')
  const peer = attributeOf(message, 'xor-peer-address')
  if (channel === undefined || peer === undefined) return { type: 'bad', header: message, code: 400 }
  return { type: 'channel-bind', message, channel, peer }
}

function readCreatePermission(message: StunMessage): CreatePermissionRequest | BadRequest {
  const peers = attributesOf(message, 'xor-peer-address')
  return peers.length === 0
    ? { type: 'bad', header: message, code: 400 }
    : { type: 'create-permission', message, peers }
}

const DONT_FRAGMENT = 0x001a

/** RFC 8489 §14: from this number on, attributes may be ignored. */
const FIRST_OPTIONAL = 0x8000

/** An answer stays short, whatever the request is full of. */
const MAX_NAMED = 8
