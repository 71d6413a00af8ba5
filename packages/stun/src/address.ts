import { IpAddress, SocketAddress, viewOf } from '@sallyport/sans-io'
import { MAGIC_COOKIE } from './message.ts'

/**
 * Reads an address attribute's value, `00 | family | port | address` (RFC 8489 §14.1).
 *
 * @returns `bad-attribute-length` or `bad-attribute-value` where it is none.
 */
export function readAddress(value: Uint8Array): SocketAddress | 'bad-attribute-length' | 'bad-attribute-value' {
  if (value.length < 4) return 'bad-attribute-length'
  if (value[1] !== 1 && value[1] !== 2) return 'bad-attribute-value'
  if (value.length !== (value[1] === 1 ? 8 : 20)) return 'bad-attribute-length'
  return new SocketAddress(IpAddress.fromBytes(value.subarray(4)), (value[2]! << 8) | value[3]!)
}

/** Returns an address attribute's value, 8 or 20 bytes (RFC 8489 §14.1). */
export function writeAddress(address: SocketAddress): Uint8Array {
  const { bytes } = address.ip
  const out = new Uint8Array(4 + bytes.length)
  out[1] = address.family === 4 ? 1 : 2
  out[2] = address.port >> 8
  out[3] = address.port & 0xff
  out.set(bytes, 4)
  return out
}

/**
 * Returns an address attribute's value with port and address hidden from rewriting NATs, or the other way round: the
 * exclusive or with the magic cookie and the transaction id (RFC 8489 §14.2). Its own inverse.
 */
export function xorAddress(value: Uint8Array, transactionId: Uint8Array): Uint8Array {
  const mask = new Uint8Array(16)
  viewOf(mask).setUint32(0, MAGIC_COOKIE)
  mask.set(transactionId, 4)
  const out = new Uint8Array(value) // not `slice`, which in a Buffer of Node.js is a view
  for (let i = 2; i < Math.min(4, out.length); i++) out[i] = out[i]! ^ mask[i - 2]!
  for (let i = 4; i < Math.min(20, out.length); i++) out[i] = out[i]! ^ mask[i - 4]!
  return out
}
