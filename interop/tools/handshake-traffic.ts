import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import { readCounters } from './counters.ts'

/** What the kernel has counted of a peer's handshakes (paper §5.4). */
export interface HandshakeCounts {
  /** Initiations of the peer without a second MAC. */
  readonly initiations: number
  /** Initiations of the peer with one. */
  readonly provedInitiations: number
  /** Cookie replies to the peer. */
  readonly cookieReplies: number
}

/** Has the kernel of a host count the handshake messages of a peer, and the cookie replies to it, from now on. */
export async function watchHandshakes(host: Namespace, { from }: { readonly from: string }): Promise<void> {
  await host.nft(`
table inet handshakes {
  counter initiations {}
  counter provedInitiations {}
  counter cookieReplies {}
  chain in {
    type filter hook input priority filter
    ip saddr ${from} udp length ${UDP_HEADER + 148} @th,64,8 1 @th,1120,128 0 counter name initiations accept
    ip saddr ${from} udp length ${UDP_HEADER + 148} @th,64,8 1 counter name provedInitiations
  }
  chain out {
    type filter hook output priority filter
    ip daddr ${from} udp length ${UDP_HEADER + 64} @th,64,8 3 counter name cookieReplies
  }
}
`)
}

/** Reads the counters of {@link watchHandshakes}. */
export async function readHandshakes(host: Namespace): Promise<HandshakeCounts> {
  const counters = await readCounters(host, 'handshakes')
  const packets = (name: keyof HandshakeCounts): number => counters.get(name)!.packets
  return {
    initiations: packets('initiations'),
    provedInitiations: packets('provedInitiations'),
    cookieReplies: packets('cookieReplies'),
  }
}

const UDP_HEADER = 8
