import { makeTcpPacket, PacketHeader } from '@sallyport/ip-packet'
import {
  equalBytes,
  type Instant,
  IpAddress,
  minutes,
  PacketBuffer,
  randomBytes,
  SocketAddress,
  seconds,
  seededRandom,
  type Transmit,
  type WallClock,
} from '@sallyport/sans-io'
import { fastCrypto, SimulatedNetwork } from '@sallyport/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ConnectionOptions, Node, NoRelayError, type RelayId, type RelayServer } from '../src/index.ts'
import { expectExchange, expectPath, pair } from './pair.ts'
import { type Home, id, type Peer, packetOf } from './world.ts'

const HOMES: { client: Home; gateway: Home } = {
  client: { addresses: ['192.0.2.1'] },
  gateway: { addresses: ['192.0.2.2'] },
}

describe('upsertConnection', () => {
  test('needs a relay, and spares the connection that exists if there is none', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    client.useRelays([], world.names('relay'))

    world.introduce(client, gateway) // reuse: needs none
    const changed = { ...options(1), peerPublicKey: gateway.node.publicKey }
    expect(() => client.node.upsertConnection(id('gateway'), changed, world.network.now)).toThrow(NoRelayError)
    expect(() => client.node.upsertConnection(id('new'), options(2), world.network.now)).toThrow(
      expect.objectContaining({ code: 'SNOWNET_NO_RELAY', connection: 'new' }),
    )

    expectPath(world, client, gateway, 'peer-to-peer')
    expect(client.node.connectionCount).toBe(1)
  })

  test('of the same two processes keeps agent, tunnel and path, and tells all candidates again', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    world.network.run(seconds(30))
    const handle = client.node.handleOf(id('gateway'))
    const told = candidatesOf(client)
    expect(client.stateTo(gateway)).toBe('idle')
    client.events.length = 0

    world.introduce(client, gateway)

    expect(client.stateTo(gateway)).toBe('connected')
    expect(client.node.handleOf(id('gateway'))).toBe(handle)
    expect(candidatesOf(client)).toEqual(told)
    expectPath(world, client, gateway, 'peer-to-peer')
    expect(client.has('connection-established', gateway)).toBe(false)
  })

  test('with other keys starts anew, without an event, under another number', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    const handle = client.node.handleOf(id('gateway'))
    client.events.length = 0

    client.node.upsertConnection(id('gateway'), options(1), world.network.now)
    client.running.drive.drain()

    expect(client.stateTo(gateway)).toBe('connecting')
    expect(client.node.handleOf(id('gateway'))).not.toBe(handle)
    expect(client.node.idOf(handle)).toBeUndefined()
    expect(client.events.map(({ type }) => type)).not.toContain('connection-closed')
  })

  test('with keys or credentials that can not be any throws, and spares the connection that exists', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    const upsert = (changed: Partial<ConnectionOptions>) => () =>
      client.node.upsertConnection(id('gateway'), { ...options(1), ...changed }, world.network.now)

    expect(upsert({ peerPublicKey: new Uint8Array(31) })).toThrow(
      expect.objectContaining({ code: 'WIREGUARD_INVALID_PEER_KEY' }),
    )
    expect(upsert({ presharedKey: new Uint8Array(31) })).toThrow(
      expect.objectContaining({ code: 'WIREGUARD_INVALID_PRESHARED_KEY' }),
    )
    expect(upsert({ localCredentials: { ufrag: 'a:b', password: 'p' } })).toThrow(
      expect.objectContaining({ code: 'ICE_BAD_OPTIONS' }),
    )

    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('tells candidates most preferred first: host, then server-reflexive, then relayed', () => {
    const { world, client, gateway } = pair({ ...HOMES, client: { nat: 'full-cone' } })

    world.introduce(client, gateway)

    expect(candidatesOf(client).map(line => line.split(' ').slice(2, 8).join(' '))).toEqual([
      expect.stringMatching(/^udp 2130706175 10\.0\.1\.2 52625 typ host$/),
      expect.stringMatching(/^udp 1694498559 203\.0\.113\.1 52625 typ srflx$/),
      expect.stringMatching(/^udp 37748479 198\.51\.100\.1 \d+ typ relay$/),
      expect.stringMatching(/^udp 37492735 2001:db8:ffff::1 \d+ typ relay$/),
    ])
  })
})

