import { SocketAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AddressCache } from './address-cache.ts'

function ask(cache: AddressCache, text: string): SocketAddress {
  const { ip, port } = SocketAddress.of(text)
  const view = new DataView(ip.bytes.slice().buffer)
  return ip.family === 4 ? cache.v4(view, 0, port) : cache.v6(view, 0, port)
}

test('a known address is the same object again', () => {
  const cache = new AddressCache(64)

  const first = ask(cache, '192.0.2.1:3478')

  expect(first.key).toBe('192.0.2.1:3478')
  expect(ask(cache, '192.0.2.1:3478')).toBe(first)
  expect(cache.misses).toBe(1)
})

test('addresses that differ in anything are told apart, however small the cache', () => {
  const cache = new AddressCache(4)
  const addresses = [
    '192.0.2.1:1',
    '192.0.2.1:2',
    '192.0.2.2:1',
    '[c000:201::]:1',
    '[::c000:201]:1',
    '[::]:1',
    '0.0.0.0:1',
  ]
  for (let round = 0; round < 3; round++) for (const text of addresses) expect(ask(cache, text).key).toBe(text)
})

test('whatever is asked for is what comes out', () => {
  const cache = new AddressCache(16)
  const bytes = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  fc.assert(
    fc.property(bytes, fc.nat({ max: 0xffff }), (ip, port) => {
      const view = new DataView(ip.buffer, ip.byteOffset)
      const found = ip.length === 4 ? cache.v4(view, 0, port) : cache.v6(view, 0, port)
      expect([...found.ip.bytes]).toEqual([...ip])
      expect(found.port).toBe(port)
    }),
  )
})

test('a quarter of the room holds nearly all of its addresses at once', () => {
  const cache = new AddressCache(4096)
  const addresses = Array.from({ length: 1000 }, (_, i) => `192.0.2.1:${32_768 + i * 7}`)

  for (let round = 0; round < 3; round++) for (const text of addresses) ask(cache, text)

  expect(cache.misses).toBeLessThan(1100)
})
