import { fileURLToPath } from 'node:url'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import { connect, makeSwitch } from '@sallyport/e2e/lab/network.ts'
import type { LabProcess } from '@sallyport/e2e/lab/process.ts'
import { nodeCrypto, nodeRandom } from '@sallyport/io-node'
import { randomBytes, toBase64 } from '@sallyport/sans-io'
import { formatUsername, relayPassword } from '@sallyport/turn-server'

/** Addresses on the little internet of a {@link RelayInternet}. */
export const INTERNET = {
  server: { v4: '203.0.113.20', v6: '2001:db8:113::20' },
  peer: { v4: '203.0.113.30', v6: '2001:db8:113::30' },
  nat: { v4: '203.0.113.101', v6: '2001:db8:113::101' },
} as const

/** The port to which a NAT with one mapping only maps it, per address family. */
export const NAT_PORT = { v4: 50_123, v6: 50_126 } as const

/**
 * Hosts for a STUN and TURN server, somebody to relay to, and a client behind a NAT:
 *
 * ```
 *  client ── nat ──┐
 *         server ──┼── internet
 *           peer ──┘
 * ```
 */
export interface RelayInternet {
  readonly client: Namespace
  readonly server: Namespace
  readonly peer: Namespace
}

/**
 * Builds the hosts. Everything has an IPv4 and an IPv6 address.
 *
 * The NAT has either `one-mapping` per family, to {@link NAT_PORT}, or as many as are needed.
 */
export async function buildRelayInternet(lab: Lab, nat: 'one-mapping' | 'masquerade'): Promise<RelayInternet> {
  const names = ['client', 'nat', 'server', 'peer', 'internet']
  const [client, router, server, peer, internet] = await Promise.all(names.map(name => lab.namespace(name)))
  for (const [name, namespace] of Object.entries({ nat: router!, server: server!, peer: peer! })) {
    const { v4, v6 } = INTERNET[name as keyof typeof INTERNET]
    const end = { namespace, interface: 'wan', addresses: [`${v4}/24`, `${v6}/64`] }
    await connect(end, { namespace: internet!, interface: name })
  }
  await makeSwitch(internet!, 'backbone', [], ['nat', 'server', 'peer'])
  await connect(
    { namespace: client!, interface: 'eth0', addresses: ['192.168.10.2/24', 'fd10::2/64'] },
    { namespace: router!, interface: 'lan', addresses: ['192.168.10.1/24', 'fd10::1/64'] },
  )
  await client!.ip('route add default via 192.168.10.1', 'route add default via fd10::1')
  await router!.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
  await router!.nft(`
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat
    ${RULES[nat].join('\n    ')}
  }
}
`)
  return { client: client!, server: server!, peer: peer! }
}

const RULES = {
  'one-mapping': [
    `oifname "wan" meta l4proto udp snat ip to ${INTERNET.nat.v4}:${NAT_PORT.v4}`,
    `oifname "wan" meta l4proto udp snat ip6 to [${INTERNET.nat.v6}]:${NAT_PORT.v6}`,
  ],
  masquerade: ['oifname "wan" masquerade'],
} as const

/** What our relay derives passwords from. */
const RELAY_SECRET = 'a secret that a portal would share'

/** Makes up a user of our relay who is valid for an hour, as the portal does. */
export function newRelayUser(): { readonly username: string; readonly password: string } {
  const user = { expiry: String(Math.floor(Date.now() / 1000) + 3600), salt: toBase64(randomBytes(nodeRandom, 12)) }
  return { username: formatUsername(user), password: relayPassword(user, RELAY_SECRET, nodeCrypto({ cipher: 'node' })) }
}

/** Starts our relay without a portal and waits until it listens. */
export async function startRelay(server: Namespace): Promise<LabProcess> {
  const program = server.spawn('relay', [process.execPath, '--conditions=development', RELAY], {
    env: {
      PUBLIC_IP4_ADDR: INTERNET.server.v4,
      PUBLIC_IP6_ADDR: INTERNET.server.v6,
      AUTH_SECRET: RELAY_SECRET,
      RUST_LOG: 'debug',
    },
  })
  await program.waitForLine(/listening/)
  return program
}

const RELAY = fileURLToPath(new URL('../../apps/relay/src/main.ts', import.meta.url))