describe('candidates', () => {
  test('of the peer that arrive before the connection wait for it', () => {
    const { world, client, gateway } = pair(HOMES)
    world.signalling = false
    world.introduce(client, gateway)
    const lines = candidatesOf(gateway)
    client.node.removeConnection(id('gateway'))
    for (const line of [...lines, 'nonsense']) client.node.addRemoteCandidate(id('gateway'), line, world.network.now)
    client.node.removeRemoteCandidate(id('gateway'), 'nonsense', world.network.now)
    world.network.run(seconds(2))

    world.introduce(client, gateway)
    world.network.runUntil(() => client.isConnectedTo(gateway))

    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('that are no candidates, or somebody else’s, are ignored', () => {
    const { world, client, gateway } = pair(HOMES)
    world.signalling = false
    world.introduce(client, gateway)

    for (const line of [
      '',
      'candidate:',
      'candidate:1 1 udp 1 192.0.2.2 1 typ',
      'candidate:1 1 udp 1 example.com 1 typ host',
      'candidate:1 2 udp 1 192.0.2.2 1 typ host',
      'candidate:1 1 udp 1 192.0.2.2 1 typ host ufrag else',
    ]) {
      client.node.addRemoteCandidate(id('gateway'), line, world.network.now)
      client.node.removeRemoteCandidate(id('gateway'), line, world.network.now)
    }
    world.network.run(seconds(11))

    expect(client.events.at(-1)).toMatchObject({ type: 'connection-failed', reason: 'no-candidates' })
  })

  test('of ours that vanish with a relay are taken back as they were told, and the new ones told', () => {
    const { world, client, gateway } = pair({ ...HOMES, relays: 2 })
    world.introduce(client, gateway)
    const used = client.node.statusOf(id('gateway'))!.relay
    const told = candidatesOf(client)
    client.events.length = 0

    client.useRelays([], [used])

    const removed = client.events.flatMap(event => (event.type === 'candidate-removed' ? [event.candidate] : []))
    expect(removed).toEqual(told.filter(line => line.includes('typ relay')))
    expect(candidatesOf(client).every(line => line.includes('typ relay'))).toBe(true)
    expect(candidatesOf(client)).toHaveLength(2)
    expect(client.node.statusOf(id('gateway'))!.relay).not.toBe(used)
  })

  test('of the peer that are taken back are not used any more, and may come again', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    world.network.run(seconds(2))
    const host = candidatesOf(gateway).find(line => line.includes('typ host'))!
    const reflexive = candidatesOf(gateway).find(line => line.includes('typ srflx'))!

    for (const line of [host, reflexive]) client.node.removeRemoteCandidate(id('gateway'), line, world.network.now)
    client.running.drive.drain()
    world.network.run(seconds(2))
    expect(client.pathTo(gateway)).not.toBe('peer-to-peer')
    expectExchange(world, client, gateway)
    client.node.addRemoteCandidate(id('gateway'), host, world.network.now)
    client.running.drive.drain()
    world.network.run(seconds(2))

    expectPath(world, client, gateway, 'peer-to-peer')
  })
})

describe('reset', () => {
  test('closes all, changes our key, says nothing, and lets us begin again elsewhere', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    const key = client.node.publicKey

    client.host.roam(world.network.internet, [IpAddress.of('192.0.2.77')])
    client.node.reset(world.network.now)
    expect(client.takeTransmits()).toEqual([])
    client.useRelays(world.names('relay'))
    world.network.run(seconds(1))

    expect(client.eventsOf('connection-closed', gateway)).toHaveLength(1)
    expect(equalBytes(client.node.publicKey, key)).toBe(false)
    world.connect(client, gateway)
    expectPath(world, client, gateway, 'peer-to-peer')
    expect(gateway.eventsOf('connection-failed', client)).toEqual([])
  })
})

