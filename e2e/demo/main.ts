/**
 * The whole product at work: a client behind one NAT fetches a web page from a private server behind a gateway behind
 * another NAT; directly by hole punching, then through the relay where that is impossible; then the gateway in use is
 * shut down, and the other one takes over.
 *
 * Usage: npm run demo · npm run demo -- --keep (leaves it running until Ctrl-C)
 */
import { sleep } from '../lab/command.ts'
import { Lab } from '../lab/lab.ts'
import { ensurePackages, LAB_PACKAGES } from '../lab/packages.ts'
import { enterUserNamespace } from '../lab/privilege.ts'
import { setNats } from '../world/network.ts'
import { World } from '../world/world.ts'
import { printLookAround } from './look-around.ts'
import { megabits, ms, Progress } from './progress.ts'

const FAILOVER_LIMIT_MS = 2000
const THROUGHPUT_SECONDS = 3

const args = process.argv.slice(2)
if (args.some(arg => arg !== '--keep')) {
  console.error('usage: npm run demo [-- --keep]')
  process.exit(2)
}
ensurePackages(LAB_PACKAGES)
await enterUserNamespace()

const progress = new Progress()
const lab = await Lab.open('demo')
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (isInterrupted) return
    isInterrupted = true
    console.log(`\n${signal}: cleaning up`)
    void lab.close().then(() => process.exit(130))
  })
}

try {
  await demonstrate()
  progress.printTable()
  if (args.includes('--keep')) {
    printLookAround(lab)
    await new Promise(() => {})
  }
  await lab.close()
  process.exit(0)
} catch (error) {
  await sleep(100) // what failed may be a command that Ctrl-C has ended
  if (isInterrupted) await new Promise(() => {})
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : error}`)
  for (const namespace of lab.namespaces) {
    for (const program of namespace.processes) console.error(`── ${program.name}\n${program.tail()}`)
  }
  await lab.close({ keepLogs: true })
  console.error(`The logs are in ${lab.logFolder}`)
  process.exit(1)
}

async function demonstrate(): Promise<void> {
  const world = await progress.step('network: 7 hosts, two NATs, a private network', () => World.build(lab))
  await progress.step('portal up, account created', () => world.startPortal())
  await progress.step('relay registered', () => world.startRelay())
  await progress.step('gateways online', () => Promise.all([world.startGateway(0), world.startGateway(1)]))
  await progress.step('client connected', () => world.startClient())

  await showPath(world, 'direct')

  await progress.step('both NATs made symmetric; gateways and client restarted', async () => {
    await Promise.all([world.client.end(), ...world.gateways.map(gateway => gateway?.end())])
    await setNats(world.network, 'symmetric', 'symmetric')
    await Promise.all([world.startGateway(0), world.startGateway(1)])
    await world.startClient()
  })
  await showPath(world, 'relayed')
  await showFailover(world)
}

/** Fetches the page over the expected kind of path, and measures that path. */
async function showPath(world: World, expected: 'direct' | 'relayed'): Promise<void> {
  const took = await progress.step(`page fetched, ${expected}`, () => world.fetchPage())
  console.log(`    │ ${(await world.fetch('/'))?.trim()}`)
  const path = await progress.step('path', async () => {
    const path = await world.settledPath(expected)
    if (path.local === 'host' || path.remote === 'host')
      throw new Error(`a NAT was not in the way: ${JSON.stringify(path)}`)
    return path
  })
  const gateway = `gateway-${(await world.gatewayOf(path)) + 1}`
  console.log(`    │ ${path.path}: ${path.local} ⇄ ${path.remote}, through ${gateway}`)
  const rtt = await progress.step('ping', () => world.ping())
  if (rtt.received === 0) throw new Error('no ping came back')
  const rate = await progress.step(`iperf3, ${THROUGHPUT_SECONDS} s`, () => world.throughput(THROUGHPUT_SECONDS))
  progress.row(`${expected} path`, `${path.local} ⇄ ${path.remote}`)
  progress.row(`${expected}: first page`, ms(took))
  progress.row(`${expected}: ping`, `${ms(rtt.avg)} (${rtt.received}/${rtt.sent})`)
  progress.row(`${expected}: TCP throughput`, megabits(rate))
}

/** Shuts down the gateway in use, and measures when the page loads through the other one. */
async function showFailover(world: World): Promise<void> {
  const before = await world.path()
  const used = await world.gatewayOf(before)
  const intents = world.intents().length
  const took = await progress.step(`SIGTERM to gateway-${used + 1}: page loads through the other one`, async () => {
    world.gateways[used]?.kill('SIGTERM')
    return await world.timeToPage(20_000)
  })
  const after = await world.path()
  if ((await world.gatewayOf(after)) === used) throw new Error('the page came through the gateway that was shut down')
  const asked = world.intents().length - intents
  if (asked !== 1) throw new Error(`the client had to ask for access ${asked} times`)
  if (took > FAILOVER_LIMIT_MS) throw new Error(`failover took ${ms(took)}, more than ${ms(FAILOVER_LIMIT_MS)}`)
  const exit = await world.gateways[used]?.exited
  if (exit?.code !== 0) throw new Error(`the gateway ended with ${JSON.stringify(exit)}`)
  progress.row('graceful failover', `${ms(took)}, asked for access once`)
}
