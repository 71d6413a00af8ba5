import fc from 'fast-check'
import type { Host } from './network/host.ts'
import { NAT_KINDS, type NatKind } from './network/nat.ts'
import type { SimulatedNetwork } from './network/network.ts'
import type { Router } from './network/router.ts'
import type { Cable } from './network/segment.ts'

/** Where a host lives, as plain data: shown when a property fails. */
export interface Site {
  /** The NAT that IPv4 goes through; `none`: a public address. */
  readonly nat: NatKind | 'none'
  /** Whether another NAT of the same kind is behind that one, as with carriers. */
  readonly isNested: boolean
  readonly families: 'v4' | 'v6' | 'dual'
  /** Whether IPv6 can be reached from outside without being asked; so can whoever has a public address. */
  readonly isOpen: boolean
  readonly cable: Partial<Cable>
}

/** A cable without losses, on which datagrams may overtake each other or arrive twice. */
export const reliableCable: fc.Arbitrary<Partial<Cable>> = fc.record({
  latency: fc.integer({ min: 0, max: 150 }),
  jitter: fc.constantFrom(0, 0, 5, 50),
  duplication: fc.constantFrom(0, 0, 0.1),
})

/** A cable that also loses up to one datagram in ten. */
export const lossyCable: fc.Arbitrary<Partial<Cable>> = fc
  .tuple(reliableCable, fc.constantFrom(0, 0.01, 0.05, 0.1))
  .map(([cable, loss]) => ({ ...cable, loss }))

/** Any site, with a cable of that sort. */
export const site = (cable: fc.Arbitrary<Partial<Cable>> = reliableCable): fc.Arbitrary<Site> =>
  fc.record({
    nat: fc.constantFrom<NatKind | 'none'>('none', ...NAT_KINDS),
    isNested: fc.boolean(),
    families: fc.constantFrom('v4', 'v6', 'dual'),
    isOpen: fc.boolean(),
    cable,
  })

/** Builds `site` as number `number` (1 to 200) of `network` and puts a host there. */
export function buildSite(network: SimulatedNetwork, name: string, number: number, site: Site): BuiltSite {
  const v4 = site.nat === 'none' ? `192.0.2.${number}` : `10.0.${number}.2`
  const v6 = `2001:db8:${number}::2`
  const addresses = { v4: [v4], v6: [v6], dual: [v4, v6] }[site.families]
  if (site.nat === 'none') return { host: network.addHost(name, { addresses, cable: site.cable }), routers: [] }
  const nat = site.nat
  const outer = network.addRouter(name, { address: `203.0.113.${number}`, nat, open: site.isOpen })
  const routers = [outer]
  if (site.isNested)
    routers.push(network.addRouter(name, { address: `100.64.${number}.1`, nat, open: site.isOpen, on: outer }))
  return { host: network.addHost(name, { addresses, on: routers.at(-1)!, cable: site.cable }), routers }
}

/** What {@link buildSite} has built. */
export interface BuiltSite {
  readonly host: Host
  /** The outermost one first. */
  readonly routers: readonly Router[]
}

/** Returns whether two hosts can reach each other without a relay, given time and the patience to punch holes. */
export function canReachDirectly(a: Site, b: Site): boolean {
  const share = (family: 'v4' | 'v6'): boolean =>
    [a, b].every(({ families }) => families === family || families === 'dual')
  if (share('v6')) return true // two firewalls open for each other
  if (!share('v4')) return false
  const strict = (nat: Site['nat']): boolean => nat === 'symmetric' || nat === 'port-restricted'
  return !((a.nat === 'symmetric' && strict(b.nat)) || (b.nat === 'symmetric' && strict(a.nat)))
}
