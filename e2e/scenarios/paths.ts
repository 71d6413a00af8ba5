import type { Scenario } from '../lab/scenario.ts'
import { ADDRESSES, type NetworkOptions } from '../world/network.ts'
import { World } from '../world/world.ts'

/** Which way packets take, by what is in between. */
export const paths: readonly Scenario[] = [
  path(
    'direct-v4',
    'two port-restricted NATs, IPv4 only: direct',
    'direct',
    { clientFamilies: 'v4', gatewayFamilies: 'v4' },
    true,
  ),
  path('direct-v6', 'two stateful firewalls, IPv6 only: direct', 'direct', {
    clientFamilies: 'v6',
    gatewayFamilies: 'v6',
    clientNat: 'firewall',
    gatewayNat: 'firewall',
  }),
  path(
    'relayed-v4',
    'two symmetric NATs, IPv4 only: relayed',
    'relayed',
    {
      clientFamilies: 'v4',
      gatewayFamilies: 'v4',
      clientNat: 'symmetric',
      gatewayNat: 'symmetric',
    },
    true,
  ),
  path('relayed-v6', 'two symmetric NATs, IPv6 only: relayed', 'relayed', {
    clientFamilies: 'v6',
    gatewayFamilies: 'v6',
    clientNat: 'symmetric',
    gatewayNat: 'symmetric',
  }),
  path('relayed-mixed-families', 'an IPv4 client and an IPv6 gateway meet on a dual-stack relay', 'relayed', {
    clientFamilies: 'v4',
    gatewayFamilies: 'v6',
    clientNat: 'port-restricted',
    gatewayNat: 'firewall',
  }),
  path(
    'v6-only-client',
    'an IPv6 client and an IPv4 gateway meet on a dual-stack relay',
    'relayed',
    { clientFamilies: 'v6', gatewayFamilies: 'v4', clientNat: 'firewall' },
    true,
  ),
  path(
    'v4-only-gateway',
    'a client with both families reaches a gateway that has IPv4 alone: direct',
    'direct',
    { gatewayFamilies: 'v4' },
    true,
  ),
  path(
    'both-behind-symmetric',
    'two symmetric NATs, both families, two relays: relayed',
    'relayed',
    { clientNat: 'symmetric', gatewayNat: 'symmetric', relays: 2 },
    true,
  ),
  path('symmetric-nat', 'a client behind a symmetric NAT reaches a gateway that is not behind any: direct', 'direct', {
    clientFamilies: 'v4',
    gatewayFamilies: 'v4',
    clientNat: 'symmetric',
    gatewayNat: 'open',
  }),
]

function path(
  name: string,
  claim: string,
  expected: 'direct' | 'relayed',
  options: NetworkOptions,
  quick = false,
): Scenario {
  return {
    name,
    claim,
    quick,
    async run(lab) {
      const world = await World.start(lab, options)
      const took = await world.fetchPage()
      await world.fetchPage({ host: ADDRESSES.serverV6 })
      const bytes = await world.fetch('/bytes?num=2000000', { timeoutMs: 20_000 })
      if (bytes?.length !== 2_000_000) throw new Error(`${bytes?.length} of 2000000 bytes arrived`)
      const path = await world.settledPath(expected)
      return `${path.path}, ${path.local} ⇄ ${path.remote}, first page after ${Math.round(took)} ms`
    },
  }
}
