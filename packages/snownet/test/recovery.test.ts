import { IpAddress, type Millis, seconds } from '@sallyport/sans-io'
import { behaviourOf, type NatBehaviour } from '@sallyport/testkit'
import { describe, expect, test } from 'vitest'
import { type Pair, pair } from './pair.ts'
import type { Peer, World } from './world.ts'

// One test for each row of the table in docs/conformance.md: how long after a change packets flow again, both ways.
// A client and a gateway talk all the time; packets that are lost meanwhile count as not arrived.

describe('after a change packets flow again', () => {
  test('within 2 s of a client that roams and says so', () => {
    const { world, client, gateway } = talking({ client: {}, gateway: { addresses: ['192.0.2.2'] } })

    client.host.roam(world.network.internet, [IpAddress.of('192.0.2.77')])
    client.node.reset(world.network.now)
    client.useRelays([...world.relays.keys()])
    world.network.run(seconds(0.1)) // what the app needs to hear from the portal
    world.introduce(client, gateway)

    expect(untilFlowing({ world, client, gateway })).toBeLessThanOrEqual(1900)
  })

  test('at once when a relay goes that is not on the path: nothing is lost', () => {
    for (const isAnnounced of [true, false]) {
      const { world, client, gateway } = talking({ client: {}, gateway: { addresses: ['192.0.2.2'] } })
      const talk = new Talk(client, gateway)

      for (let i = 0; i < 400; i++) {
        if (i === 20) kill(world, client, gateway)
        if (i === 21 && isAnnounced) forget(world, client, gateway)
        talk.exchange(i)
        world.network.run(seconds(0.1))
      }

      expect(talk.missing()).toEqual([])
      expect(client.pathsSeen).toEqual([])
    }
  })

  test('within 2 s when the portal says that the relay on the path is gone', () => {
    const all = talking(BEHIND_SYMMETRIC)
    const { world, client, gateway } = all

    kill(world, client, gateway)
    forget(world, client, gateway)

    expect(untilFlowing(all)).toBeLessThanOrEqual(2000)
    expectNoFailure(all)
  })

  test('within 5 s when the relay on the path dies silently and there is another one', () => {
    for (const moment of MOMENTS) {
      const all = talking(BEHIND_SYMMETRIC, moment)

      kill(all.world, all.client, all.gateway)

      expect(untilFlowing(all)).toBeLessThanOrEqual(5000)
      expectNoFailure(all)
    }
  })

  test('within 5 s when the relay on the path restarts and knows nobody any more', () => {
    for (const moment of MOMENTS) {
      const all = talking(BEHIND_SYMMETRIC, moment)
      const relay = all.world.relays.get(relayOnPath(all.client, all.gateway))!

      relay.kill()
      relay.start()

      expect(untilFlowing(all)).toBeLessThanOrEqual(5000)
      expectNoFailure(all)
    }
  })

  test.each<[string, NatBehaviour]>([
    ['keeps ports', behaviourOf('port-restricted')],
    ['draws other ports', { ...behaviourOf('port-restricted'), preservesPorts: false }],
  ])('within 5 s when the NAT under a direct path restarts that %s', (_, nat) => {
    for (const moment of MOMENTS) {
      const all = talking({ client: { nat }, gateway: { addresses: ['192.0.2.2'] } }, moment)

      for (let i = 0; i < 3; i++) {
        all.client.router!.nat!.flush()
        expect(untilFlowing(all)).toBeLessThanOrEqual(5000)
        all.world.network.run(seconds(5))
      }
      expectNoFailure(all)
    }
  })

  test('within 5 s when the NAT restarts under the allocations that the path leads through', () => {
    for (const moment of MOMENTS) {
      const all = talking(BEHIND_SYMMETRIC, moment)

      all.client.router!.nat!.flush()

      expect(untilFlowing(all)).toBeLessThanOrEqual(5000)
      expectNoFailure(all)
    }
  })

  test('within 5 s when a direct path dies and relays still work', () => {
    for (const moment of MOMENTS) {
      const all = talking({ client: { addresses: ['192.0.2.1'] }, gateway: { addresses: ['192.0.2.2'] } }, moment)
      const { world, client, gateway } = all
      // an internet in which those two can't reach each other any more, but everybody else can
      const peers = [client, gateway].flatMap(({ host }) => host.addresses.map(({ text }) => text))
      world.network.block(
        ({ source, destination }) => peers.includes(source.ip.text) && peers.includes(destination.ip.text),
      )

      expect(untilFlowing(all)).toBeLessThanOrEqual(5000)
      expect(client.pathTo(gateway)).toMatch(/relay/)
      expectNoFailure(all)
    }
  })

  test('not when the peer dies silently, which is known within 20 s; not sooner, because an outage of 12 s is survived', () => {
    const { world, client, gateway } = talking({ client: {}, gateway: { addresses: ['192.0.2.2'] } })

    gateway.host.cable.loss = 1
    world.network.run(seconds(12))
    gateway.host.cable.loss = 0
    expect(untilFlowing({ world, client, gateway })).toBeLessThanOrEqual(2000)
    expectNoFailure({ world, client, gateway })

    gateway.running.stop()
    const start = world.network.now
    world.network.runUntil(() => client.has('connection-failed', gateway))
    expect(world.network.now - start).toBeGreaterThan(12_000)
    expect(world.network.now - start).toBeLessThanOrEqual(20_000)
  })
})

