import { portableCrypto } from '@sallyport/crypto'
import { IpAddress, millis, minutes, SocketAddress, seconds } from '@sallyport/sans-io'
import type { NatKind } from '@sallyport/testkit'
import { describe, expect, test } from 'vitest'
import { NoRelayError } from '../src/index.ts'
import { expectExchange, expectPath, type Pair, pair } from './pair.ts'
import { GOODBYE, type Home, type Peer, packetOf } from './world.ts'

const PUBLIC: Home = { addresses: ['192.0.2.1'] }

describe('a path is found', () => {
  test('directly, where both are reachable: one round trip for ICE, one for WireGuard', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })

    const took = world.connect(client, gateway)

    // 30 ms until the client's candidates are there, and 20 ms for each round trip
    expect(took).toBeLessThan(30 + 2 * 20 + 25)
    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('through two NATs that keep ports, by hole punching', () => {
    const { world, client, gateway } = pair({ client: { nat: 'port-restricted' }, gateway: { nat: 'port-restricted' } })

    world.connect(client, gateway)
    world.network.run(seconds(5))

    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('through relays first, where other candidates come late; then directly, without losing a packet', () => {
    const { world, client, gateway } = pair({ client: { nat: 'port-restricted' }, gateway: { nat: 'port-restricted' } })
    world.signalling = false
    world.introduce(client, gateway)
    const tell = (from: Peer, to: Peer, isRelay: boolean): void => {
      for (const event of from.events.filter(({ type }) => type === 'candidate-added')) {
        const candidate = 'candidate' in event ? event.candidate : ''
        if (candidate.includes('typ relay') !== isRelay) continue
        to.node.addRemoteCandidate(to.idOf(from), candidate, world.network.now)
        to.running.drive.drain()
      }
    }
    const sent: Uint8Array[] = []
    const stream = (): void => {
      for (let i = 0; i < 20; i++) {
        sent.push(client.send(gateway))
        world.network.run(millis(100))
      }
    }

    tell(gateway, client, true)
    tell(client, gateway, true)
    stream()
    const first = client.pathTo(gateway)
    tell(gateway, client, false)
    tell(client, gateway, false)
    stream()

    expect(first).toMatch(/relay/)
    expectPath(world, client, gateway, 'peer-to-peer')
    expect(gateway.packets.slice(0, sent.length)).toEqual(sent)
  })

  test.each(['full-cone', 'address-restricted'] as const)('between a symmetric and a %s NAT: directly', nat => {
    const { world, client, gateway } = pair({ client: { nat: 'symmetric' }, gateway: { nat } })

    world.connect(client, gateway)
    world.network.run(seconds(5))

    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('between a symmetric and a port-restricted NAT: through one relay', () => {
    const { world, client, gateway } = pair({ client: { nat: 'symmetric' }, gateway: { nat: 'port-restricted' } })

    world.connect(client, gateway)
    world.network.run(seconds(20))

    expectExchange(world, client, gateway)
    expect(client.pathTo(gateway)).not.toBe('peer-to-peer')
  })

  test('between two symmetric NATs: through relays', () => {
    const { world, client, gateway } = pair({ client: { nat: 'symmetric' }, gateway: { nat: 'symmetric' } })

    world.connect(client, gateway)
    world.network.run(seconds(20))

    expectExchange(world, client, gateway)
    expect(client.pathTo(gateway)).toMatch(/relay/)
    expect(gateway.pathTo(client)).toMatch(/relay/)
  })

  test('through a symmetric NAT whose port is forwarded, because it is guessed', () => {
    const { world, client, gateway } = pair({ client: { nat: 'symmetric' }, gateway: { nat: 'symmetric' } })
    gateway.router!.nat!.forward(52_625, new SocketAddress(gateway.host.addressFor(4)!, 52_625))

    world.connect(client, gateway)
    world.network.run(seconds(20))

    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('with real cryptography, directly and through relays', () => {
    for (const nat of ['port-restricted', 'symmetric'] as const) {
      const { world, client, gateway } = pair({ client: { nat }, gateway: { nat }, crypto: portableCrypto })

      world.connect(client, gateway)
      world.network.run(seconds(5))

      expectExchange(world, client, gateway)
      expect(client.pathTo(gateway) === 'peer-to-peer').toBe(nat === 'port-restricted')
    }
  })

  test('when a symmetric NAT maps a peer to the port of relays', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'], port: 3478 } })

    world.connect(client, gateway)

    expectPath(world, client, gateway, 'peer-to-peer')
  })
})

describe('address families', () => {
  const v4 = { addresses: ['192.0.2.1'] }
  const v6 = { addresses: ['2001:db8:1::1'] }
  const dual = { addresses: ['192.0.2.1', '2001:db8:1::1'] }
  const other = (home: Home): Home => ({
    addresses: home.addresses!.map(text => text.replace(/192.0.2.1/, '192.0.2.2').replace(/:1::1/, ':2::1')),
  })

  test.each([
    ['IPv4', 'IPv4', v4, v4, 'peer-to-peer'],
    ['IPv6', 'IPv6', v6, v6, 'peer-to-peer'],
    ['two families', 'two families', dual, dual, 'peer-to-peer'],
    ['IPv4', 'two families', v4, dual, 'peer-to-peer'],
    ['IPv4', 'IPv6', v4, v6, 'relay'],
    ['IPv6', 'IPv4', v6, v4, 'relay'],
  ] as const)('%s to %s', (_, __, clientHome, gatewayHome, path) => {
    const { world, client, gateway } = pair({ client: clientHome, gateway: other(gatewayHome) })

    world.connect(client, gateway)
    world.network.run(seconds(5))

    expectExchange(world, client, gateway)
    expect(client.pathTo(gateway)).toContain(path)
  })
})

describe('relays', () => {
  test('a relayed connection moves to another relay that the portal names, and does not fail', () => {
    const { world, client, gateway } = relayedPair()
    world.addRelay('third', { addresses: ['198.51.100.3'] })

    for (const peer of [client, gateway]) peer.useRelays(world.names('third'), world.names('relay'))
    world.relays.get(world.names('relay')[0]!)!.kill()
    world.network.run(seconds(5))

    expectExchange(world, client, gateway)
    expect(failures(client, gateway)).toEqual([])
  })

  test('a relay that dies silently is noticed by its keep-alive, and left', () => {
    const { world, client, gateway } = relayedPair()
    world.addRelay('third', { addresses: ['198.51.100.3'] })
    for (const peer of [client, gateway]) peer.useRelays(world.names('third'))
    world.network.run(seconds(5))

    const used = client.node.statusOf(client.idOf(gateway))!.relay
    world.relays.get(used)!.kill()
    const start = world.network.now
    const hasLeft = (): boolean => client.node.statusOf(client.idOf(gateway))?.relay !== used
    world.network.runUntil(hasLeft, seconds(60))
    expect(world.network.now - start).toBeLessThanOrEqual(25_000 + 8125)
    world.network.run(seconds(30))
    if (client.pathTo(gateway) === undefined) world.connect(client, gateway)
    world.network.run(seconds(5))

    expectExchange(world, client, gateway)
    expect(client.node.statusOf(client.idOf(gateway))?.relay).not.toBe(used)
  })

  test('a relay that has not answered is drawn only where there is no other', () => {
    const { world, client, gateway } = pair({ client: { nat: 'symmetric' }, gateway: { nat: 'symmetric' } })
    const dead = world.addRelay('third', { addresses: ['198.51.100.3'] })
    dead.kill()
    for (const peer of [client, gateway]) peer.useRelays(world.names('third'))
    world.network.run(millis(200))

    for (let i = 0; i < 5; i++) {
      world.introduce(client, gateway)
      expect(client.node.statusOf(client.idOf(gateway))?.relay).toBe('relay')
      client.node.removeConnection(client.idOf(gateway))
    }
  })

  test('a relay that was restarted with other credentials is used anew', () => {
    const { world, client, gateway } = relayedPair()
    const relay = world.relays.get(world.names('relay')[0]!)!

    relay.kill()
    relay.start()
    for (const peer of [client, gateway]) peer.useRelays(world.names('relay'))
    world.network.run(seconds(5))

    expectExchange(world, client, gateway)
    expect(failures(client, gateway)).toEqual([])
  })

  test('a relay that was restarted unnoticed is left once a connection through it has failed', () => {
    const { world, client, gateway } = relayedPair()
    const relay = world.relays.get(world.names('relay')[0]!)!

    relay.kill()
    relay.start()
    world.network.runUntil(() => client.has('connection-failed', gateway))
    world.network.run(seconds(9))
    expect(() => world.introduce(client, gateway)).toThrow(NoRelayError)
    for (const peer of [client, gateway]) peer.useRelays(world.names('relay'))
    world.connect(client, gateway)

    expectExchange(world, client, gateway)
  })

  test('a direct connection does not notice that its relay is gone', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.connect(client, gateway)
    world.network.run(seconds(2))

    world.relays.get(world.names('relay')[0]!)!.kill()
    world.network.run(minutes(3))

    expectPath(world, client, gateway, 'peer-to-peer')
    expect(failures(client, gateway)).toEqual([])
  })

  test('idling twice for six minutes, while channels cool down, breaks nothing', () => {
    const { world, client, gateway } = relayedPair()

    for (let i = 0; i < 2; i++) {
      world.network.run(minutes(6))
      expectExchange(world, client, gateway)
    }
    expect(failures(client, gateway)).toEqual([])
  })
})

describe('a gateway that moves', () => {
  const homes = ['none', 'port-restricted', 'symmetric'] as const
  test.each(homes.flatMap(from => homes.map(to => [from, to] as const)))(
    'from a network with NAT %s to one with NAT %s keeps its connection',
    (from, to) => {
      const client: Home = { nat: from === 'none' ? 'port-restricted' : from }
      const { world, client: laptop, gateway } = pair({ client, gateway: from === 'none' ? {} : { nat: from } })
      world.connect(laptop, gateway)
      world.network.run(seconds(5))
      const segment =
        to === 'none'
          ? world.network.internet
          : world.network.addRouter('elsewhere', { address: '203.0.113.77', nat: to }).inside

      gateway.host.roam(segment, [IpAddress.of(to === 'none' ? '192.0.2.77' : '10.77.0.2')])
      gateway.node.relocate(world.network.now)
      gateway.running.drive.drain()
      // Somebody on either side has something to say all the time.
      const start = world.network.now
      let back: number | undefined
      for (let i = 0; i < 40 && back === undefined; i++) {
        const question = laptop.send(gateway)
        gateway.send(laptop)
        world.network.run(millis(100))
        if (gateway.packets.some(packet => packet.join() === question.join())) back = world.network.now - start
      }

      expect(back).toBeLessThan(2000)
      expect(failures(laptop, gateway)).toEqual([])
      world.network.run(seconds(20))
      expectExchange(world, laptop, gateway)
    },
  )
})

describe('packets', () => {
  test('of a client wait while it connects: the last 128', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.introduce(client, gateway)
    const packets = Array.from({ length: 130 }, () => client.send(gateway))

    world.network.run(seconds(2))

    expect(gateway.packets).toEqual(packets.slice(2))
  })

  test('of a gateway are dropped while it connects', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.introduce(client, gateway)
    gateway.send(client)

    world.network.run(seconds(2))

    expect(client.packets).toEqual([])
  })

  test('keep their ECN bits on the way, and are marked when the path was congested', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.connect(client, gateway)
    const packet = packetOf('ecn', 2)
    const sent = packet.slice()

    client.sendBytes(gateway, sent.slice())
    world.network.run(seconds(1))
    client.host.cable.congestion = 1
    client.sendBytes(gateway, sent.slice())
    client.sendBytes(gateway, packetOf('not capable', 0))
    world.network.run(seconds(1))

    expect(gateway.packets.map(received => received[1]! & 3)).toEqual([2, 3, 0])
    expect(gateway.packets[0]).toEqual(packet)
  })
})

