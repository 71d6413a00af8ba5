/**
 * Makes the API reference in docs/api, and fails where a public export has no docstring.
 *
 * Usage: npm run docs
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const home = fileURLToPath(new URL('.', import.meta.url))

/** Runs typedoc; returns whether everything public is documented. */
export function document(...args: readonly string[]): boolean {
  const packages = readdirSync(new URL('../../packages', import.meta.url))
  const documented = packages.flatMap(name => ['--packagesRequiringDocumentation', `@sallyport/${name}`])
  return spawnSync('node_modules/.bin/typedoc', [...documented, ...args], { cwd: home, stdio: 'inherit' }).status === 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(document() ? 0 : 1)
