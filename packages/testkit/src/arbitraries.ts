import fc from 'fast-check'
import type { Host } from './network/host.ts'
import { DEPENDENCES, type Dependence, type NatBehaviour } from './network/nat-behaviour.ts'
import type { SimulatedNetwork } from './network/network.ts'
import type { Router } from './network/router.ts'
import type { Cable } from './network/segment.ts'

/** Where a host lives, as plain data: shown when a property fails. */
export interface Site {
  /** The NAT that IPv4 goes through; `none`: a public address. */
  readonly nat: NatBehaviour | 'none'
  /** Whether another NAT of the same kind is behind that one, as with carriers. */
  readonly isNested: boolean
  readonly families: 'v4' | 'v6' | 'dual'
  /** Whether IPv6 can be reached from outside without being asked; so can whoever has a public address. */
  readonly isOpen: boolean
  readonly cable: Partial<Cable>
}

/** Two sites, and whether they are neighbours. */
export interface SitePair {
  readonly client: Site
  readonly gateway: Site
  /** `one-router`: the gateway is plugged in where the client is; `one-carrier`: both sites are behind one more NAT. */
  readonly together: 'apart' | 'one-router' | 'one-carrier'
}

/** A cable without losses, on which datagrams may overtake each other or arrive twice. */
export const reliableCable: fc.Arbitrary<Partial<Cable>> = fc.record({
  latency: fc.integer({ min: 0, max: 150 }),
  jitter: fc.constantFrom(0, 0, 5, 50),
  reordering: fc.constantFrom(0, 0, 0, 0.05),
  duplication: fc.constantFrom(0, 0, 0.1),
  mtu: fc.constantFrom(1500, 1500, 1400),
})

/** A cable that also loses up to one datagram in ten, so that up to one in five is lost between two hosts. */
export const lossyCable: fc.Arbitrary<Partial<Cable>> = fc
  .tuple(reliableCable, fc.constantFrom(0, 0.01, 0.05, 0.1))
  .map(([cable, loss]) => ({ ...cable, loss }))

/** Any NAT that RFC 4787 has words for. */
export const natBehaviour: fc.Arbitrary<NatBehaviour> = fc.record({
  mapping: fc.constantFrom<Dependence>(...DEPENDENCES),
  filtering: fc.constantFrom<Dependence>(...DEPENDENCES),
  preservesPorts: fc.boolean(),
  hairpins: fc.boolean(),
  refreshesInbound: fc.boolean(),
})

/** Any site, with a cable of that sort. */
export const site = (cable: fc.Arbitrary<Partial<Cable>> = reliableCable): fc.Arbitrary<Site> =>
  fc.record({
    nat: fc.oneof(fc.constant('none' as const), { weight: 4, arbitrary: natBehaviour }),
    isNested: fc.boolean(),
    families: fc.constantFrom('v4', 'v6', 'dual'),
    isOpen: fc.boolean(),
    cable,
  })

/** Any two sites, most of them far from each other. */
export const sitePair = (cable: fc.Arbitrary<Partial<Cable>> = reliableCable): fc.Arbitrary<SitePair> =>
  fc.record({
    client: site(cable),
    gateway: site(cable),
    together: fc.constantFrom('apart', 'apart', 'apart', 'one-router', 'one-carrier'),
  })

/** What {@link buildSite} has built. */
export interface BuiltSite {
  readonly host: Host
  /** The outermost one first. */
  readonly routers: readonly Router[]
}

/** Builds `site` as number `number` (1 to 200) of `network`, behind `carrier` if there is one, and puts a host there. */
export function buildSite(
  network: SimulatedNetwork,
  name: string,
  number: number,
  site: Site,
  carrier?: Router,
): BuiltSite {
  if (site.nat === 'none') return { host: addHost(network, name, number, site, undefined), routers: [] }
  const { nat, isOpen: open } = site
  const address = carrier === undefined ? `203.0.113.${number}` : `100.65.0.${number}`
  const outer = network.addRouter(name, { address, nat, open, ...(carrier && { on: carrier }) })
  const routers = [outer]
  if (site.isNested) routers.push(network.addRouter(name, { address: `100.64.${number}.1`, nat, open, on: outer }))
  return { host: addHost(network, name, number, site, routers.at(-1)), routers }
}

/** Builds the sites of a client (number 1) and a gateway (number 2), as near to each other as `pair` says. */
export function buildSites(
  network: SimulatedNetwork,
  { client, gateway, together }: SitePair,
): { client: BuiltSite; gateway: BuiltSite } {
  const shared = client.nat
  if (together === 'one-carrier' && shared !== 'none' && gateway.nat !== 'none') {
    const carrier = network.addRouter('carrier', { address: '203.0.113.201', nat: shared, open: client.isOpen })
    return {
      client: buildSite(network, 'client', 1, client, carrier),
      gateway: buildSite(network, 'gateway', 2, gateway, carrier),
    }
  }
  const first = buildSite(network, 'client', 1, client)
  const router = first.routers.at(-1)
  if (together !== 'one-router' || router === undefined)
    return { client: first, gateway: buildSite(network, 'gateway', 2, gateway) }
  const host = addHost(network, 'gateway', 2, gateway, router)
  return { client: first, gateway: { host, routers: first.routers } }
}

function addHost(
  network: SimulatedNetwork,
  name: string,
  number: number,
  { families, cable }: Site,
  router: Router | undefined,
): Host {
  const v4 = router === undefined ? `192.0.2.${number}` : `10.0.${number}.2`
  const v6 = `2001:db8:${number}::2`
  const addresses = { v4: [v4], v6: [v6], dual: [v4, v6] }[families]
  return network.addHost(name, { addresses, cable, ...(router && { on: router }) })
}