test('a client that is cut off for 7 s keeps its relays and its relayed connection', () => {
  const all = talking(BEHIND_SYMMETRIC)
  const relay = all.client.node.statusOf(all.client.idOf(all.gateway))!.relay

  all.client.host.cable.loss = 1
  all.world.network.run(seconds(7))
  all.client.host.cable.loss = 0

  expect(untilFlowing(all)).toBeLessThanOrEqual(3000)
  expect(all.client.node.statusOf(all.client.idOf(all.gateway))!.relay).toBe(relay)
  expectNoFailure(all)
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a client that loses a fifth of all packets each way keeps its relays (seed %i)',
  seed => {
    const all = talking({ ...BEHIND_SYMMETRIC, seed })
    const relay = all.client.node.statusOf(all.client.idOf(all.gateway))!.relay

    all.client.host.cable.loss = 0.2
    for (let i = 0; i < 900; i++) {
      all.client.send(all.gateway)
      all.gateway.send(all.client)
      all.world.network.run(seconds(0.1))
    }

    expectNoFailure(all)
    expect(all.client.node.statusOf(all.client.idOf(all.gateway))!.relay).toBe(relay)
  },
)

/** When, between two checks, something happens. */
const MOMENTS = [0, 300, 600, 900, 1200] as Millis[]

const BEHIND_SYMMETRIC = { client: { nat: 'symmetric' }, gateway: { nat: 'symmetric' } } as const

/** Two peers that are connected, know two relays, and have settled on a path. */
function talking(homes: Omit<Parameters<typeof pair>[0], 'relays'>, after: Millis = 0 as Millis): Pair {
  const all = pair({ ...homes, relays: 2 })
  all.world.connect(all.client, all.gateway)
  all.world.network.run((12_000 + after) as Millis)
  all.client.events.length = 0
  all.gateway.events.length = 0
  return all
}

/** Sends packets each way, ten times a second, until one that was sent after another has arrived. Returns how long. */
function untilFlowing({ world, client, gateway }: Pair): number {
  const start = world.network.now
  const talk = new Talk(client, gateway)
  for (let i = 0; ; i++) {
    talk.exchange(i)
    world.network.run(seconds(0.1))
    if (talk.flows) return world.network.now - start
    if (world.network.now - start > 200_000) return Number.POSITIVE_INFINITY
  }
}

/** Numbered packets both ways. */
class Talk {
  readonly #client: Peer
  readonly #gateway: Peer
  readonly #sent: { readonly up: string; readonly down: string }[] = []

  constructor(client: Peer, gateway: Peer) {
    this.#client = client
    this.#gateway = gateway
  }

  exchange(number: number): void {
    const [client, gateway] = [this.#client, this.#gateway]
    const up = client.send(gateway, `up ${number} ${Math.trunc(client.host.now)}`).join()
    const down = gateway.send(client, `down ${number} ${Math.trunc(client.host.now)}`).join()
    this.#sent.push({ up, down })
  }

  /** Whether the last but one exchange has arrived, both ways. */
  get flows(): boolean {
    const last = this.#sent.at(-2)
    return last !== undefined && !this.#missing(last)
  }

  missing(): number[] {
    return this.#sent.slice(0, -5).flatMap((each, i) => (this.#missing(each) ? [i] : []))
  }

  #missing({ up, down }: { up: string; down: string }): boolean {
    const has = (peer: Peer, text: string): boolean =>
      peer.packets.findLast(packet => packet.join() === text) !== undefined
    return !has(this.#gateway, up) || !has(this.#client, down)
  }
}

/** The relay that the client's or the gateway's packets go through. */
function relayOnPath(client: Peer, gateway: Peer) {
  const isOurs = client.pathTo(gateway)?.startsWith('relay') === true
  const [peer, other] = isOurs ? [client, gateway] : [gateway, client]
  return peer.node.statusOf(peer.idOf(other))!.relay
}

function kill(world: World, client: Peer, gateway: Peer): void {
  world.relays.get(relayOnPath(client, gateway))!.kill()
}

/** The portal notices that the relay on the path is gone. */
function forget(world: World, client: Peer, gateway: Peer): void {
  const gone = relayOnPath(client, gateway)
  const left = [...world.relays.keys()].filter(name => name !== gone)
  for (const peer of [client, gateway]) peer.useRelays(left, [gone])
}

function expectNoFailure({ client, gateway }: Pair): void {
  for (const peer of [client, gateway])
    expect(peer.events.filter(({ type }) => type === 'connection-failed')).toEqual([])
}