describe('removeConnection', () => {
  test('is silent and harmless when there is none', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    client.events.length = 0

    client.node.removeConnection(id('gateway'))
    client.node.removeConnection(id('gateway'))
    client.node.closeConnection(id('gateway'), packetOf('bye'), world.network.now)

    expect(client.takeTransmits()).toEqual([])
    expect(client.events).toEqual([])
    expect(client.node.handleOf(id('gateway'))).toBe(-1)
    expect(client.node.sendPacket(id('gateway'), packetOf('x'), world.network.now)).toBe(false)
    expect(client.node.statusOf(id('gateway'))).toBeUndefined()
  })
})

test('a packet that waits for the connection arrives as it was sent, also when its Buffer is used again', () => {
  const { Buffer } = globalThis as unknown as { Buffer: { from(bytes: Uint8Array): Uint8Array } }
  const { world, client, gateway } = pair(HOMES)
  world.connect(client, gateway)
  const reused = Buffer.from(packetOf('early'))
  client.node.sendPacket(id('gateway'), reused, world.network.now)
  reused.fill(0)
  world.network.run(seconds(3))

  expect(gateway.packets.map(packet => [...packet])).toContainEqual([...packetOf('early')])
})

describe('trains', () => {
  test('are cut into packets, each of which arrives', () => {
    for (const home of [HOMES.client, { nat: 'symmetric' } as const]) {
      const { world, client, gateway } = pair({ client: home, gateway: home === HOMES.client ? HOMES.gateway : home })
      world.connect(client, gateway)
      world.network.run(seconds(3))
      const payload = randomBytes(seededRandom(1), 20_000)
      const train = makeTcpPacket({
        source: IpAddress.of('100.64.0.1'),
        destination: IpAddress.of('100.64.0.2'),
        sourcePort: 1,
        destinationPort: 2,
        sequence: 7,
        payload,
      })

      expect(client.sendBytes(gateway, train, 1240)).toBe(17)
      world.network.run(seconds(1))

      const header = new PacketHeader()
      const parts = gateway.packets.map(packet => {
        expect(header.parse(packet, 0, packet.length)).toBeUndefined()
        return packet.slice(header.payloadOffset)
      })
      expect(parts.map(part => part.length).slice(0, 16)).toEqual(new Array(16).fill(1240))
      expect(Uint8Array.from(parts.flatMap(part => [...part]))).toEqual(payload)
    }
  })

  test('of several datagrams in one buffer are taken apart again', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    const { trains, out, packets } = buffers()
    const sent = ['a', 'b', 'c'].map(text => packetOf(text))
    for (const packet of sent) {
      trains.clear()
      trains.appendCopy(packet.slice())
      client.node.encapsulate(client.node.handleOf(id('gateway')), trains, 0, out, world.network.now)
    }

    const batch = PacketBuffer.alone({ capacity: 1, stride: 4096, headroom: 128 })
    const all = [0, 1, 2].flatMap(i => [...out.bytesOf(i)])
    batch.appendCopy(Uint8Array.from([...all, ...out.bytesOf(2).slice(0, 20)])) // and a stump
    batch.segmentSize[0] = out.length[0]!
    batch.local[0] = out.remote[0]
    batch.remote[0] = out.local[0]
    gateway.node.decapsulate(batch, packets, world.network.now)

    expect([0, 1, 2].map(i => packets.bytesOf(i).slice())).toEqual(sent)
    expect([...packets.peer.slice(0, 3)]).toEqual(new Array(3).fill(gateway.node.handleOf(id('client'))))
    expect(gateway.node.statistics.droppedDatagrams).toBe(1)
  })

  test('that are broken, or for which there is no room or no peer, are dropped and counted', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    const handle = client.node.handleOf(id('gateway'))
    const { trains, out } = buffers()
    trains.appendCopy(packetOf('fine'))
    trains.appendCopy(new Uint8Array(30))
    const small = PacketBuffer.alone({ capacity: 1, stride: 128, headroom: 120 })

    client.node.encapsulate(99, trains, 0, out, world.network.now)
    client.node.encapsulate(handle, trains, 1, out, world.network.now)
    client.node.encapsulate(handle, trains, 0, small, world.network.now)

    expect(out.count + small.count).toBe(0)
    expect(client.node.statistics.droppedPackets).toBe(3)
  })

  test('for a relayed peer without a channel are dropped, and the channel is asked for', () => {
    const { world, client, gateway } = pair({ client: { nat: 'symmetric' }, gateway: { nat: 'symmetric' } })
    world.connect(client, gateway)
    world.network.run(seconds(2))
    const relayed = [client, gateway].find(peer =>
      peer.pathTo(peer === client ? gateway : client)!.startsWith('relay'),
    )!
    const other = relayed === client ? gateway : client
    world.addRelay('second', { addresses: ['198.51.100.2'] })
    relayed.useRelays(world.names('second'), world.names('relay')) // data goes through the new relay from here on
    world.network.run(seconds(1))

    const before = relayed.node.statistics.droppedPackets
    relayed.send(other)
    expect(relayed.node.statistics.droppedPackets - before).toBeLessThanOrEqual(1)
    world.network.run(seconds(5))
    expectExchange(world, client, gateway)
  })
})

