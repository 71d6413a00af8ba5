import { SocketAddress } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { PeerSocket } from './peer-socket.ts'

const [a, b, c] = ['192.0.2.1:1', '192.0.2.2:2', '192.0.2.3:3'].map(text => SocketAddress.of(text)) as [
  SocketAddress,
  SocketAddress,
  SocketAddress,
]

test.each([
  [false, false, 'peer-to-peer', false],
  [false, true, 'peer-to-relay', false],
  [true, false, 'relay-to-peer', true],
  [true, true, 'relay-to-relay', true],
] as const)('local relay %s, remote relay %s: %s', (localIsRelay, remoteIsRelay, kind, isRelayed) => {
  const socket = new PeerSocket(a, b, localIsRelay, remoteIsRelay)
  expect(socket).toMatchObject({ kind, isRelayed })
  expect(`${socket}`).toBe(`${kind} 192.0.2.1:1 → 192.0.2.2:2`)
})

test('two sockets are the same when kind and both ends are', () => {
  const socket = new PeerSocket(a, b, false, false)
  expect(socket.equals(new PeerSocket(SocketAddress.of('192.0.2.1:1'), b, false, false))).toBe(true)
  expect(socket.equals(new PeerSocket(a, b, false, true))).toBe(false)
  expect(socket.equals(new PeerSocket(c, b, false, false))).toBe(false)
  expect(socket.equals(new PeerSocket(a, c, false, false))).toBe(false)
})
