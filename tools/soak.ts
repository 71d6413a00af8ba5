// Lets properties that `npm test` tries on some worlds be tried on many others, until one fails.
// Usage: npm run soak -- connectivity [--worlds 100000] [--seed N]
import { parseArgs } from 'node:util'
import fc from 'fast-check'

/** Modules that export `properties`, by the name under which they are soaked. */
const SOAKS: Readonly<Record<string, string>> = {
  connectivity: '../packages/snownet/test/random-worlds/properties.ts',
}
const USAGE = `usage: npm run soak -- ${Object.keys(SOAKS).join('|')} [--worlds N] [--seed N] [--only PROPERTY --path PATH]`
type Properties = Readonly<Record<string, fc.IProperty<unknown>>>

/** Worlds between two lines of progress, each of which begins with a seed of its own. */
const BATCH = 500

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      worlds: { type: 'string', default: '100000' },
      seed: { type: 'string' },
      only: { type: 'string' },
      path: { type: 'string' },
    },
  })
  const name = positionals[0] ?? ''
  const soak = SOAKS[name]
  const worlds = Number(values.worlds)
  const first = Number(values.seed ?? Date.now() % 2 ** 31)
  if (soak === undefined || !(worlds > 0) || !Number.isInteger(first)) {
    console.error(USAGE)
    return 2
  }
  const module = (await import(new URL(soak, import.meta.url).href)) as { properties: Properties }
  const properties = Object.entries(module.properties).filter(
    ([property]) => values.only === undefined || property === values.only,
  )
  const started = performance.now()
  for (let done = 0, seed = first; done < worlds; seed++) {
    for (const [property, check] of properties) {
      const numRuns = Math.min(BATCH, worlds - done)
      if (numRuns <= 0) break
      const replay = values.path === undefined ? {} : { path: values.path }
      const result = fc.check(check, { numRuns, seed, endOnFailure: values.path !== undefined, ...replay })
      if (result.failed) {
        console.error(result.errorInstance instanceof Error ? result.errorInstance.message : '')
        console.error(fc.defaultReportMessage(result))
        console.error(
          `\nreplay: npm run soak -- ${name} --only ${property} --seed ${seed} --path ${result.counterexamplePath}`,
        )
        return 1
      }
      done += result.numRuns
      const perSecond = (1000 * done) / (performance.now() - started)
      console.log(`${done} of ${worlds} worlds, ${perSecond.toFixed(0)} a second (${property}, seed ${seed})`)
    }
    if (values.path !== undefined) break
  }
  console.log('no world failed')
  return 0
}