describe('the tunnel', () => {
  test('expires 15 s after the first handshake that nobody answers', () => {
    const { world, client, gateway } = pair(HOMES)
    const start = world.network.now
    // The gateway knows another key of the client: connectivity checks are fine, handshakes are not.
    const creds = options(3)
    const swapped = { ...creds, localCredentials: creds.remoteCredentials, remoteCredentials: creds.localCredentials }
    gateway.node.upsertConnection(id('client'), { ...swapped, peerPublicKey: new Uint8Array(32).fill(9) }, start)
    client.node.upsertConnection(id('gateway'), { ...creds, peerPublicKey: gateway.node.publicKey }, start)
    for (const peer of [client, gateway]) peer.running.drive.drain()

    world.network.runUntil(() => client.has('connection-failed', gateway))

    expect(client.events.at(-1)).toMatchObject({ type: 'connection-failed', reason: 'tunnel-expired' })
    expect(world.network.now - start).toBeGreaterThanOrEqual(15_000)
    expect(world.network.now - start).toBeLessThanOrEqual(16_000)
  })

  test('of an idle client is renewed every three minutes, for ever', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)

    world.network.run(minutes(60))

    expectPath(world, client, gateway, 'peer-to-peer')
    expect(client.eventsOf('connection-established', gateway)).toHaveLength(1)
  })

  test('asks for a cookie when too many strangers knock, and friends still get in', () => {
    const { world, client, gateway } = pair(HOMES)
    world.introduce(client, gateway)
    let initiation: Transmit | undefined
    world.network.runUntil(() => client.pathTo(gateway) !== undefined)
    world.connect(client, gateway)
    client.node.reset(world.network.now)
    client.useRelays(world.names('relay'))
    world.network.run(seconds(1))
    world.introduce(client, gateway)
    world.network.runUntil(() => {
      initiation ??= client.lastSent.find(({ payload }) => payload.length === 148)
      return initiation !== undefined
    })

    for (let i = 0; i < 150; i++)
      gateway.node.handleInput(
        { local: initiation!.remote, remote: SocketAddress.of('192.0.2.66:1'), payload: initiation!.payload },
        world.network.now,
      )

    const answers = gateway.takeTransmits().map(({ payload }) => payload.length)
    expect(answers.filter(length => length === 64).length).toBeGreaterThanOrEqual(49) // smaller than the question
    expect(answers.filter(length => length === 92).length).toBeLessThanOrEqual(1)
  })
})

