// Load for one relay, in a process of its own: node bench/relay/load.ts CONFIGURATION, as JSON. Prints a LoadResult.
import { readFileSync } from 'node:fs'
import { nodeCrypto } from '@sallyport/io-node'
import { openRoutes, type TurnUser } from './routes.ts'
import { Traffic } from './traffic.ts'

/** What the process is told. */
export interface LoadConfiguration {
  /** Where the relay listens, and the id of its process. */
  readonly server: string
  readonly pid: number
  readonly user: TurnUser
  /** The address of this host, on which the peers are. */
  readonly peer: string
  readonly allocations: number
  /** Bytes of a relayed datagram. */
  readonly payload: number
  /** From the peers to the clients instead of the other way. */
  readonly isBackward: boolean
  /** Whether neighbours on one path leave with one send. */
  readonly trains: boolean
  /** Datagrams per second at which the processor time is measured. */
  readonly fixedRate: number
  /** Datagrams per second with which the search begins. */
  readonly firstRate: number
  /** How long each step takes. */
  readonly seconds: number
}

/** What it has found out. */
export interface LoadResult {
  /** Microseconds of the relay's processor time for each relayed datagram, at the fixed rate. */
  readonly cpu: number
  /** The share of datagrams that were lost at the fixed rate. */
  readonly fixedLoss: number
  /** Thousands of datagrams per second, the most of which less than 0.1 % are lost. */
  readonly rate: number
  /** Whether that is all that this process is able to send. */
  readonly isOursTheLimit: boolean
}

async function main(configuration: LoadConfiguration): Promise<LoadResult> {
  const { fixedRate, firstRate, seconds, pid } = configuration
  const routes = await openRoutes(configuration, nodeCrypto({ cipher: 'node' }))
  const traffic = new Traffic(routes, configuration)
  traffic.run(fixedRate, 0.3) // compiles what is compiled when it is needed

  const before = processorMicros(pid)
  const fixed = traffic.run(fixedRate, seconds * 4) // long: the kernel tells processor time in ticks of 10 ms
  const cpu = (processorMicros(pid) - before) / fixed.received

  let best = 0
  let isOursTheLimit = false
  /** Others use this machine, too: a step counts as lost when it is lost twice. */
  const passes = (rate: number): boolean => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const { sent, received, elapsed } = traffic.run(rate, seconds)
      const loss = 1 - received / sent
      if (loss >= LOSS_FREE) continue
      const reached = sent / elapsed
      isOursTheLimit = reached < rate * 0.97
      best = Math.max(best, reached)
      return true
    }
    return false
  }
  let rate = firstRate
  if (passes(rate)) for (rate *= STEP; !isOursTheLimit && passes(rate); rate *= STEP);
  else for (rate /= STEP; rate > 1000 && !passes(rate); rate /= STEP);
  if (best > 0 && !isOursTheLimit) passes(best * Math.sqrt(STEP))
  await routes.close()
  return { cpu, fixedLoss: 1 - fixed.received / fixed.sent, rate: best / 1000, isOursTheLimit }
}

/** Less than that is no loss: a share. */
const LOSS_FREE = 0.001

/** From one rate to the next in the search. */
const STEP = 1.2

/** Returns how long a process has run, on all its threads, in user and kernel mode: in units of a clock tick. */
function processorMicros(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
}

/** The kernel shows 100 ticks per second to programs, whatever it uses itself (USER_HZ). */
const MICROS_PER_TICK = 10_000

if (import.meta.main) {
  const result = await main(JSON.parse(process.argv[2] ?? '') as LoadConfiguration)
  console.log(JSON.stringify(result))
  process.exit(0)
}
