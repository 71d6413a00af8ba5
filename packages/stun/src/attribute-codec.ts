import { concatBytes, parseUtf8, type SocketAddress, utf8, viewOf } from '@sallyport/sans-io'
import { readAddress, writeAddress, xorAddress } from './address.ts'
import type { ErrorCode, StunAddressFamily, StunAttributeValues } from './attribute.ts'
import { isChannelNumber } from './channel-data.ts'

const BAD_LENGTH: unique symbol = Symbol('bad-attribute-length')
const BAD_VALUE: unique symbol = Symbol('bad-attribute-value')

/** The two ways in which an attribute's value can be wrong. Symbols, because texts are values. */
type AttributeDefect = typeof BAD_LENGTH | typeof BAD_VALUE

/** How one type of attribute is read and written. */
export interface AttributeCodec<Value> {
  /** The attribute's 16-bit type. */
  readonly number: number
  /** Reads the unpadded value, a borrowed view. */
  read(bytes: Uint8Array, transactionId: Uint8Array): Value | AttributeDefect
  /** Returns the unpadded value, or `undefined` where the caller's value can't be written. */
  write(value: Value, transactionId: Uint8Array): Uint8Array | undefined
}

/** Every attribute that this codec understands. */
export const ATTRIBUTE_CODECS: {
  readonly [Type in keyof StunAttributeValues]: AttributeCodec<StunAttributeValues[Type]>
} = {
  'mapped-address': plainAddress(0x0001),
  username: text(0x0006, { bytes: 512 }),
  'message-integrity': opaque(0x0008, 20),
  'error-code': errorCode(0x0009),
  'unknown-attributes': unknownAttributes(0x000a),
  'channel-number': channelNumber(0x000c),
  lifetime: uint32(0x000d),
  'xor-peer-address': hiddenAddress(0x0012),
  data: opaque(0x0013),
  realm: text(0x0014, { characters: 127 }),
  nonce: text(0x0015, { characters: 127 }),
  'xor-relayed-address': hiddenAddress(0x0016),
  'requested-address-family': addressFamily(0x0017),
  'even-port': evenPort(0x0018),
  'requested-transport': requestedTransport(0x0019),
  'dont-fragment': flag(0x001a),
  'xor-mapped-address': hiddenAddress(0x0020),
  'reservation-token': opaque(0x0022, 8),
  priority: uint32(0x0024),
  'use-candidate': flag(0x0025),
  'additional-address-family': addressFamily(0x8000),
  'address-error-code': addressErrorCode(0x8001),
  software: text(0x8022, { characters: 127 }),
  'alternate-server': plainAddress(0x8023),
  fingerprint: uint32(0x8028),
  'ice-controlled': uint64(0x8029),
  'ice-controlling': uint64(0x802a),
}

/** The name of each attribute that this codec understands, by number. */
export const ATTRIBUTE_NAMES: ReadonlyMap<number, keyof StunAttributeValues> = new Map(
  (Object.keys(ATTRIBUTE_CODECS) as (keyof StunAttributeValues)[]).map(name => [ATTRIBUTE_CODECS[name].number, name]),
)

/** Returns the public name of `value` if it is a defect, else `undefined`. */
export function attributeDefect(value: unknown): 'bad-attribute-length' | 'bad-attribute-value' | undefined {
  if (value === BAD_LENGTH) return 'bad-attribute-length'
  return value === BAD_VALUE ? 'bad-attribute-value' : undefined
}

function plainAddress(number: number): AttributeCodec<SocketAddress> {
  return { number, read: bytes => addressOrDefect(readAddress(bytes)), write: writeAddress }
}

function hiddenAddress(number: number): AttributeCodec<SocketAddress> {
  return {
    number,
    read: (bytes, transactionId) => addressOrDefect(readAddress(xorAddress(bytes, transactionId))),
    write: (address, transactionId) => xorAddress(writeAddress(address), transactionId),
  }
}

function addressOrDefect(address: ReturnType<typeof readAddress>): SocketAddress | AttributeDefect {
  if (address === 'bad-attribute-length') return BAD_LENGTH
  return address === 'bad-attribute-value' ? BAD_VALUE : address
}

/** A text of at most so many bytes, or fewer than 128 characters, which may be up to 763 bytes (RFC 8489 §14.9). */
function text(number: number, limit: { bytes: number } | { characters: number }): AttributeCodec<string> {
  const fits = (value: string, bytes: number): boolean =>
    'bytes' in limit ? bytes <= limit.bytes : bytes <= 763 && characters(value) <= limit.characters
  return {
    number,
    read: bytes => {
      const value = parseUtf8(bytes)
      return value !== undefined && fits(value, bytes.length) ? value : BAD_VALUE
    },
    write: value => {
      const bytes = utf8(value)
      return fits(value, bytes.length) ? bytes : undefined
    },
  }
}

function characters(value: string): number {
  let count = 0
  for (const _ of value) count++
  return count
}

