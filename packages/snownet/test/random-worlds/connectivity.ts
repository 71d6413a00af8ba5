import { minutes, seconds } from '@sallyport/sans-io'
import { reachabilityOf } from '@sallyport/testkit'
import { NoRelayError } from '../../src/index.ts'
import { GOODBYE } from '../world.ts'
import {
  type BuiltWorld,
  build,
  hasPath,
  knownSites,
  type RandomWorld,
  relayPathRoundTrip,
  reorders,
} from './random-world.ts'

/** What a node may hold in tables and queues for one connection and three relays. */
const MOST_HELD = 1000

/** Lossless: connects in time, as directly as NATs allow, in agreement; delivers once and in order; then falls silent. */
export function expectLosslessLife(random: RandomWorld): void {
  const built = build(random)
  tell(built, () => {
    const { world, client, gateway } = built
    world.network.run(seconds(2))
    if (!hasPath(random)) return expectNoConnection(built)

    const bound = 3 * (random.signalling + relayPathRoundTrip(random)) + 2000
    world.introduce(client, gateway)
    const early = client.send(gateway).join()
    expect(
      world.network.runUntil(() => isUp(built), seconds(bound / 1000)),
      `not connected after ${bound} ms`,
    )
    world.network.run(seconds(12)) // until hole punching has had its time
    expectAgreement(random, built)
    const delivered = gateway.packets.filter(packet => packet.join() === early).length
    expect(delivered === 1, `the packet that made the connection arrived ${delivered} times`)
    expectExchange(random, built)
    expectNoFailure(built)
    expectSilenceAfterClose(built)
  })
}

/**
 * With losses: connects within the bounds of retransmission. An attempt ends after 15.25 s and 2 s of grace without an
 * answer to checks, or 15 s without one to handshakes; with one datagram in five lost, three attempts are plenty.
 */
export function expectLossyLife(random: RandomWorld): void {
  const built = build(random)
  tell(built, () => {
    const { world, client, gateway } = built
    world.network.run(seconds(2))
    if (!hasPath(random)) return expectNoConnection(built)

    const start = world.network.now
    while (!isUp(built)) {
      expect(world.network.now - start <= LOSSY_BOUND, `not connected after ${LOSSY_BOUND} ms`)
      ask(built)
      world.network.runUntil(() => isUp(built), seconds(1))
    }
    const sent = exchange(built)
    for (const [peer, texts] of [
      [gateway, sent.up],
      [client, sent.down],
    ] as const) {
      const received = peer.packets.map(packet => packet.join())
      expect(new Set(received).size === received.length, `${peer.name} got a packet twice`)
      expect(
        received.every(packet => texts.includes(packet)),
        `${peer.name} got a packet that nobody sent`,
      )
    }
    expectSilenceAfterClose(built)
  })
}

const LOSSY_BOUND = minutes(1)

/** What applications do before they send a packet: ask the portal again once a connection is gone. */
function ask({ world, client, gateway }: BuiltWorld): void {
  if (client.stateTo(gateway) !== undefined && gateway.stateTo(client) !== undefined) return
  try {
    world.introduce(client, gateway)
  } catch (error) {
    if (!(error instanceof NoRelayError)) throw error
    for (const peer of [client, gateway]) peer.useRelays([...world.relays.keys()])
  }
}

const isUp = ({ client, gateway }: BuiltWorld): boolean =>
  client.isConnectedTo(gateway) && gateway.isConnectedTo(client)

/**
 * Both ends agree on whether they need a relay. Each may use its own where both of two relayed pairs work: the peers'
 * priorities for one pair differ where an address is known to one side by a check only (RFC 8445 §6.1.2.3), and a
 * nomination is never withdrawn.
 */
function expectAgreement(random: RandomWorld, { client, gateway }: BuiltWorld): void {
  const [ours, theirs] = [client.pathTo(gateway)!, gateway.pathTo(client)!]
  const reachability = reachabilityOf(knownSites(random))
  if (reachability === 'either') return
  const expected = reachability === 'direct'
  for (const path of [ours, theirs])
    expect((path === 'peer-to-peer') === expected, `paths are ${ours} and ${theirs}, but could be ${reachability}`)
}

function expectExchange(random: RandomWorld, built: BuiltWorld): void {
  const { client, gateway } = built
  const sent = exchange(built)
  for (const [peer, texts] of [
    [gateway, sent.up],
    [client, sent.down],
  ] as const) {
    const received = peer.packets.map(packet => packet.join())
    const inOrder = reorders(random) ? [...received].sort() : received
    const expected = reorders(random) ? [...texts].sort() : texts
    expect(
      inOrder.join('\n') === expected.join('\n'),
      `${peer.name} got ${received.length} of ${texts.length} packets, or in another order`,
    )
  }
}

/** Sends ten packets each way and waits until they are there. */
function exchange({ world, client, gateway }: BuiltWorld): { up: string[]; down: string[] } {
  const [up, down]: [string[], string[]] = [[], []]
  for (const peer of [client, gateway]) peer.received.length = 0
  for (let i = 0; i < 10; i++) {
    up.push(client.send(gateway).join())
    down.push(gateway.send(client).join())
    world.network.run(seconds(0.007))
  }
  world.network.run(seconds(2))
  return { up, down }
}

function expectNoConnection(built: BuiltWorld): void {
  ask(built)
  built.world.network.run(seconds(30))
  expect(!isUp(built), 'connected without a path')
  expectSilenceAfterClose(built)
}

function expectNoFailure({ client, gateway }: BuiltWorld): void {
  for (const [peer, other] of [
    [client, gateway],
    [gateway, client],
  ] as const)
    expect(!peer.has('connection-failed', other), `a connection of ${peer.name} failed`)
}

/** Whoever has said goodbye says nothing more, whatever the other side still sends, and holds on to nothing. */
function expectSilenceAfterClose({ world, client, gateway }: BuiltWorld): void {
  world.signalling = false
  for (const peer of [client, gateway]) {
    expect(peer.node.statistics.held < MOST_HELD, `${peer.name} holds ${peer.node.statistics.held} things`)
    peer.node.closeAll(GOODBYE, world.network.now)
    peer.running.drive.drain()
    const before = peer.sentCount
    world.network.run(seconds(20))
    expect(peer.sentCount === before, `${peer.name} sends after it was closed`)
    expect(peer.node.pollTimeout() === undefined, `${peer.name} has a deadline after it was closed`)
    const { held } = peer.node.statistics
    expect(held === 0, `${peer.name} holds ${held} things after it was closed`)
  }
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

/** Adds to a failure how it came to that. */
function tell({ trace }: BuiltWorld, story: () => void): void {
  try {
    story()
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${trace.text}\n`, { cause: error })
  }
}