describe('strangers', () => {
  const local = SocketAddress.of('192.0.2.2:52625')
  const remotes = ['198.51.100.1:3478', '192.0.2.1:52625', '203.0.113.99:3478'].map(text => SocketAddress.of(text))

  test('achieve nothing with arbitrary bytes', () => {
    const { world, client, gateway } = pair(HOMES)
    world.connect(client, gateway)
    world.network.run(seconds(1))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...remotes), (payload, remote) => {
        expect(gateway.node.handleInput({ local, remote, payload }, world.network.now)).toBe(false)
        expect(gateway.takeTransmits()).toEqual([])
      }),
    )
    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('achieve nothing with what was recorded and changed in one bit, or repeated', () => {
    const { world, client, gateway } = pair(HOMES)
    gateway.recorded = []
    world.connect(client, gateway)
    client.send(gateway)
    world.network.run(seconds(1))
    const recorded = gateway.recorded
    gateway.recorded = undefined
    const before = gateway.received.length
    fc.assert(
      fc.property(
        fc.constantFrom(...recorded.filter(({ payload }) => payload[0] !== 0 && payload[0] !== 1)),
        fc.nat(),
        fc.nat(7),
        (datagram, where, bit) => {
          const payload = datagram.payload.slice()
          gateway.node.handleInput({ ...datagram, payload }, world.network.now)
          payload[where % payload.length]! ^= 1 << bit
          gateway.node.handleInput({ ...datagram, payload }, world.network.now)
        },
      ),
      { numRuns: 500 },
    )
    gateway.running.drive.drain()

    expect(gateway.received.length).toBe(before)
    expectPath(world, client, gateway, 'peer-to-peer')
  })

  test('achieve nothing with a datagram longer than any', () => {
    const { world, gateway } = pair(HOMES)
    const payload = new Uint8Array(70_000)
    expect(gateway.node.handleInput({ local, remote: remotes[1]!, payload }, world.network.now)).toBe(false)
  })
})

test('a node without relays sleeps; one with relays that nobody answers for gives them up', () => {
  const network = new SimulatedNetwork()
  const calendar = { instant: network.now, wallClock: 1_758_585_600_000 as WallClock }
  const node = new Node({ role: 'client', crypto: fastCrypto, random: seededRandom(1), calendar }, network.now)
  expect(node.pollTimeout()).toBeUndefined()
  const relay: RelayServer = {
    id: 'r' as RelayId,
    v4: SocketAddress.of('198.51.100.1:3478'),
    username: 'u',
    password: 'p',
    realm: 'firezone',
  }
  const tooLong = { ...relay, id: 's' as RelayId, username: 'u'.repeat(513) }

  node.updateRelays(new Set(), [relay, tooLong], network.now)
  let now = network.now
  for (let at = node.pollTimeout(); at !== undefined; at = node.pollTimeout()) {
    expect(at).toBeGreaterThan(now)
    now = at
    node.handleTimeout(now)
    while (node.pollTransmit() !== undefined);
  }

  expect(now - network.now).toBe(8125)
  expect(node.statistics.relayStunBytes).toBe(4 * 108)
  expect(() => node.upsertConnection(id('x'), options(1), now as Instant)).toThrow(NoRelayError)
})

test('STUN that was sent is counted, directly and through relays with the headers', () => {
  const { world, client, gateway } = pair({ client: { nat: 'symmetric' }, gateway: { nat: 'symmetric' } })
  world.connect(client, gateway)
  world.network.run(seconds(5))

  const { direct, relayed } = client.node.statusOf(id('gateway'))!.stunBytes
  expect(direct).toBeGreaterThan(0)
  expect(relayed).toBeGreaterThan(0)
  expect(client.node.statistics.relayStunBytes).toBeGreaterThan(0)
})

const candidatesOf = (peer: Peer): string[] =>
  peer.events.flatMap(event => (event.type === 'candidate-added' ? [event.candidate] : []))

const options = (seed: number): ConnectionOptions => ({
  peerPublicKey: new Uint8Array(32).fill(seed),
  presharedKey: new Uint8Array(32).fill(seed),
  localCredentials: { ufrag: `l${seed}`, password: 'local password, 22 bytes' },
  remoteCredentials: { ufrag: `r${seed}`, password: 'remote password, 22 bytes' },
})

function buffers(): { trains: PacketBuffer; out: PacketBuffer; packets: PacketBuffer } {
  const layout = { capacity: 4, stride: 2048, headroom: 128 }
  return { trains: PacketBuffer.alone(layout), out: PacketBuffer.alone(layout), packets: PacketBuffer.alone(layout) }
}
