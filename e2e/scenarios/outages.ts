import { sleep } from '../lab/command.ts'
import type { Lab } from '../lab/lab.ts'
import type { Scenario } from '../lab/scenario.ts'
import { Asker } from '../world/asker.ts'
import type { NetworkOptions } from '../world/network.ts'
import { Transfer } from '../world/transfer.ts'
import { World } from '../world/world.ts'

const RELAYED = { clientNat: 'symmetric', gatewayNat: 'symmetric' } as const

/** Things that everybody depends on, and that aren't there. */
export const outages: readonly Scenario[] = [
  {
    name: 'relay-killed',
    claim: 'when the relay in use is killed, the other one takes over within 10 s',
    run: lab => loseRelay(lab, 10_000, (world, used) => world.relays[used]!.end('SIGKILL')),
  },
  {
    name: 'two-relays-failover',
    claim: 'when the relay in use falls silent, unnoticed by the portal, the other one takes over within 20 s',
    run: lab =>
      loseRelay(lab, 20_000, (world, used) =>
        world.network.relays[used]!.nft(
          'table inet dead { chain input { type filter hook input priority -10; udp dport { 3478, 49152-65535 } drop; }; }',
        ),
      ),
  },
  {
    name: 'relay-restarted',
    claim: 'when the only relay is killed and started again, relayed packets flow again within 10 s',
    async run(lab) {
      const world = await World.start(lab, RELAYED)
      await world.fetchPage()
      await world.settledPath('relayed')
      const asker = await Asker.start(world)
      const took = await asker.outage('the relay', 10_000, async () => {
        await world.relay.end('SIGKILL')
        await world.startRelay()
      })
      await asker.end()
      return `back after ${took} ms`
    },
  },
  {
    name: 'portal-down',
    claim: 'a minute without the portal costs no relayed request, nor does its return; then access is granted again',
    async run(lab) {
      const world = await World.start(lab, RELAYED)
      await world.fetchPage()
      await world.settledPath('relayed')
      const asker = await Asker.start(world)
      await world.portal.end('SIGKILL')
      await sleep(60_000)
      const during = await asker.lostSince()
      if (during > 0) throw new Error(`${during} requests were lost while the portal was down`)
      const start = performance.now()
      await world.startPortal()
      await world.fetchPage({ host: 'fd80::10', timeoutMs: 60_000 })
      const took = performance.now() - start
      await sleep(5000)
      const after = await asker.lostSince()
      if (after > 0) throw new Error(`${after} requests were lost when the portal came back`)
      return `access to something new ${Math.round(took)} ms after the portal was started`
    },
  },
  {
    name: 'loss-20',
    claim: 'where a fifth of all packets is lost each way, a client connects, and a download is right',
    async run(lab) {
      const direct = await loseFifth(lab)
      await lab.clear()
      return `direct: ${direct}; relayed: ${await loseFifth(lab, { ...RELAYED, relays: 2 })}`
    },
  },
]

async function loseRelay(
  lab: Lab,
  limitMs: number,
  harm: (world: World, used: 0 | 1) => Promise<unknown>,
): Promise<string> {
  const world = await World.start(lab, { ...RELAYED, relays: 2 })
  await world.fetchPage()
  const used = world.relayOf(await world.settledPath('relayed'))
  const asker = await Asker.start(world)
  const took = await asker.outage('the relay', limitMs, () => harm(world, used))
  await asker.end()
  const now = world.relayOf(await world.path())
  if (now === used) throw new Error('the path still leads through the relay that is gone')
  return `relay ${used + 1} is gone, back after ${took} ms`
}

async function loseFifth(lab: Lab, options: NetworkOptions = {}): Promise<string> {
  const world = await World.start(lab, options)
  await world.network.clientNat.nft(
    'table inet loss { chain forward { type filter hook forward priority -10; numgen random mod 100 < 20 drop; }; }',
  )
  const first = await world.timeToPage(30_000)
  const transfer = Transfer.start(world, '/bytes?num=2000000', 90)
  const start = performance.now()
  await transfer.expectZeros(2_000_000)
  const took = (performance.now() - start) / 1000
  return `first page after ${Math.round(first)} ms, 2 MB in ${took.toFixed(1)} s`
}
