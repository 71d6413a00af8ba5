import { portableCrypto } from '@sallyport/crypto'
import { SocketAddress, toHex } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import {
  attributeOf,
  BINDING,
  encodeStun,
  parseStun,
  type StunMessage,
  shortTermKey,
  verifyFingerprint,
  verifyIntegrity,
} from '../src/index.ts'

/** What `node:dgram` delivers: a `Uint8Array` whose `slice` doesn't copy. */
class NodeBuffer extends Uint8Array {
  override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
    return this.subarray(start, end) as Uint8Array<ArrayBuffer>
  }
}

test('parsing and verifying a datagram in a Buffer of Node.js leaves it as it is', () => {
  const key = shortTermKey('password')
  const mapped = SocketAddress.of('[2001:db8::7]:52625')
  const encoded = encodeStun(
    {
      class: 'success',
      method: BINDING,
      transactionId: new Uint8Array(12).fill(7),
      attributes: [{ type: 'xor-mapped-address', value: mapped }],
    },
    { crypto: portableCrypto, key, fingerprint: true },
  )
  const datagram = new NodeBuffer(encoded)

  const message = parseStun(datagram) as StunMessage
  expect(verifyIntegrity(message, key, portableCrypto)).toBe(true)
  expect(verifyFingerprint(message, portableCrypto)).toBe(true)
  expect(toHex(datagram)).toBe(toHex(encoded))
  datagram.fill(0)
  expect(attributeOf(message, 'xor-mapped-address')).toEqual(mapped)
})
