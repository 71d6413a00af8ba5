import { type Instant, SocketAddress } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { CONNECTING_BUFFER, type ConnectionState, connecting, idleAt, nominated, socketOf } from './connection-state.ts'
import { PeerSocket } from './peer-socket.ts'

const at = (n: number): Instant => n as Instant
const address = SocketAddress.of('192.0.2.1:1')
const direct = new PeerSocket(address, address, false, false)
const relayed = new PeerSocket(address, address, true, true)
const failed: ConnectionState = { type: 'failed', reason: 'ice-disconnected' }

describe('a nominated path', () => {
  test('connects', () => {
    expect(nominated(connecting(), direct, at(7))).toEqual({ type: 'connected', socket: direct, lastActivity: 7 })
  })

  test('replaces another one and is no activity', () => {
    const before: ConnectionState = { type: 'connected', socket: relayed, lastActivity: at(3) }
    expect(nominated(before, direct, at(7))).toEqual({ type: 'connected', socket: direct, lastActivity: 3 })
  })

  test('wakes nobody', () => {
    expect(nominated({ type: 'idle', socket: relayed }, direct, at(7))).toEqual({ type: 'idle', socket: direct })
  })

  test('revives nobody', () => {
    expect(nominated(failed, direct, at(7))).toBe(failed)
  })
})

test('only a connection with a path can become idle, 20 s after its last packet', () => {
  expect(idleAt({ type: 'connected', socket: direct, lastActivity: at(3) })).toBe(20_003)
  for (const state of [connecting(), failed, { type: 'idle', socket: direct } as const])
    expect(idleAt(state)).toBeUndefined()
})

test('a path exists while connected or idle', () => {
  expect(socketOf(connecting())).toBeUndefined()
  expect(socketOf(failed)).toBeUndefined()
  expect(socketOf({ type: 'idle', socket: direct })).toBe(direct)
  expect(socketOf({ type: 'connected', socket: relayed, lastActivity: at(0) })).toBe(relayed)
})

test('what waits for a path is bounded, and the oldest gives way', () => {
  const state = connecting()
  if (state.type !== 'connecting') throw new Error()
  for (let i = 0; i < CONNECTING_BUFFER + 2; i++) state.packets.push(new Uint8Array([i]))
  expect(state.packets.length).toBe(128)
  expect(state.packets.shift()).toEqual(new Uint8Array([2]))
})
