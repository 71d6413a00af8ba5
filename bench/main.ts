// Side-by-side benchmarks in network namespaces of this machine; nothing outside of them is touched.
// Usage: npm run bench -- [NAME…] [--list] [--peers ours,theirs] [--rounds N] [--seconds S] [--mtu N] [--json FILE]
//                         [--expect 'tcp-1.wireguard-go>=2.0']…
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Lab } from '@sallyport/e2e/lab/lab.ts'
import { ensurePackages } from '@sallyport/e2e/lab/packages.ts'
import { enterUserNamespace } from '@sallyport/e2e/lab/privilege.ts'
import type { Peer, RunningPeer } from './peers/peer.ts'
import { sallyport } from './peers/sallyport.ts'
import { staticPeer } from './peers/static-peer.ts'
import { WIREGUARD_PACKAGES, wireguardGo } from './peers/wireguard-go.ts'
import { formatReport, type Measurement, makeReport, parseExpectation, ratioOf } from './report.ts'
import { prepare, SCENARIOS, type Scenario } from './scenarios.ts'

const PEERS: readonly Peer[] = [sallyport, staticPeer, wireguardGo]

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    peers: { type: 'string', default: 'sallyport,wireguard-go' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    mtu: { type: 'string', default: '1280' },
    json: { type: 'string' },
    expect: { type: 'string', multiple: true, default: [] },
  },
})

if (options.list) {
  for (const { name, about } of SCENARIOS) console.log(`${name.padEnd(14)} ${about}`)
  console.log('\npeers:')
  for (const { name, about } of PEERS) console.log(`${name.padEnd(14)} ${about}`)
} else process.exitCode = await main()

async function main(): Promise<number> {
  const scenarios = pick<Scenario>('benchmark', SCENARIOS, positionals.length > 0 ? positionals : ['tcp-1'])
  const peers = pick<Peer>('peer', PEERS, options.peers.split(','))
  const expectations = options.expect.map(
    text => parseExpectation(text) ?? fail(`not an expectation: ${text} (such as tcp-1.wireguard-go>=2.0)`),
  )
  const [rounds, seconds, mtu] = [positive('rounds'), positive('seconds'), positive('mtu')]

  await enterUserNamespace()
  ensurePackages(WIREGUARD_PACKAGES)
  const lab = await Lab.open('bench')
  const interrupted = (): void => void lab.close().then(() => process.exit(130))
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    const running = new Map<string, RunningPeer>()
    for (const peer of peers) {
      const started = await peer.start(lab, { mtu })
      await prepare(started)
      running.set(peer.name, started)
      console.error(`${peer.name}: ${started.description}`)
    }
    const measurements: Measurement[] = []
    for (const scenario of scenarios) measurements.push(await measure(scenario, running, rounds, seconds))
    const descriptions = Object.fromEntries([...running].map(([name, { description }]) => [name, description]))
    const report = makeReport(measurements, descriptions, { rounds, seconds, mtu })
    console.log(formatReport(report))
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
    let failed = 0
    for (const expectation of expectations) {
      const ratio = ratioOf(report, peers[0]!.name, expectation)
      const isMet = ratio !== undefined && ratio >= expectation.atLeast
      console.log(`${isMet ? 'met' : 'NOT MET'}: ${expectation.text} (${ratio?.toFixed(2) ?? 'not measured'})`)
      if (!isMet) failed++
    }
    return failed === 0 ? 0 : 1
  } finally {
    await lab.close()
  }
}

/** Measures all peers in turn, round by round: whatever else the machine does hits all of them alike. */
async function measure(
  scenario: Scenario,
  running: ReadonlyMap<string, RunningPeer>,
  rounds: number,
  seconds: number,
): Promise<Measurement> {
  const values = new Map<string, number[]>([...running.keys()].map(name => [name, []]))
  for (let round = 1; round <= rounds; round++)
    for (const [name, peer] of running) {
      const value = await scenario.measure(peer, seconds)
      values.get(name)!.push(value)
      console.error(`${scenario.name} ${round}/${rounds} ${name}: ${value.toFixed(3)} ${scenario.unit}`)
    }
  return { scenario, values }
}

function pick<T extends { readonly name: string }>(what: string, all: readonly T[], names: readonly string[]): T[] {
  return names.map(
    name =>
      all.find(each => each.name === name) ??
      fail(`no ${what} ${name}: there are ${all.map(each => each.name).join(', ')}`),
  )
}

function positive(name: 'rounds' | 'seconds' | 'mtu'): number {
  const value = Number(options[name])
  return Number.isInteger(value) && value > 0 ? value : fail(`--${name} takes a positive number, not ${options[name]}`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}