describe('the end of a connection', () => {
  test('a goodbye is one datagram of 80 bytes and one event, and the other side decides what it means', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.connect(client, gateway)
    world.network.run(seconds(2))
    const before = gateway.received.length

    client.node.closeConnection(client.idOf(gateway), GOODBYE, world.network.now)
    const datagrams = client.takeTransmits()
    world.network.run(seconds(1))

    expect(datagrams.map(({ payload }) => payload.length)).toEqual([80])
    expect(client.eventsOf('connection-closed', gateway)).toHaveLength(1)
    expect(client.node.handleOf(client.idOf(gateway))).toBe(-1)
    expect(gateway.received.slice(before)).toEqual([])
    expect(gateway.events.filter(({ type }) => type === 'connection-closed')).toEqual([])
  })

  test('a goodbye of an idle connection is the same', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.connect(client, gateway)
    world.network.run(seconds(30))
    expect(client.stateTo(gateway)).toBe('idle')

    client.node.closeConnection(client.idOf(gateway), GOODBYE, world.network.now)

    expect(client.takeTransmits().map(({ payload }) => payload.length)).toEqual([80])
    expect(client.eventsOf('connection-closed', gateway)).toHaveLength(1)
  })

  test('a goodbye through a relay has four bytes more', () => {
    const { world, client, gateway } = relayedPair()

    client.node.closeConnection(client.idOf(gateway), GOODBYE, world.network.now)

    const isRelayed = client.pathsSeen.at(-1)!.startsWith('relay')
    expect(client.takeTransmits().map(({ payload }) => payload.length)).toEqual([isRelayed ? 84 : 80])
  })

  test('a goodbye arrives', () => {
    for (const { world, client, gateway } of [
      relayedPair(),
      pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } }),
    ]) {
      if (client.pathTo(gateway) === undefined) world.connect(client, gateway)
      world.network.run(seconds(2))

      gateway.node.closeAll(GOODBYE, world.network.now)
      gateway.running.drive.drain()
      world.network.run(seconds(1))

      expect(client.packets).toEqual([GOODBYE])
      expect(gateway.node.connectionCount).toBe(0)
      for (const relay of world.relays.values()) expect(relay.server.allocations).toBeLessThanOrEqual(1)
    }
  })

  test('nothing is said while connecting', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.introduce(client, gateway)

    client.node.closeConnection(client.idOf(gateway), GOODBYE, world.network.now)

    expect(client.takeTransmits()).toEqual([])
    client.running.drive.drain()
    expect(client.eventsOf('connection-closed', gateway)).toEqual([])
  })

  test('a lost goodbye costs 17 to 20 seconds', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.connect(client, gateway)
    world.network.run(seconds(3))

    client.send(gateway)
    const start = world.network.now
    gateway.node.closeAll(GOODBYE, start)
    gateway.takeTransmits()
    world.network.runUntil(() => client.has('connection-failed', gateway))

    expect(world.network.now - start).toBeGreaterThanOrEqual(17_000)
    expect(world.network.now - start).toBeLessThanOrEqual(20_000)
    expect(client.events.at(-1)).toMatchObject({ type: 'connection-failed', reason: 'ice-disconnected' })
  })

  test('without any candidate from the peer it fails after 10 s', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.signalling = false
    const start = world.network.now
    world.introduce(client, gateway)

    world.network.runUntil(() => client.has('connection-failed', gateway))

    expect(world.network.now - start).toBe(10_000)
    expect(client.events.at(-1)).toMatchObject({ type: 'connection-failed', reason: 'no-candidates' })
  })

  test('without any address of ours, because no relay answers, it fails after 10 s; the next attempt asks for relays', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    client.useRelays([], world.names('relay'))
    world.relays.get(world.names('relay')[0]!)!.kill()
    client.useRelays(world.names('relay'))
    const start = world.network.now
    world.introduce(client, gateway)

    world.network.runUntil(() => client.has('connection-failed', gateway))

    expect(world.network.now - start).toBe(10_000)
    expect(client.events.at(-1)).toMatchObject({ type: 'connection-failed', reason: 'no-candidates' })
    expect(() => world.introduce(client, gateway)).toThrow(NoRelayError)
  })

  test('when no path ever works it fails 2 s after the last pair', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    const start = world.network.now
    world.introduce(client, gateway)
    world.network.run(millis(31))
    gateway.host.unplug()

    world.network.runUntil(() => client.has('connection-failed', gateway))

    expect(world.network.now - start).toBeGreaterThanOrEqual(17_250)
    expect(world.network.now - start).toBeLessThanOrEqual(20_000)
  })
})

