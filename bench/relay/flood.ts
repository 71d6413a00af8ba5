import { readFileSync } from 'node:fs'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import { script } from '@sallyport/e2e/world/script.ts'
import type { Measurement } from '../report.ts'
import { median } from '../statistics.ts'
import { type FloodLoadConfiguration, type FloodLoadResult, USED_PAYLOAD } from './flood-load.ts'
import { LOAD_ADDRESS, onCore, RELAY_ADDRESS, type RunningRelay } from './relays.ts'

/** The flood, as `--list` shows it. */
export const RELAY_FLOOD = {
  name: 'relay-flood',
  about: `10 s of strangers’ datagrams from 262,144 addresses, while an allocation is in use and others want one`,
} as const

/** Floods all relays in turn. */
export async function floodRelays(
  relays: ReadonlyMap<string, RunningRelay>,
  rounds: number,
  seconds: number,
): Promise<Measurement[]> {
  const metrics = METRICS.map(metric => ({
    ...metric,
    scenario: RELAY_FLOOD.name,
    isRate: false,
    values: new Map<string, number[]>([...relays.keys()].map(relay => [relay, []])),
  }))
  for (let round = 1; round <= rounds; round++)
    for (const [name, relay] of relays) {
      const result = await flood(relay, seconds)
      for (const { metric, values } of metrics) values.get(name)!.push(result[metric])
      const words = METRICS.map(({ metric, unit }) => `${metric} ${result[metric].toFixed(2)} ${unit}`)
      console.error(`${RELAY_FLOOD.name} ${round}/${rounds} ${name}: ${words.join(', ')}`)
    }
  return metrics
}

const METRICS = [
  /** Bytes that left the relay for strangers, as a multiple of what they sent: from the IP header on. */
  { metric: 'amplification', unit: '×' },
  /** How much memory the relay has taken in addition. */
  { metric: 'memory', unit: 'MiB' },
  /** What an allocation in use has lost. */
  { metric: 'loss', unit: '%' },
  /** How long a new client waited for its allocation; {@link IN_VAIN_MS} if it got none. */
  { metric: 'wait', unit: 'ms' },
] as const

async function flood(
  { left, right, process, user }: RunningRelay,
  seconds: number,
): Promise<Record<(typeof METRICS)[number]['metric'], number>> {
  await left.sysctl({
    'net.ipv4.ip_forward': 1,
    'net.ipv4.conf.all.rp_filter': 0,
    'net.ipv4.conf.default.rp_filter': 0,
  })
  await right.ip(`route replace default via ${LOAD_ADDRESS}`)
  const server = `${RELAY_ADDRESS}:3478`
  const configuration: FloodLoadConfiguration = { server, user, peer: LOAD_ADDRESS, rate: FLOOD_RATE, seconds }
  const load = left.spawn('flood', onCore(1, script('bench/relay/flood-load.ts', JSON.stringify(configuration))))
  await load.waitForLine(/^flooding/, 60_000)
  const before = { memory: residentMiB(process.pid), bytes: await sentBytes(right) }

  const waits: number[] = []
  const newcomer = onCore(1, script('bench/relay/newcomer.ts', JSON.stringify({ server, user, peer: LOAD_ADDRESS })))
  for (let i = 0; i < NEWCOMERS && load.isRunning; i++) {
    const printed = await left.attempt(newcomer, { timeoutMs: IN_VAIN_MS * 2 })
    waits.push(printed === undefined ? IN_VAIN_MS : Number(printed))
  }
  const [line] = await load.waitForLine(/^\{.*\}$/, seconds * 1000 + 60_000)
  const { bytes, loss, used } = JSON.parse(line!) as FloodLoadResult
  const relayed = used * (1 - loss) * (USED_PAYLOAD + IP_AND_UDP)
  const sent = await sentBytes(right)
  return {
    amplification:
      Math.max(0, sent.bytes - before.bytes.bytes - ETHERNET * (sent.packets - before.bytes.packets) - relayed) / bytes,
    memory: residentMiB(process.pid) - before.memory,
    loss: Math.max(0, loss) * 100,
    wait: median(waits),
  }
}

/** What leaves the relay's host, Ethernet headers included. */
async function sentBytes(host: Namespace): Promise<{ readonly bytes: number; readonly packets: number }> {
  const line = /^\s*wan:(.*)$/m.exec(await host.run(['cat', '/proc/net/dev']))
  const fields = line![1]!.trim().split(/\s+/).map(Number)
  return { bytes: fields[8]!, packets: fields[9]! }
}

function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

const FLOOD_RATE = 40_000
const NEWCOMERS = 3
const IN_VAIN_MS = 10_000
const ETHERNET = 14
const IP_AND_UDP = 28
