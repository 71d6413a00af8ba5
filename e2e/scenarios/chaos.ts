import { sleep, waitFor } from '../lab/command.ts'
import type { Lab } from '../lab/lab.ts'
import type { LabProcess } from '../lab/process.ts'
import type { Scenario } from '../lab/scenario.ts'
import { ADDRESSES } from '../world/network.ts'
import { script } from '../world/script.ts'
import { World } from '../world/world.ts'

const EVERY_MS = 250
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

interface Answer {
  readonly at: number
  readonly ok: boolean
  readonly ms: number
}

/** Asks for the page at a steady pace, and knows which requests were lost. */
class Asker {
  readonly #program: LabProcess
  #since = Date.now()

  private constructor(program: LabProcess) {
    this.#program = program
  }

  static async start(world: World): Promise<Asker> {
    const url = `http://${ADDRESSES.server}/`
    const asker = new Asker(
      world.network.client.spawn('asker', script('e2e/tools/requests.ts', url, String(EVERY_MS), '5000')),
    )
    await waitFor('first answers', () => asker.#answers().filter(({ ok }) => ok).length > 3)
    asker.#since = Date.now()
    return asker
  }

  end(): Promise<unknown> {
    return this.#program.end()
  }

  /** Waits until all requests made since the last call are answered, and returns how many of them were lost. */
  async lostSince(): Promise<number> {
    const until = Date.now()
    await waitFor('answers', () => this.#answers().some(({ at }) => at >= until), 10_000)
    const asked = this.#answers().filter(({ at }) => at >= this.#since && at < until)
    this.#since = until
    const expected = Math.floor((until - asked[0]!.at) / EVERY_MS) - 1
    if (asked.length < expected) throw new Error(`only ${asked.length} of ${expected} requests have an answer`)
    return asked.filter(({ ok }) => !ok).length
  }

  /** Does harm, and returns after how many milliseconds requests are answered again. */
  async outage(what: string, limitMs: number, harm: () => Promise<unknown>): Promise<number> {
    const start = Date.now()
    const done = harm()
    // A request may be answered by luck of timing before the harm shows: two in a row that were asked after it count.
    const isBack = (): Answer | undefined => {
      const later = this.#answers().filter(({ at }) => at > start + 100)
      return later.find((answer, i) => answer.ok && later[i + 1]?.ok && later.slice(i).every(({ ok }) => ok))
    }
    await done
    await sleep(1500)
    const first = await waitFor(`answers after ${what} was killed`, isBack, limitMs + 10_000)
    const took = first.at + first.ms - start
    if (took > limitMs) throw new Error(`${what} was back only after ${took} ms`)
    this.#since = Date.now()
    return took
  }

  /** All answers, in the order in which they were asked for. */
  #answers(): Answer[] {
    return this.#program.lines
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as Answer)
      .sort((a, b) => a.at - b.at)
  }
}