function opaque(number: number, length?: number): AttributeCodec<Uint8Array> {
  const fits = (bytes: Uint8Array): boolean => length === undefined || bytes.length === length
  return {
    number,
    read: bytes => (fits(bytes) ? bytes : BAD_LENGTH),
    write: bytes => (fits(bytes) ? bytes : undefined),
  }
}

/** `00 00 | class | number | reason` (RFC 8489 §14.8). */
function errorCode(number: number): AttributeCodec<ErrorCode> {
  return { number, read: readErrorCode, write: error => writeErrorCode(error, 0) }
}

/** `family | 00 | class | number | reason` (RFC 8656 §18.12). */
function addressErrorCode(number: number): AttributeCodec<ErrorCode & { readonly family: StunAddressFamily }> {
  return {
    number,
    read: bytes => {
      const error = readErrorCode(bytes)
      if (typeof error === 'symbol') return error
      const family = readFamily(bytes[0]!)
      return family === undefined ? BAD_VALUE : { family, ...error }
    },
    write: error => writeErrorCode(error, familyNumber(error.family)),
  }
}

function readErrorCode(bytes: Uint8Array): ErrorCode | AttributeDefect {
  if (bytes.length < 4) return BAD_LENGTH
  const hundreds = bytes[2]! & 0x07
  const rest = bytes[3]!
  const reason = parseUtf8(bytes.subarray(4))
  if (hundreds < 3 || hundreds > 6 || rest > 99) return BAD_VALUE
  if (reason === undefined || bytes.length > 4 + 763) return BAD_VALUE
  return { code: hundreds * 100 + rest, reason }
}

function writeErrorCode({ code, reason }: ErrorCode, firstByte: number): Uint8Array | undefined {
  if (!Number.isInteger(code) || code < 300 || code > 699) return undefined
  const bytes = utf8(reason)
  if (bytes.length > 763) return undefined
  return concatBytes(Uint8Array.of(firstByte, 0, Math.floor(code / 100), code % 100), bytes)
}

function unknownAttributes(number: number): AttributeCodec<readonly number[]> {
  return {
    number,
    read: bytes => {
      if (bytes.length % 2 !== 0) return BAD_LENGTH
      const view = viewOf(bytes)
      return Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i))
    },
    write: numbers => {
      const out = new Uint8Array(2 * numbers.length)
      const view = viewOf(out)
      for (const [i, each] of numbers.entries()) view.setUint16(2 * i, each)
      return out
    },
  }
}

function channelNumber(number: number): AttributeCodec<number> {
  return {
    number,
    read: bytes => {
      if (bytes.length !== 4) return BAD_LENGTH
      const channel = (bytes[0]! << 8) | bytes[1]!
      return isChannelNumber(channel) ? channel : BAD_VALUE
    },
    write: channel => (isChannelNumber(channel) ? Uint8Array.of(channel >> 8, channel & 0xff, 0, 0) : undefined),
  }
}

function uint32(number: number): AttributeCodec<number> {
  return {
    number,
    read: bytes => (bytes.length === 4 ? viewOf(bytes).getUint32(0) : BAD_LENGTH),
    write: value => {
      if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) return undefined
      const out = new Uint8Array(4)
      viewOf(out).setUint32(0, value)
      return out
    },
  }
}

function uint64(number: number): AttributeCodec<bigint> {
  return {
    number,
    read: bytes => (bytes.length === 8 ? viewOf(bytes).getBigUint64(0) : BAD_LENGTH),
    write: value => {
      if (value < 0n || value > 0xffff_ffff_ffff_ffffn) return undefined
      const out = new Uint8Array(8)
      viewOf(out).setBigUint64(0, value)
      return out
    },
  }
}

function addressFamily(number: number): AttributeCodec<StunAddressFamily> {
  return {
    number,
    read: bytes => (bytes.length === 4 ? (readFamily(bytes[0]!) ?? BAD_VALUE) : BAD_LENGTH),
    write: family => Uint8Array.of(familyNumber(family), 0, 0, 0),
  }
}

function readFamily(byte: number): StunAddressFamily | undefined {
  if (byte === 1) return 4
  return byte === 2 ? 6 : undefined
}

function familyNumber(family: StunAddressFamily): number {
  return family === 4 ? 1 : 2
}

function requestedTransport(number: number): AttributeCodec<number> {
  return {
    number,
    read: bytes => (bytes.length === 4 ? bytes[0]! : BAD_LENGTH),
    write: protocol => (protocol >= 0 && protocol <= 255 ? Uint8Array.of(protocol, 0, 0, 0) : undefined),
  }
}

function evenPort(number: number): AttributeCodec<boolean> {
  return {
    number,
    read: bytes => (bytes.length === 1 ? bytes[0]! >= 0x80 : BAD_LENGTH),
    write: reserveNext => Uint8Array.of(reserveNext ? 0x80 : 0),
  }
}

function flag(number: number): AttributeCodec<true> {
  return { number, read: bytes => (bytes.length === 0 ? true : BAD_LENGTH), write: () => new Uint8Array(0) }
}
