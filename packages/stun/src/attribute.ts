import type { SocketAddress } from '@sallyport/sans-io'

/** The value of ERROR-CODE (RFC 8489 §14.8). */
export interface ErrorCode {
  /** From 300 to 699. */
  readonly code: number
  /** Text for people: fewer than 128 characters. */
  readonly reason: string
}

/** An address family as STUN numbers it (RFC 8489 §14.1). */
export type StunAddressFamily = 4 | 6

/** What each attribute that this codec understands carries. */
export interface StunAttributeValues {
  /** MAPPED-ADDRESS (RFC 8489 §14.1). */
  'mapped-address': SocketAddress
  /** USERNAME (RFC 8489 §14.3): at most 512 bytes of UTF-8. */
  username: string
  /** MESSAGE-INTEGRITY (RFC 8489 §14.5): the HMAC-SHA1, 20 bytes, a view. Written by `encodeStun` if it has a key. */
  'message-integrity': Uint8Array
  /** ERROR-CODE (RFC 8489 §14.8). */
  'error-code': ErrorCode
  /** UNKNOWN-ATTRIBUTES (RFC 8489 §14.13): the attribute numbers that a 420 complains of. */
  'unknown-attributes': readonly number[]
  /** CHANNEL-NUMBER (RFC 8656 §18.1): from 0x4000 to 0x4fff. */
  'channel-number': number
  /** LIFETIME (RFC 8656 §18.2) in seconds, an unsigned 32-bit number. */
  lifetime: number
  /** XOR-PEER-ADDRESS (RFC 8656 §18.3). */
  'xor-peer-address': SocketAddress
  /** DATA (RFC 8656 §18.4): a view. */
  data: Uint8Array
  /** REALM (RFC 8489 §14.9): fewer than 128 characters. */
  realm: string
  /** NONCE (RFC 8489 §14.10): fewer than 128 characters. */
  nonce: string
  /** XOR-RELAYED-ADDRESS (RFC 8656 §18.5). */
  'xor-relayed-address': SocketAddress
  /** REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.6). */
  'requested-address-family': StunAddressFamily
  /** EVEN-PORT (RFC 8656 §18.7): whether the next higher port is to be reserved. */
  'even-port': boolean
  /** REQUESTED-TRANSPORT (RFC 8656 §18.8): an IP protocol number, 17 for UDP. */
  'requested-transport': number
  /** DONT-FRAGMENT (RFC 8656 §18.9). */
  'dont-fragment': true
  /** XOR-MAPPED-ADDRESS (RFC 8489 §14.2). */
  'xor-mapped-address': SocketAddress
  /** RESERVATION-TOKEN (RFC 8656 §18.10): 8 bytes, a view. */
  'reservation-token': Uint8Array
  /** PRIORITY (RFC 8445 §16.1): an unsigned 32-bit number. */
  priority: number
  /** USE-CANDIDATE (RFC 8445 §16.1). */
  'use-candidate': true
  /** ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.11). */
  'additional-address-family': StunAddressFamily
  /** ADDRESS-ERROR-CODE (RFC 8656 §18.12). */
  'address-error-code': ErrorCode & { readonly family: StunAddressFamily }
  /** SOFTWARE (RFC 8489 §14.14): fewer than 128 characters. */
  software: string
  /** ALTERNATE-SERVER (RFC 8489 §14.15). */
  'alternate-server': SocketAddress
  /** FINGERPRINT (RFC 8489 §14.7): an unsigned 32-bit number. Written by `encodeStun` if asked to. */
  fingerprint: number
  /** ICE-CONTROLLED (RFC 8445 §16.1): the tie breaker, an unsigned 64-bit number. */
  'ice-controlled': bigint
  /** ICE-CONTROLLING (RFC 8445 §16.1): the tie breaker, an unsigned 64-bit number. */
  'ice-controlling': bigint
}

/** An attribute that this codec has no name for. */
export interface UnknownAttribute {
  readonly type: 'unknown'
  /** The attribute's 16-bit type; below 0x8000 it is comprehension-required (RFC 8489 §14). */
  readonly number: number
  /** Its value without padding: a view. */
  readonly value: Uint8Array
}

/** An attribute of a STUN message, told apart by `type`. */
export type StunAttribute =
  | {
      [Type in keyof StunAttributeValues]: { readonly type: Type; readonly value: StunAttributeValues[Type] }
    }[keyof StunAttributeValues]
  | UnknownAttribute
