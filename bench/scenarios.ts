import { waitFor } from '@sallyport/e2e/lab/command.ts'
import type { RunningPeer } from './peers/peer.ts'

/** Something to measure through a tunnel. */
export interface Scenario {
  readonly name: string
  readonly about: string
  readonly unit: 'Gbit/s' | 'ms'
  /** Whether more is better. */
  readonly isRate: boolean
  /** Measures for about `seconds`. */
  measure(peer: RunningPeer, seconds: number): Promise<number>
}

/** All scenarios, in the order in which `--list` shows them. */
export const SCENARIOS: readonly Scenario[] = [
  iperf('tcp-1', 'one TCP stream', ['--parallel', '1']),
  iperf('tcp-4', 'four TCP streams', ['--parallel', '4']),
  iperf('tcp-1-reverse', 'one TCP stream in the other direction', ['--parallel', '1', '--reverse']),
  iperf('udp-1g', 'UDP of 1 Gbit/s: what arrives of it', ['--udp', '--bitrate', '1G', '--length', '1200']),
  {
    name: 'ping',
    about: 'round-trip time of an idle tunnel, on average',
    unit: 'ms',
    isRate: false,
    async measure(peer, seconds) {
      const count = String(seconds * 50)
      const output = await peer.from.run(['ping', '-q', '-i', '0.02', '-c', count, peer.target], {
        timeoutMs: seconds * 1000 + 20_000,
      })
      return Number(/= [\d.]+\/([\d.]+)\//.exec(output)?.[1])
    },
  },
]

function iperf(name: string, about: string, options: readonly string[]): Scenario {
  return {
    name,
    about,
    unit: 'Gbit/s',
    isRate: true,
    async measure(peer, seconds) {
      const argv = ['iperf3', '--client', peer.target, '--time', String(seconds), '--omit', '1', '--json', ...options]
      const output = await peer.from.run(argv, { timeoutMs: seconds * 1000 + 20_000 })
      const { end } = JSON.parse(output) as IperfReport
      if (options.includes('--udp')) return (end.sum.bits_per_second * (1 - end.sum.lost_percent / 100)) / 1e9
      return end.sum_received.bits_per_second / 1e9
    },
  }
}

/** Starts what the scenarios measure against, and waits until the tunnel carries packets. */
export async function prepare(peer: RunningPeer): Promise<void> {
  // Bound to the target: over UDP it would answer from the address that the way back begins with.
  peer.to.spawn('iperf3', ['iperf3', '--server', '--forceflush', '--bind', peer.target])
  await waitFor(`a ping to ${peer.target}`, async () => {
    return (await peer.from.attempt(['ping', '-c', '1', '-W', '1', peer.target])) !== undefined
  })
}

interface IperfReport {
  readonly end: {
    readonly sum: { readonly bits_per_second: number; readonly lost_percent: number }
    readonly sum_received: { readonly bits_per_second: number }
  }
}
