import type { StunAttribute, StunAttributeValues } from './attribute.ts'

/** The four classes of a STUN message (RFC 8489 §5). */
export type StunClass = 'request' | 'indication' | 'success' | 'error'

/** Method of STUN itself (RFC 8489 §18.2), also an ICE connectivity check. */
export const BINDING = 0x001
/** TURN method (RFC 8656 §17). */
export const ALLOCATE = 0x003
/** TURN method (RFC 8656 §17). */
export const REFRESH = 0x004
/** TURN method of an indication, client to server (RFC 8656 §17). */
export const SEND = 0x006
/** TURN method of an indication, server to client (RFC 8656 §17). */
export const DATA = 0x007
/** TURN method (RFC 8656 §17). */
export const CREATE_PERMISSION = 0x008
/** TURN method (RFC 8656 §17). */
export const CHANNEL_BIND = 0x009

/** Bytes of the header in front of a STUN message's attributes. */
export const STUN_HEADER_LENGTH = 20
/** Bytes of a transaction id. */
export const TRANSACTION_ID_LENGTH = 12
/** The fixed bytes 4 to 7 of every STUN message (RFC 8489 §5). */
export const MAGIC_COOKIE = 0x2112a442

/** What a STUN message's header says. */
export interface StunHeader {
  readonly class: StunClass
  /** 12 bits: {@link BINDING}, {@link ALLOCATE}, … or one that we do not know. */
  readonly method: number
  /** 12 bytes. In a parsed message a view into the datagram: `slice` to keep. */
  readonly transactionId: Uint8Array
}

/** A STUN message as it is composed for {@link encodeStun}. */
export interface StunContent extends StunHeader {
  /** In the order in which they are written. */
  readonly attributes: readonly StunAttribute[]
}

/** A STUN message as it was parsed. */
export interface StunMessage extends StunContent {
  /**
   * In the order in which they arrived; unknown ones are kept, repeated ones too.
   *
   * What follows MESSAGE-INTEGRITY is left out except FINGERPRINT, and what follows that is left out as well
   * (RFC 8489 §14.5, §14.7).
   */
  readonly attributes: readonly StunAttribute[]
  /** The whole datagram, borrowed. */
  readonly bytes: Uint8Array
  /** Where the MESSAGE-INTEGRITY attribute begins in {@link bytes}, if there is one. */
  readonly integrityOffset: number | undefined
  /** Where the FINGERPRINT attribute begins in {@link bytes}, if there is one. */
  readonly fingerprintOffset: number | undefined
}

/**
 * Returns the value of the first attribute of that type, or `undefined` if the message has none: of repeated
 * attributes only the first counts (RFC 8489 §14).
 */
export function attributeOf<Type extends keyof StunAttributeValues>(
  message: { readonly attributes: readonly StunAttribute[] },
  type: Type,
): StunAttributeValues[Type] | undefined {
  for (const attribute of message.attributes) {
    if (attribute.type === type) return attribute.value as StunAttributeValues[Type]
  }
  return undefined
}

/** Returns the values of all attributes of that type, in order. */
export function attributesOf<Type extends keyof StunAttributeValues>(
  message: { readonly attributes: readonly StunAttribute[] },
  type: Type,
): StunAttributeValues[Type][] {
  return message.attributes
    .filter(attribute => attribute.type === type)
    .map(attribute => attribute.value as StunAttributeValues[Type])
}

/** The two class bits C1 and C0 where they lie in the message type (RFC 8489 §5). */
const CLASS_BITS: Readonly<Record<StunClass, number>> = {
  request: 0x000,
  indication: 0x010,
  success: 0x100,
  error: 0x110,
}

/** Returns the 14-bit message type: the method's bits with the class bits C1 and C0 between them (RFC 8489 §5). */
export function messageType(method: number, messageClass: StunClass): number {
  return ((method & 0xf80) << 2) | ((method & 0x070) << 1) | (method & 0x00f) | CLASS_BITS[messageClass]
}

/** Returns the class in a 14-bit message type. */
export function classOf(type: number): StunClass {
  if ((type & 0x100) === 0) return (type & 0x010) === 0 ? 'request' : 'indication'
  return (type & 0x010) === 0 ? 'success' : 'error'
}

/** Returns the method in a 14-bit message type. */
export function methodOf(type: number): number {
  return ((type & 0x3e00) >> 2) | ((type & 0x00e0) >> 1) | (type & 0x000f)
}
