import { portableCrypto } from '@sallyport/crypto'
import { seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { turnCredentials } from '../src/index.ts'
import { World } from './world.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const ids = (relays: readonly { id: string }[]): string[] => relays.map(({ id }) => id)

describe('a peer is given', () => {
  test('each address of a relay, next to each other, with credentials that the relay accepts', () => {
    const world = new World()
    const relay = world.relay({ ipv4: '203.0.113.101', ipv6: '203:0:113::101', secret: A })
    const client = world.client()
    const expiresAt = world.clientExpiry / 1000
    const { username, password } = turnCredentials(portableCrypto, client.publicKey, A, expiresAt)
    const common = { id: relay.id, type: 'turn', username, password, expires_at: expiresAt }

    expect(client.takeOnly('init').relays).toEqual([
      { ...common, addr: '203.0.113.101:3478' },
      { ...common, addr: '[203:0:113::101]:3478' },
    ])
  })

  test('the same credentials when it comes back with the same key, be it a client or a gateway', () => {
    const world = new World()
    world.relay()
    const [client, gateway] = [world.client({ key: world.freshKey() }), world.gateway({ key: world.freshKey() })]
    const before = [client.takeOnly('init').relays, gateway.takeOnly('init').relays]
    client.leave()
    gateway.leave()
    world.sleep(seconds(100))
    const again = [world.client({ key: client.publicKey }), world.gateway({ key: gateway.publicKey })]

    expect(again.map(peer => peer.takeOnly('init').relays)).toEqual(before)
    expect(before[1][0].expires_at).toBe(2_145_916_800)
  })

  test('two relays, the nearest of two places', () => {
    const world = new World()
    const place = (region: string, coordinates: string) => ({ location: { region, coordinates } })
    const berlin = world.relay({ ipv4: '203.0.113.1', ...place('DE', '52.52,13.405') })
    world.relay({ ipv4: '203.0.113.2', ...place('US', '37.77,-122.42') })
    const paris = world.relay({ ipv4: '203.0.113.3', ...place('FR', '48.8566,2.3522') })
    world.relay({ ipv4: '203.0.113.4' })
    const client = world.client({ location: { region: 'DE', coordinates: '50.11,8.68' } })

    expect(new Set(ids(client.takeOnly('init').relays))).toEqual(new Set([berlin.id, paris.id]))
  })
})

describe('when relays come and go', () => {
  test('a peer without one is told of the first, and not of further ones while that is there', () => {
    const world = new World()
    const peers = [world.client(), world.gateway()]
    for (const peer of peers) expect(peer.takeOnly('init').relays).toEqual([])

    const relay = world.relay({ ipv4: '203.0.113.1' })
    world.relay({ ipv4: '203.0.113.2' })

    for (const peer of peers) {
      const [message, ...others] = peer.take()
      expect(message).toMatchObject(['relays_presence', { disconnected_ids: [], connected: [{ id: relay.id }] }])
      expect(others).toEqual([])
    }
  })

  test.each([[[]], [['203.0.113.9']]])(
    'one that is back with its secret within 3 s has not been away (others: %j)',
    others => {
      const world = new World()
      const relay = world.relay({ ipv4: '203.0.113.1', secret: A })
      const client = world.client()
      client.take()
      for (const ipv4 of others) world.relay({ ipv4 })
      client.take()
      relay.leave()
      world.sleep(seconds(2.9))
      world.relay({ ipv4: '203.0.113.1', secret: A })
      world.sleep(seconds(10))

      expect(client.take()).toEqual([])
    },
  )

  test('one that is back with another secret is told of at once, as gone and as new', () => {
    const world = new World()
    const relay = world.relay({ secret: A })
    const client = world.client()
    const before = client.takeOnly('init').relays[0]
    relay.leave()
    world.sleep(seconds(1))
    world.relay({ secret: B })

    const { disconnected_ids: gone, connected } = client.takeOnly('relays_presence')
    expect(gone).toEqual([relay.id])
    expect(connected).toMatchObject([{ id: relay.id, addr: before.addr, username: before.username }])
    expect(connected[0].password).not.toBe(before.password)
    world.sleep(seconds(10))
    expect(client.take()).toEqual([])
  })

  test('one that restarted before its old connection was noticed to be dead is told of as well', () => {
    const world = new World()
    const relay = world.relay({ secret: A })
    const client = world.client()
    client.take()
    world.relay({ secret: B })
    expect(client.takeOnly('relays_presence').disconnected_ids).toEqual([relay.id])
    relay.leave()
    world.sleep(seconds(10))

    expect(client.take()).toEqual([])
  })

  test('one that stays away is told of after 3 s, with another one in its place', () => {
    const world = new World()
    const relay = world.relay({ ipv4: '203.0.113.1' })
    const client = world.client()
    const other = world.relay({ ipv4: '203.0.113.2' })
    client.take()
    relay.leave()
    world.sleep(seconds(2.9))
    expect(client.take()).toEqual([])
    world.sleep(seconds(0.1))

    const { disconnected_ids: gone, connected } = client.takeOnly('relays_presence')
    expect(gone).toEqual([relay.id])
    expect(ids(connected)).toEqual([other.id])
  })

  test('the last one that stays away leaves none, and the next one is told of', () => {
    const world = new World()
    const relay = world.relay({ ipv4: '203.0.113.1' })
    const client = world.client()
    client.take()
    relay.leave()
    world.sleep(seconds(3))
    expect(client.takeOnly('relays_presence')).toEqual({ disconnected_ids: [relay.id], connected: [] })

    const next = world.relay({ ipv4: '203.0.113.2' })
    expect(client.takeOnly('relays_presence')).toMatchObject({ disconnected_ids: [], connected: [{ id: next.id }] })
  })

  test('a peer whose only relay is being waited for gets another one at once', () => {
    const world = new World()
    const relay = world.relay({ ipv4: '203.0.113.1' })
    const client = world.client()
    client.take()
    relay.leave()
    const next = world.relay({ ipv4: '203.0.113.2' })

    expect(client.takeOnly('relays_presence')).toMatchObject({ disconnected_ids: [], connected: [{ id: next.id }] })
    world.sleep(seconds(3))
    const { disconnected_ids: gone, connected } = client.takeOnly('relays_presence')
    expect(gone).toEqual([relay.id])
    expect(ids(connected)).toEqual([next.id])
  })

  test('a peer that left is not told of anything, and nothing keeps waiting for it', () => {
    const world = new World()
    const relay = world.relay()
    const client = world.client()
    client.take()
    relay.leave()
    client.leave()
    world.sleep(seconds(10))

    expect(client.take()).toEqual([])
  })
})

test('a relay keeps its id by its address and port', () => {
  const world = new World()
  const first = world.relay({ ipv4: '203.0.113.1', port: '3478' })
  first.leave()

  expect(world.relay({ ipv4: '203.0.113.1' }).id).toBe(first.id)
  expect(world.relay({ ipv4: '203.0.113.1', port: '3479' }).id).not.toBe(first.id)
  expect(world.portal.rows('relays')).toHaveLength(2)
})
