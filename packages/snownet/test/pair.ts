import { type Crypto, seconds } from '@sallyport/sans-io'
import { expect } from 'vitest'
import { type Home, type Peer, World } from './world.ts'

/** A client and a gateway that know a relay and have never heard of each other. */
export interface Pair {
  readonly world: World
  readonly client: Peer
  readonly gateway: Peer
}

/** Makes them, and lets them get their allocations. */
export function pair(homes: { client: Home; gateway: Home; relays?: number; seed?: number; crypto?: Crypto }): Pair {
  const world = new World(homes.seed, homes.crypto)
  for (let i = 0; i < (homes.relays ?? 1); i++)
    world.addRelay(['relay', 'second'][i]!, { addresses: [`198.51.100.${i + 1}`, `2001:db8:ffff::${i + 1}`] })
  const client = world.addPeer('client', 'client', homes.client)
  const gateway = world.addPeer('gateway', 'gateway', homes.gateway)
  world.network.run(seconds(1))
  return { world, client, gateway }
}

/** Sends one packet each way, which has to arrive on that kind of path. */
export function expectPath(world: World, client: Peer, gateway: Peer, path: string): void {
  expectExchange(world, client, gateway)
  expect(client.pathTo(gateway)).toBe(path)
  expect(gateway.pathTo(client)).toBe(path)
}

/** Sends one packet each way, which has to arrive. */
export function expectExchange(world: World, client: Peer, gateway: Peer): void {
  const [before, after] = [gateway.received.length, client.received.length]
  const question = client.send(gateway)
  const answer = gateway.send(client)
  world.network.run(seconds(1))
  expect(gateway.received.slice(before)).toEqual([{ from: 'client', packet: question }])
  expect(client.received.slice(after)).toEqual([{ from: 'gateway', packet: answer }])
}
