import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import { type Counter, readCounters } from './counters.ts'

/** What the kernel has counted, in both directions. */
export interface Traffic {
  /** UDP between the host and the watched server. */
  readonly watched: Counter
  /** UDP with everybody else, the host itself included, and TCP with other hosts; multicast is left out. */
  readonly others: Counter
}

/** Has the kernel count what a host exchanges with a server, and with others, from now on. */
export async function watchTraffic(
  host: Namespace,
  server: { readonly v4: string; readonly v6: string },
): Promise<void> {
  const rules = (side: 'saddr' | 'daddr'): string => `
    ip ${side} ${server.v4} meta l4proto udp counter name watched accept
    ip6 ${side} ${server.v6} meta l4proto udp counter name watched accept
    ip daddr 224.0.0.0/4 accept
    ip6 daddr ff00::/8 accept
    meta l4proto { tcp, udp } counter name others`
  await host.nft(`
table inet traffic {
  counter watched {}
  counter others {}
  chain in {
    type filter hook input priority filter
    iifname "lo" meta l4proto tcp accept
    ${rules('saddr')}
  }
  chain out {
    type filter hook output priority filter
    oifname "lo" accept # counted where it comes in
    ${rules('daddr')}
  }
}
`)
}

/** Reads the counters of {@link watchTraffic}. */
export async function readTraffic(host: Namespace): Promise<Traffic> {
  const counters = await readCounters(host, 'traffic')
  return { watched: counters.get('watched')!, others: counters.get('others')! }
}
