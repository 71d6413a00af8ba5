import type { Namespace } from './namespace.ts'

/** One end of a cable: a host, its interface's name and addresses with prefix length. */
export interface CableEnd {
  readonly namespace: Namespace
  readonly interface: string
  readonly addresses?: readonly string[]
}

/** Lays a cable between two hosts. */
export async function connect(a: CableEnd, b: CableEnd): Promise<void> {
  await a.namespace.ip(`link add ${a.interface} type veth peer name ${b.interface} netns ${b.namespace.systemName}`)
  for (const end of [a, b]) {
    const addresses = (end.addresses ?? []).map(
      address => `addr add ${address} dev ${end.interface}${address.includes(':') ? ' nodad' : ''}`,
    )
    await end.namespace.ip(...addresses, `link set ${end.interface} up`)
  }
}

/** Makes a switch inside a host; `ports` are that host's ends of cables. */
export async function makeSwitch(
  namespace: Namespace,
  name: string,
  addresses: readonly string[],
  ports: readonly string[],
): Promise<void> {
  await namespace.ip(
    // Of its own, a bridge takes the lowest address of its ports: it would change when a port comes later.
    `link add ${name} address 02:53:50:00:00:01 type bridge`,
    ...addresses.map(address => `addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`),
    `link set ${name} up`,
    ...ports.map(port => `link set ${port} master ${name}`),
  )
}

/**
 * How a router maps its inside to the outside (RFC 4787 in the kernel's terms).
 *
 * - `port-restricted`: the mapping doesn't depend on the destination, but only those who were written to may answer.
 *   Plain masquerading is that only while new packets from outside are dropped: otherwise an early one from a peer gets
 *   a conntrack entry of its own, the outgoing packet is moved to another port, and hole punching fails.
 * - `symmetric`: each destination gets a random port of its own, so that a peer's guess is always wrong.
 * - `firewall`: addresses pass as they are, but no new packet gets in.
 * - `open`: addresses pass as they are, and everything gets in.
 */
export type NatKind = 'port-restricted' | 'symmetric' | 'firewall' | 'open'

/**
 * Makes a router forget its mappings, as one that was restarted: the kernel drops masqueraded connections when the
 * interface goes down. Addresses stay; routes through the interface have to be added again.
 */
export async function forgetMappings(router: Namespace, outside: string): Promise<void> {
  await router.sysctl({ [`net.ipv6.conf.${outside}.keep_addr_on_down`]: 1 })
  await router.ip(`link set ${outside} down`, `link set ${outside} up`)
}

/** Makes a host a router whose inside is hidden as `kind` says. Calling it again changes the kind. */
export async function makeRouter(router: Namespace, outside: string, kind: NatKind): Promise<void> {
  await router.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
  const masquerade = kind === 'symmetric' ? 'masquerade random,fully-random' : 'masquerade'
  const isNat = kind === 'port-restricted' || kind === 'symmetric'
  const postrouting = !isNat ? '' : `oifname "${outside}" ${masquerade}`
  await router.nft(`
table inet nat
delete table inet nat
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat
    ${postrouting}
  }
  chain input {
    type filter hook input priority filter
    ct state established,related accept
    iifname "${outside}" udp dport 1024-65535 drop
  }
  chain forward {
    type filter hook forward priority filter
    ct state established,related accept
    ${kind === 'open' ? '' : `iifname "${outside}" drop`}
  }
}
`)
}