describe('idling', () => {
  test('after 20 s without packets checks become rare; a packet brings them back', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.connect(client, gateway)
    const count = (length: number): number => {
      const before = world.delivered
      world.network.run(seconds(length))
      return world.delivered - before
    }

    expect(client.stateTo(gateway)).toBe('connected')
    const busy = count(18)
    count(10)
    expect(client.stateTo(gateway)).toBe('idle')
    const idle = count(18)
    client.send(gateway)
    expect(client.stateTo(gateway)).toBe('connected')
    world.network.run(seconds(1))
    expect(gateway.stateTo(client)).toBe('connected')
    expect(idle).toBeLessThan(busy / 4)
  })

  test('an idle connection whose peer is gone is noticed within 127 s', () => {
    const { world, client, gateway } = pair({ client: PUBLIC, gateway: { addresses: ['192.0.2.2'] } })
    world.connect(client, gateway)
    world.network.run(seconds(60))

    const start = world.network.now
    gateway.host.unplug()
    world.network.runUntil(() => client.has('connection-failed', gateway), minutes(5))

    expect(world.network.now - start).toBeGreaterThan(20_000)
    expect(world.network.now - start).toBeLessThanOrEqual(127_000)
  })
})

/** Two peers that are connected through relays only. */
function relayedPair(nat: NatKind = 'symmetric'): Pair {
  const all = pair({ client: { nat }, gateway: { nat } })
  all.world.connect(all.client, all.gateway)
  all.world.network.run(seconds(3))
  expect(all.client.pathTo(all.gateway)).toMatch(/relay/)
  return all
}

const failures = (...peers: Peer[]): unknown[] =>
  peers.flatMap(({ events }) => events.filter(({ type }) => type === 'connection-failed'))
