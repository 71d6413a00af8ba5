import { script } from '@sallyport/e2e/world/script.ts'
import type { Measurement } from '../report.ts'
import type { LoadConfiguration, LoadResult } from './load.ts'
import { LOAD_ADDRESS, onCore, RELAY_ADDRESS, type RunningRelay } from './relays.ts'

/** A way to use a relay, to be measured. */
export interface RelayCase {
  readonly name: string
  readonly about: string
  readonly allocations: number
  readonly payload: number
  readonly isBackward?: boolean
  readonly trains: boolean
}

/** All of them. The first one is what `relay` means in an expectation. */
export const RELAY_CASES: readonly RelayCase[] = [
  { name: 'relay-1', about: 'one allocation, 1280 bytes', allocations: 1, payload: 1280, trains: true },
  {
    name: 'relay-1-back',
    about: 'the same, from the peer to the client',
    allocations: 1,
    payload: 1280,
    trains: true,
    isBackward: true,
  },
  {
    name: 'relay-1-single',
    about: 'the same as relay-1, but each datagram is sent on its own',
    allocations: 1,
    payload: 1280,
    trains: false,
  },
  {
    name: 'relay-1000',
    about: '1,000 allocations in turn, 1280 bytes',
    allocations: 1000,
    payload: 1280,
    trains: false,
  },
  { name: 'relay-200b', about: 'one allocation, 200 bytes', allocations: 1, payload: 200, trains: true },
]

/** Measures all relays in turn, round by round. */
export async function measureRelays(
  { name, allocations, payload, isBackward = false, trains }: RelayCase,
  relays: ReadonlyMap<string, RunningRelay>,
  rounds: number,
  seconds: number,
): Promise<Measurement[]> {
  const cpu = new Map<string, number[]>([...relays.keys()].map(relay => [relay, []]))
  const rate = new Map<string, number[]>([...relays.keys()].map(relay => [relay, []]))
  for (let round = 1; round <= rounds; round++)
    for (const [relay, { left, process, user }] of relays) {
      const before = rate.get(relay)!.at(-1)
      const configuration: LoadConfiguration = {
        server: `${RELAY_ADDRESS}:3478`,
        pid: process.pid,
        user,
        peer: LOAD_ADDRESS,
        allocations,
        payload,
        isBackward,
        trains,
        fixedRate: FIXED_RATE,
        firstRate: before === undefined ? FIXED_RATE : before * 1000,
        seconds,
      }
      const argv = onCore(1, script('bench/relay/load.ts', JSON.stringify(configuration)))
      const printed = await left.run(argv, { timeoutMs: 120_000 }).catch((cause: unknown) => {
        const state = process.isRunning ? 'runs' : `has ended (${JSON.stringify(process.exit)})`
        throw new Error(`${relay} can't be loaded; it ${state}:\n${process.tail()}`, { cause })
      })
      const result = JSON.parse(printed) as LoadResult
      cpu.get(relay)!.push(result.cpu)
      rate.get(relay)!.push(result.rate)
      const limit = result.isOursTheLimit ? ' (all that the load generator can)' : ''
      const loss = (result.fixedLoss * 100).toFixed(2)
      console.error(
        `${name} ${round}/${rounds} ${relay}: ${result.cpu.toFixed(2)} µs at ${FIXED_RATE / 1000} k/s (${loss} % lost), ${result.rate.toFixed(0)} k/s without loss${limit}`,
      )
    }
  return [
    { scenario: name, metric: 'cpu', unit: 'µs', isRate: false, values: cpu },
    { scenario: name, metric: 'rate', unit: 'k/s', isRate: true, values: rate },
  ]
}

/** Datagrams per second at which the processor time is measured: each of the relays can do that. */
const FIXED_RATE = 30_000
