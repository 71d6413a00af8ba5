// Side-by-side benchmarks in network namespaces of this machine; nothing outside of them is touched.
// Usage: npm run bench -- [NAME…] [--list] [--peers ours,theirs] [--rounds N] [--seconds S] [--mtu N] [--json FILE]
//                         [--expect 'tcp-1.wireguard-go>=2.0']… [--expect 'relay-1.coturn-cpu<=0.5']…
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Lab } from '@sallyport/e2e/lab/lab.ts'
import { ensurePackages, LAB_PACKAGES } from '@sallyport/e2e/lab/packages.ts'
import { enterUserNamespace } from '@sallyport/e2e/lab/privilege.ts'
import type { Peer, RunningPeer } from './peers/peer.ts'
import { sallyport } from './peers/sallyport.ts'
import { staticPeer } from './peers/static-peer.ts'
import { WIREGUARD_PACKAGES, wireguardGo } from './peers/wireguard-go.ts'
import { measureRelays, RELAY_CASES, type RelayCase } from './relay/cases.ts'
import { floodRelays, RELAY_FLOOD } from './relay/flood.ts'
import { RELAYS, type RunningRelay } from './relay/relays.ts'
import { formatReport, isMet, type Measurement, makeReport, measuredValue, parseExpectation } from './report.ts'
import { prepare, SCENARIOS, type Scenario } from './scenarios.ts'

const PEERS: readonly Peer[] = [sallyport, staticPeer, wireguardGo]
const RELAY_PACKAGES = [
  { name: 'coturn', program: 'turnserver' },
  { name: 'util-linux', program: 'taskset' },
]
/** Stands for all cases of relays. */
const RELAY_GROUP = 'relay'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    peers: { type: 'string', default: 'sallyport,wireguard-go' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    mtu: { type: 'string', default: '1280' },
    json: { type: 'string' },
    expect: { type: 'string', multiple: true, default: [] },
  },
})

if (options.list) {
  const show = ({ name, about }: { name: string; about: string }): void => console.log(`${name.padEnd(15)} ${about}`)
  SCENARIOS.forEach(show)
  console.log('\npeers of those:')
  PEERS.forEach(show)
  console.log(`\nrelays, each on one core, beside ${RELAYS[1]!.name} (all: ${RELAY_GROUP}):`)
  for (const each of [...RELAY_CASES, RELAY_FLOOD]) show(each)
} else process.exitCode = await main()

async function main(): Promise<number> {
  const names = (positionals.length > 0 ? positionals : ['tcp-1']).flatMap(name =>
    name === RELAY_GROUP ? RELAY_CASES.map(each => each.name) : [name],
  )
  const chosen = pick<Scenario | RelayCase | typeof RELAY_FLOOD>(
    'benchmark',
    [...SCENARIOS, ...RELAY_CASES, RELAY_FLOOD],
    names,
  )
  const tunnelScenarios = chosen.filter(each => 'measure' in each)
  const relayCases = chosen.filter(each => 'allocations' in each)
  const isFlooding = names.includes(RELAY_FLOOD.name)
  const needsRelays = relayCases.length > 0 || isFlooding
  const peers = pick<Peer>('peer', PEERS, options.peers.split(','))
  const expectations = options.expect.map(
    text =>
      parseExpectation(text) ?? fail(`not an expectation: ${text} (such as tcp-1.wireguard-go>=2.0, or …-cpu<=0.5)`),
  )
  const mtu = positive('mtu', 0)

  await enterUserNamespace()
  ensurePackages([
    ...(tunnelScenarios.length > 0 ? WIREGUARD_PACKAGES : LAB_PACKAGES),
    ...(needsRelays ? RELAY_PACKAGES : []),
  ])
  const lab = await Lab.open('bench')
  const interrupted = (): void => void lab.close().then(() => process.exit(130))
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    const descriptions: Record<string, string> = {}
    const measurements: Measurement[] = []
    if (tunnelScenarios.length > 0) {
      const running = new Map<string, RunningPeer>()
      for (const peer of peers) {
        const started = await peer.start(lab, { mtu })
        await prepare(started)
        running.set(peer.name, started)
        console.error(`${peer.name}: ${started.description}`)
        descriptions[peer.name] = started.description
      }
      for (const scenario of tunnelScenarios)
        measurements.push(await measure(scenario, running, positive('rounds', 5), positive('seconds', 3)))
    }
    if (needsRelays) {
      const running = new Map<string, RunningRelay>()
      for (const relay of RELAYS) {
        const started = await relay.start(lab)
        running.set(relay.name, started)
        console.error(`${relay.name}: ${started.description}`)
        descriptions[`relay ${relay.name}`] = started.description
      }
      for (const relayCase of relayCases)
        measurements.push(
          ...(await measureRelays(relayCase, running, positive('rounds', 9), Number(options.seconds ?? 0.5))),
        )
      if (isFlooding)
        measurements.push(...(await floodRelays(running, positive('rounds', 1), Number(options.seconds ?? 10))))
    }
    const { rounds = 'default', seconds = 'default' } = options
    const report = makeReport(measurements, descriptions, { rounds, seconds, mtu })
    console.log(formatReport(report))
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
    let failed = 0
    for (const expectation of expectations) {
      const ours = expectation.scenario.startsWith(RELAY_GROUP) ? RELAYS[0]!.name : peers[0]!.name
      const value = measuredValue(report, ours, expectation)
      const met = isMet(expectation, value)
      console.log(`${met ? 'met' : 'NOT MET'}: ${expectation.text} (${value?.toFixed(2) ?? 'not measured'})`)
      if (!met) failed++
    }
    return failed === 0 ? 0 : 1
  } finally {
    await lab.close()
  }
}

/** Measures all peers in turn, round by round: whatever else the machine does hits all of them alike. */
async function measure(
  { name, unit, isRate, measure: measureOnce }: Scenario,
  running: ReadonlyMap<string, RunningPeer>,
  rounds: number,
  seconds: number,
): Promise<Measurement> {
  const values = new Map<string, number[]>([...running.keys()].map(peer => [peer, []]))
  for (let round = 1; round <= rounds; round++)
    for (const [peer, started] of running) {
      const value = await measureOnce(started, seconds)
      values.get(peer)!.push(value)
      console.error(`${name} ${round}/${rounds} ${peer}: ${value.toFixed(3)} ${unit}`)
    }
  return { scenario: name, unit, isRate, values }
}

function pick<T extends { readonly name: string }>(what: string, all: readonly T[], names: readonly string[]): T[] {
  return names.map(
    name =>
      all.find(each => each.name === name) ??
      fail(`no ${what} ${name}: there are ${all.map(each => each.name).join(', ')}`),
  )
}

function positive(name: 'rounds' | 'seconds' | 'mtu', byDefault: number): number {
  const value = Number(options[name] ?? byDefault)
  return Number.isInteger(value) && value > 0 ? value : fail(`--${name} takes a positive number, not ${options[name]}`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}
