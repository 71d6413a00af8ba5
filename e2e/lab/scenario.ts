import { Lab } from './lab.ts'
import { ensurePackages, type SystemPackage } from './packages.ts'

/** One story on real devices: what it proves, and how. */
export interface Scenario {
  readonly name: string
  /** What holds if it passes, in one line. */
  readonly claim: string
  /** Whether it belongs to the quick subset. */
  readonly quick?: boolean
  /** Packages of the system that only this one needs. */
  readonly packages?: readonly SystemPackage[]
  /** Runs it in a lab of its own. Throws where the claim doesn't hold; may return what it measured, in a few words. */
  run(lab: Lab): Promise<string | undefined>
}

/**
 * Runs the scenarios that the command line names, all without a name, those marked quick with `--quick`; `--list` shows
 * them. Prints a line for each and closes with `N passed, N failed`. Ends the process.
 */
export async function runScenarios(scenarios: readonly Scenario[], args: readonly string[]): Promise<never> {
  const names = args.filter(arg => !arg.startsWith('--'))
  const option = args.find(arg => arg.startsWith('--') && !['--list', '--quick', '--keep-logs'].includes(arg))
  const unknown = names.find(name => scenarios.every(scenario => scenario.name !== name))
  if (option !== undefined || unknown !== undefined) {
    console.error(option === undefined ? `no scenario is called ${unknown}: see --list` : `unknown option ${option}`)
    process.exit(2)
  }
  if (args.includes('--list')) {
    for (const { name, claim, quick } of scenarios)
      console.log(`${name.padEnd(28)} ${quick ? 'quick ' : '      '} ${claim}`)
    process.exit(0)
  }
  const chosen = scenarios.filter(({ name, quick }) =>
    names.length > 0 ? names.includes(name) : !args.includes('--quick') || quick === true,
  )
  ensurePackages(chosen.flatMap(({ packages }) => packages ?? []))
  let passed = 0
  for (const scenario of chosen) if (await runOne(scenario, args.includes('--keep-logs'))) passed++
  console.log(`${passed} passed, ${chosen.length - passed} failed`)
  process.exit(passed === chosen.length ? 0 : 1)
}

async function runOne(scenario: Scenario, keepLogs: boolean): Promise<boolean> {
  const lab = await Lab.open(scenario.name)
  const interrupted = (): void => void lab.close().then(() => process.exit(130))
  for (const signal of SIGNALS) process.once(signal, interrupted)
  const start = performance.now()
  const took = (): string => `${((performance.now() - start) / 1000).toFixed(1)} s`
  try {
    const measured = await withTimeLimit(scenario.run(lab), scenario.name)
    await lab.close({ keepLogs })
    console.log(`✓ ${scenario.name} (${took()})${measured === undefined ? '' : `: ${measured}`}`)
    return true
  } catch (error) {
    console.log(`✗ ${scenario.name} (${took()}): ${error instanceof Error ? (error.stack ?? error.message) : error}`)
    for (const namespace of lab.namespaces) {
      for (const program of namespace.processes) console.log(`── ${program.name}\n${program.tail(25)}`)
    }
    await lab.close({ keepLogs })
    if (keepLogs) console.log(`logs: ${lab.logFolder}`)
    return false
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupted)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const TIME_LIMIT_MS = 300_000

async function withTimeLimit<T>(work: Promise<T>, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} took longer than ${TIME_LIMIT_MS / 1000} s`)), TIME_LIMIT_MS)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
