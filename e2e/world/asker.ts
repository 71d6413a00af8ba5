import { sleep, waitFor } from '../lab/command.ts'
import type { LabProcess } from '../lab/process.ts'
import { ADDRESSES } from './network.ts'
import { script } from './script.ts'
import type { World } from './world.ts'

const EVERY_MS = 250

interface Answer {
  readonly at: number
  readonly ok: boolean
  readonly ms: number
}

/** Asks for the page each 250 ms, and knows which requests were lost. */
export class Asker {
  readonly #program: LabProcess
  #since = Date.now()

  private constructor(program: LabProcess) {
    this.#program = program
  }

  /** Starts to ask from the client, and waits for first answers. */
  static async start(world: World): Promise<Asker> {
    const url = `http://${ADDRESSES.server}/`
    const asker = new Asker(
      world.network.client.spawn('asker', script('e2e/tools/requests.ts', url, String(EVERY_MS), '5000')),
    )
    await waitFor('first answers', () => asker.#answers().filter(({ ok }) => ok).length > 3)
    asker.#since = Date.now()
    return asker
  }

  /** Stops asking. */
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
