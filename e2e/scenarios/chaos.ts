import { sleep } from '../lab/command.ts'
import type { Lab } from '../lab/lab.ts'
import type { Scenario } from '../lab/scenario.ts'
import { Asker } from '../world/asker.ts'
import { World } from '../world/world.ts'

const CLIENT_LIMIT_MS = 3000
const GATEWAY_LIMIT_MS = 22_000

/** Things that die without a word. */
export const chaos: readonly Scenario[] = [
  {
    name: 'chaos-restart',
    claim: 'with a request each 250 ms: portal and unused relay may be killed unnoticed; client and gateway come back',
    async run(lab) {
      const report = await whileDirect(lab)
      return `${report}; ${await whileRelayed(lab)}`
    },
  },
]

async function whileDirect(lab: Lab): Promise<string> {
  const world = await World.start(lab)
  await world.fetchPage()
  const asker = await Asker.start(world)

  await world.portal.end('SIGKILL')
  await world.startPortal()
  await sleep(5000)
  const portal = await asker.lostSince()
  if (portal > 0) throw new Error(`${portal} requests were lost with the portal`)

  await world.settledPath('direct')
  await world.relay.end('SIGKILL')
  await world.startRelay()
  await sleep(5000)
  const relay = await asker.lostSince()
  if (relay > 0) throw new Error(`${relay} requests were lost with the relay`)

  const client = await asker.outage('the client', CLIENT_LIMIT_MS, async () => {
    await world.client.end('SIGKILL')
    await world.startClient()
  })
  const gateway = await asker.outage('the gateway', GATEWAY_LIMIT_MS, async () => {
    await world.gateways[0]!.end('SIGKILL')
    await world.startGateway(0)
  })
  await asker.end()
  return `portal: 0 lost, relay (direct path): 0 lost, client: back after ${client} ms, gateway: back after ${gateway} ms`
}

async function whileRelayed(lab: Lab): Promise<string> {
  await lab.clear()
  const world = await World.start(lab, { clientNat: 'symmetric', gatewayNat: 'symmetric' })
  await world.fetchPage()
  await world.settledPath('relayed')
  const asker = await Asker.start(world)
  const relay = await asker.outage('the relay in use', 60_000, async () => {
    await world.relay.end('SIGKILL')
    await world.startRelay()
  })
  await asker.end()
  return `relay in use: back after ${relay} ms`
}
