import type { IpFamily, SocketAddress } from '@sallyport/sans-io'
import {
  ALLOCATE,
  attributeOf,
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
export type TurnRequest =
  | { readonly type: 'binding'; readonly message: StunMessage }
  | AllocateRequest
  | { readonly type: 'refresh'; readonly message: StunMessage; readonly lifetime: number | undefined }
  | ChannelBindRequest
  | { readonly type: 'create-permission'; readonly message: StunMessage }

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
}

/** A CHANNEL-BIND (RFC 8656 §12.1). */
export interface ChannelBindRequest {
  readonly type: 'channel-bind'
  readonly message: StunMessage
  readonly channel: number
  readonly peer: SocketAddress
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
      return { type: 'create-permission', message }
    default:
      return { type: 'bad', header: message, code: 400 }
  }
}

function readAllocate(message: StunMessage): AllocateRequest | BadRequest {
  const transport = attributeOf(message, 'requested-transport')
  if (transport === undefined) return { type: 'bad', header: message, code: 400 }
  return {
    type: 'allocate',
    message,
    transport,
    requestedFamily: attributeOf(message, 'requested-address-family'),
    additionalFamily: attributeOf(message, 'additional-address-family'),
    lifetime: attributeOf(message, 'lifetime'),
  }
}

function readChannelBind(message: StunMessage): ChannelBindRequest | BadRequest {
  const channel = attributeOf(message, 'channel-number')
  const peer = attributeOf(message, 'xor-peer-address')
  if (channel === undefined || peer === undefined) return { type: 'bad', header: message, code: 400 }
  return { type: 'channel-bind', message, channel, peer }
}
