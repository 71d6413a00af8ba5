import { millis, seconds } from '@sallyport/sans-io'
import { buildSite, canReachDirectly, lossyCable, type Site, site } from '@sallyport/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Peer, World } from './world.ts'

interface RandomWorld {
  readonly seed: number
  readonly client: Site
  readonly gateway: Site
  readonly relays: number
}

const worlds = (sites: fc.Arbitrary<Site>): fc.Arbitrary<RandomWorld> =>
  fc.record({ seed: fc.integer(), client: sites, gateway: sites, relays: fc.integer({ min: 1, max: 3 }) })

function build({ seed, client, gateway, relays }: RandomWorld): { world: World; client: Peer; gateway: Peer } {
  const world = new World(seed)
  for (let i = 1; i <= relays; i++)
    world.addRelay(`relay ${i}`, { addresses: [`198.51.100.${i}`, `2001:db8:ffff::${i}`], latency: 5 * i })
  const peers = {
    client: world.addPeerOn('client', 'client', buildSite(world.network, 'client', 1, client)),
    gateway: world.addPeerOn('gateway', 'gateway', buildSite(world.network, 'gateway', 2, gateway)),
  }
  world.network.run(seconds(2))
  return { world, ...peers }
}

/** Sends ten packets each way and waits until they are there. */
function exchange(world: World, client: Peer, gateway: Peer): { sent: string[]; received: string[] } {
  for (const peer of [client, gateway]) peer.received.length = 0
  const sent: string[] = []
  for (let i = 0; i < 10; i++) {
    sent.push(client.send(gateway).join(), gateway.send(client).join())
    world.network.run(millis(7))
  }
  world.network.run(seconds(2))
  const received = [...gateway.packets, ...client.packets].map(packet => packet.join())
  return { sent: sent.sort(), received: received.sort() }
}

describe('in any internet', () => {
  test('two peers connect, directly where their NATs allow it, and every packet arrives once', () => {
    fc.assert(
      fc.property(worlds(site()), random => {
        const { world, client, gateway } = build(random)

        world.connect(client, gateway)
        world.network.run(seconds(10))

        const { sent, received } = exchange(world, client, gateway)
        expect(received).toEqual(sent)
        const isDirect = client.pathTo(gateway) === 'peer-to-peer' && gateway.pathTo(client) === 'peer-to-peer'
        if (canReachDirectly(random.client, random.gateway)) expect(isDirect).toBe(true)
        else expect(isDirect).toBe(false)
        expect(client.has('connection-failed', gateway)).toBe(false)
      }),
      { numRuns: RUNS },
    )
  }, 120_000)

  test('that loses datagrams two peers connect in the end, and no packet arrives twice', () => {
    fc.assert(
      fc.property(worlds(site(lossyCable)), random => {
        const { world, client, gateway } = build(random)

        world.connect(client, gateway)

        const { sent, received } = exchange(world, client, gateway)
        expect(new Set(received).size).toBe(received.length)
        expect(sent).toEqual(expect.arrayContaining(received))
      }),
      { numRuns: RUNS },
    )
  }, 120_000)
})

/** Per property; a failure prints the seed of fast-check and the world, which replay it. */
const RUNS = 300
