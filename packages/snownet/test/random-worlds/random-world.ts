import { millis } from '@sallyport/sans-io'
import {
  buildSites,
  CheckTrace,
  lossyCable,
  reliableCable,
  type Site,
  type SitePair,
  sitePair,
} from '@sallyport/testkit'
import fc from 'fast-check'
import { type Peer, World } from '../world.ts'

/** A client, a gateway and their relays, as plain data: whoever has it can build the same world again. */
export interface RandomWorld {
  /** Decides on losses, delays, ports, and all that machines draw. */
  readonly seed: number
  readonly sites: SitePair
  readonly relays: number
  readonly relayFamilies: 'v4' | 'v6' | 'dual'
  /** How long a message takes from one peer to the other through the portal, in milliseconds. */
  readonly signalling: number
}

const worlds = (sites: fc.Arbitrary<SitePair>): fc.Arbitrary<RandomWorld> =>
  fc.record({
    seed: fc.integer(),
    sites,
    relays: fc.integer({ min: 1, max: 3 }),
    relayFamilies: fc.constantFrom('dual', 'dual', 'v4', 'v6'),
    signalling: fc.constantFrom(1, 30, 30, 300),
  })

/** Worlds in which everything arrives, though not always in order, and sometimes twice. */
export const losslessWorlds: fc.Arbitrary<RandomWorld> = worlds(sitePair(reliableCable))

/** Worlds in which up to one datagram in five is lost between two hosts. */
export const lossyWorlds: fc.Arbitrary<RandomWorld> = worlds(sitePair(lossyCable))

/** A world that was built. */
export interface BuiltWorld {
  readonly world: World
  readonly client: Peer
  readonly gateway: Peer
  /** What became of connectivity checks. */
  readonly trace: CheckTrace
}

const ADDRESSES = {
  v4: (i: number) => [`198.51.100.${i}`],
  v6: (i: number) => [`2001:db8:ffff::${i}`],
  dual: (i: number) => [`198.51.100.${i}`, `2001:db8:ffff::${i}`],
}

/** Builds the world. Both peers know the relays and begin to ask them for allocations. */
export function build({ seed, sites, relays, relayFamilies, signalling }: RandomWorld): BuiltWorld {
  const world = new World(seed)
  world.signallingDelay = millis(signalling)
  for (let i = 1; i <= relays; i++)
    world.addRelay(`relay ${i}`, { addresses: ADDRESSES[relayFamilies](i), latency: relayLatency(i) })
  const trace = new CheckTrace(() => world.network.now)
  const built = buildSites(world.network, sites)
  const peer = (name: 'client' | 'gateway'): Peer =>
    world.addPeerOn(name, name, built[name], { logger: trace.loggerOf(name, { error: failLoudly }) })
  return { world, client: peer('client'), gateway: peer('gateway'), trace }
}

const relayLatency = (number: number): number => 5 * number

/** Returns whether there is any path: each peer has to reach the relays, which also tell it its own addresses. */
export function hasPath({ sites: { client, gateway }, relayFamilies }: RandomWorld): boolean {
  return [client, gateway].every(
    ({ families }) => families === 'dual' || relayFamilies === 'dual' || families === relayFamilies,
  )
}

/** The sites with the addresses that peers can know of: they learn them from relays, one family from each address. */
export function knownSites({ sites, relayFamilies }: RandomWorld): SitePair {
  if (relayFamilies === 'dual') return sites
  const known = (site: Site): Site => ({ ...site, families: relayFamilies })
  return { ...sites, client: known(sites.client), gateway: known(sites.gateway) }
}

/** How long a datagram takes at most from the client through two relays to the gateway and back, in milliseconds. */
export function relayPathRoundTrip({ sites: { client, gateway }, relays }: RandomWorld): number {
  const hops = [client, gateway].map(({ cable: { latency = 5, jitter = 0, reordering = 0 } }) => {
    const routers = 3 // at most: two of its own and one of the carrier, 1 ms each
    return latency + jitter + (reordering > 0 ? 20 : 0) + routers + relayLatency(relays)
  })
  return 2 * (hops[0]! + hops[1]! + 2 * relayLatency(relays))
}

/** Returns whether some cable lets datagrams overtake each other. */
export const reorders = ({ sites: { client, gateway } }: RandomWorld): boolean =>
  [client, gateway].some(({ cable: { jitter = 0, reordering = 0 } }) => jitter > 0 || reordering > 0)

function failLoudly(fields: object, message: string): never {
  throw new Error(`${message} ${JSON.stringify(fields)}`)
}
