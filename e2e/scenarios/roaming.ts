import { sleep } from '../lab/command.ts'
import type { Lab } from '../lab/lab.ts'
import type { Scenario } from '../lab/scenario.ts'
import { addCafe } from '../world/network.ts'
import { Transfer } from '../world/transfer.ts'
import { World } from '../world/world.ts'

const ROAM_LIMIT_MS = 2000
const TRANSFER_LIMIT_MS = 5000

/** Who moves while packets flow. */
export const roaming: readonly Scenario[] = [
  {
    name: 'roam-client',
    claim: 'a client that changes networks is back within 2 s, and a running download goes on',
    run: roamClient,
  },
  {
    name: 'roam-gateway',
    claim: 'a gateway that gets another address stays connected, directly and through a relay',
    async run(lab) {
      const direct = await roamGateway(lab, 'direct')
      await lab.clear()
      return `${direct}; ${await roamGateway(lab, 'relayed')}`
    },
  },
]

async function roamGateway(lab: Lab, kind: 'direct' | 'relayed'): Promise<string> {
  const nat = kind === 'direct' ? 'port-restricted' : 'symmetric'
  const world = await World.start(lab, { clientNat: nat, gatewayNat: nat })
  const gateway = world.network.gateways[0]
  await world.fetchPage()
  await world.settledPath(kind)
  const transfer = Transfer.start(world, '/slow?chunks=160', 60)
  await transfer.moreThan(20_000, 10_000)
  const asked = world.intents().length

  const before = transfer.bytes
  await gateway.ip(
    'addr flush dev eth0',
    'addr add 192.168.20.21/24 dev eth0',
    'addr add 2001:db8:20::21/64 dev eth0 nodad',
    'route replace default via 192.168.20.1',
    'route replace default via 2001:db8:20::1',
  )
  const [page, data] = await Promise.all([
    world.timeToPage(ROAM_LIMIT_MS + 5000),
    transfer.moreThan(before + 2000, TRANSFER_LIMIT_MS),
  ])
  if (page > ROAM_LIMIT_MS) throw new Error(`${kind}: the page loads only after ${Math.round(page)} ms`)
  await transfer.expectZeros(160_000)
  if (world.intents().length !== asked) throw new Error('the client had to ask for access again')
  return `${kind}: page after ${Math.round(page)} ms, download after ${Math.round(data)} ms`
}

async function roamClient(lab: Lab): Promise<string> {
  const world = await World.start(lab)
  const { client } = world.network
  const cafe = await addCafe(lab, world.network)
  await world.fetchPage()
  const transfer = Transfer.start(world, '/slow?chunks=300', 60)
  await transfer.moreThan(20_000, 10_000)

  const steps: string[] = []
  const step = async (what: string, move: () => Promise<void>): Promise<void> => {
    const before = transfer.bytes
    await move()
    const [page, data] = await Promise.all([
      world.timeToPage(ROAM_LIMIT_MS + 5000),
      transfer.moreThan(before + 1000, TRANSFER_LIMIT_MS),
    ])
    if (page > ROAM_LIMIT_MS) throw new Error(`${what}: the page loads only after ${Math.round(page)} ms`)
    steps.push(`${what}: page after ${Math.round(page)} ms, download after ${Math.round(data)} ms`)
    await sleep(2000)
  }
  await step('to a café', async () => {
    await client.ip('link set eth0 down')
    await sleep(500)
    await cafe.join('192.168.30.2')
  })
  await step('to another address there', async () => {
    await client.ip('addr flush dev wlan0')
    await cafe.join('192.168.30.7')
  })
  await step('home', async () => {
    await cafe.leave()
    await client.ip(
      'link set eth0 up',
      'addr add 2001:db8:10::2/64 dev eth0 nodad',
      'route add default via 192.168.10.1',
    )
  })
  await transfer.expectZeros(300_000)
  return steps.join('; ')
}
