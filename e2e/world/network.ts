import type { Lab } from '../lab/lab.ts'
import type { Namespace } from '../lab/namespace.ts'
import { connect, forgetMappings, makeRouter, makeSwitch, type NatKind } from '../lab/network.ts'

/** Another network for the client: a café with a router of its own. */
export async function addCafe(
  lab: Lab,
  { client, internet }: Network,
  nat: NatKind = 'port-restricted',
): Promise<Cafe> {
  const router = await lab.namespace('cafe-nat')
  await connect(
    { namespace: router, interface: 'wan', addresses: ['203.0.113.103/24', '2001:db8:113::103/64'] },
    { namespace: internet, interface: 'to-cafe' },
  )
  await internet.ip('link set to-cafe master backbone', 'route add 2001:db8:30::/64 via 2001:db8:113::103')
  await makeRouter(router, 'wan', nat)
  await connect(
    { namespace: client, interface: 'wlan0' },
    { namespace: router, interface: 'lan', addresses: ['192.168.30.1/24', '2001:db8:30::1/64'] },
  )
  await client.ip('link set wlan0 down')
  return {
    join: address =>
      client.ip(
        'link set wlan0 up',
        `addr add ${address}/24 dev wlan0`,
        `addr add 2001:db8:30::${address.split('.')[3]}/64 dev wlan0 nodad`,
        'route replace default via 192.168.30.1',
        'route replace default via 2001:db8:30::1',
      ),
    leave: () => client.ip('link set wlan0 down', 'addr flush dev wlan0'),
  }
}

/** A network that the client can join and leave. */
export interface Cafe {
  /** Plugs the client in with that address of 192.168.30.0/24. */
  join(address: string): Promise<void>
  /** Unplugs it. */
  leave(): Promise<void>
}

/** Which address families a site's hosts have. */
export type Families = 'dual' | 'v4' | 'v6'

/** What is special about the network of a scenario. */
export interface NetworkOptions {
  readonly clientNat?: NatKind
  readonly gatewayNat?: NatKind
  readonly clientFamilies?: Families
  readonly gatewayFamilies?: Families
  /** How many hosts there are for relays; default 1, which shares its host with the portal. */
  readonly relays?: 1 | 2
}

/** Addresses that scenarios speak of. */
export const ADDRESSES = {
  portal: '203.0.113.10',
  relay: '203.0.113.20',
  portalV6: '2001:db8:113::10',
  relayV6: '2001:db8:113::20',
  relay2: '203.0.113.21',
  relay2V6: '2001:db8:113::21',
  server: '10.80.0.10',
  serverV6: 'fd80::10',
  privateRange: '10.80.0.0/24',
  privateRangeV6: 'fd80::/64',
} as const

/**
 * The hosts of a scenario:
 *
 * ```
 *  client ── client-nat ──┐                         ┌── gateway-1 ──┐
 *                         ├── internet ── gateway-nat                ├── private (web server)
 *                 portal, relay                     └── gateway-2 ──┘
 * ```
 */
export interface Network {
  readonly internet: Namespace
  readonly client: Namespace
  readonly clientNat: Namespace
  readonly gateways: readonly [Namespace, Namespace]
  readonly gatewayNat: Namespace
  readonly private: Namespace
  /** Where relays live. */
  readonly relays: readonly Namespace[]
}

/** Builds the hosts, cables, switches, routers and routes. */
export async function buildNetwork(lab: Lab, options: NetworkOptions = {}): Promise<Network> {
  const [internet, client, clientNat, gateway1, gateway2, gatewayNat, privateNet] = await Promise.all(
    ['internet', 'client', 'client-nat', 'gateway-1', 'gateway-2', 'gateway-nat', 'private'].map(name =>
      lab.namespace(name),
    ),
  )
  const network: Network = {
    internet: internet!,
    client: client!,
    clientNat: clientNat!,
    gateways: [gateway1!, gateway2!],
    gatewayNat: gatewayNat!,
    private: privateNet!,
    relays: [internet!, ...(options.relays === 2 ? [await lab.namespace('relay-2')] : [])],
  }
  await buildInternet(network)
  if (network.relays[1] !== undefined) await buildSecondRelay(network, network.relays[1])
  await buildClientSite(network, options.clientFamilies ?? 'dual')
  await buildGatewaySite(network, options.gatewayFamilies ?? 'dual')
  await setNats(network, options.clientNat ?? 'port-restricted', options.gatewayNat ?? 'port-restricted')
  return network
}

/** Changes how both sites' routers map their inside. Existing mappings are forgotten. */
export async function setNats(network: Network, client: NatKind, gateway: NatKind): Promise<void> {
  await makeRouter(network.clientNat, 'wan', client)
  await makeRouter(network.gatewayNat, 'wan', gateway)
  for (const router of [network.clientNat, network.gatewayNat]) await forgetMappings(router, 'wan')
  await addBackboneRoutes(network)
}

/** Sites know the way to each other's addresses, for routers that don't hide them. */
async function addBackboneRoutes({ clientNat, gatewayNat }: Network): Promise<void> {
  await clientNat.ip('route replace default via 203.0.113.102', 'route replace default via 2001:db8:113::102')
  await gatewayNat.ip('route replace default via 203.0.113.101', 'route replace default via 2001:db8:113::101')
}

async function buildInternet({ internet, clientNat, gatewayNat }: Network): Promise<void> {
  await connect(
    { namespace: clientNat, interface: 'wan', addresses: ['203.0.113.101/24', '2001:db8:113::101/64'] },
    { namespace: internet, interface: 'to-client' },
  )
  await connect(
    { namespace: gatewayNat, interface: 'wan', addresses: ['203.0.113.102/24', '2001:db8:113::102/64'] },
    { namespace: internet, interface: 'to-gateways' },
  )
  await makeSwitch(
    internet,
    'backbone',
    [`${ADDRESSES.portal}/24`, `${ADDRESSES.relay}/24`, `${ADDRESSES.portalV6}/64`, `${ADDRESSES.relayV6}/64`],
    ['to-client', 'to-gateways'],
  )
  for (const [subnet, router] of [
    ['192.168.10.0/24', '203.0.113.101'],
    ['192.168.20.0/24', '203.0.113.102'],
    ['2001:db8:10::/64', '2001:db8:113::101'],
    ['2001:db8:20::/64', '2001:db8:113::102'],
  ]) {
    await internet.ip(`route add ${subnet} via ${router}`)
  }
}

async function buildSecondRelay({ internet }: Network, relay: Namespace): Promise<void> {
  await connect(
    { namespace: relay, interface: 'eth0', addresses: [`${ADDRESSES.relay2}/24`, `${ADDRESSES.relay2V6}/64`] },
    { namespace: internet, interface: 'to-relay-2' },
  )
  await internet.ip('link set to-relay-2 master backbone')
  await relay.ip(
    'route add default via 203.0.113.101',
    'route add 2001:db8:10::/64 via 2001:db8:113::101',
    'route add 2001:db8:20::/64 via 2001:db8:113::102',
    'route add 192.168.20.0/24 via 203.0.113.102',
  )
}

async function buildClientSite({ client, clientNat }: Network, families: Families): Promise<void> {
  await connect(
    {
      namespace: client,
      interface: 'eth0',
      addresses: hostAddresses(families, '192.168.10.2/24', '2001:db8:10::2/64'),
    },
    { namespace: clientNat, interface: 'lan', addresses: ['192.168.10.1/24', '2001:db8:10::1/64'] },
  )
  await client.ip(...defaultRoutes(families, '192.168.10.1', '2001:db8:10::1'))
}

async function buildGatewaySite(network: Network, families: Families): Promise<void> {
  const { gatewayNat, gateways } = network
  for (const [i, gateway] of gateways.entries()) {
    await connect(
      {
        namespace: gateway,
        interface: 'eth0',
        addresses: hostAddresses(families, `192.168.20.1${i + 1}/24`, `2001:db8:20::1${i + 1}/64`),
      },
      { namespace: gatewayNat, interface: `lan${i}` },
    )
    await connect(
      { namespace: gateway, interface: 'eth1', addresses: [`10.80.0.${i + 1}/24`, `fd80::${i + 1}/64`] },
      { namespace: network.private, interface: `port${i}` },
    )
  }
  await makeSwitch(gatewayNat, 'lan', ['192.168.20.1/24', '2001:db8:20::1/64'], ['lan0', 'lan1'])
  await makeSwitch(
    network.private,
    'office',
    [`${ADDRESSES.server}/24`, `${ADDRESSES.serverV6}/64`],
    ['port0', 'port1'],
  )
  for (const gateway of gateways) await gateway.ip(...defaultRoutes(families, '192.168.20.1', '2001:db8:20::1'))
}

const hostAddresses = (families: Families, v4: string, v6: string): string[] => [
  ...(families === 'v6' ? [] : [v4]),
  ...(families === 'v4' ? [] : [v6]),
]

const defaultRoutes = (families: Families, v4: string, v6: string): string[] => [
  ...(families === 'v6' ? [] : [`route add default via ${v4}`]),
  ...(families === 'v4' ? [] : [`route add default via ${v6}`]),
]
