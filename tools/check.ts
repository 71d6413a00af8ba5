/**
 * Checks everything that can be checked without running the product, and says for each check whether it passed.
 *
 * Usage: npm run check · npm run check -- types lint
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.ts'
import { document } from './docs/main.ts'
import { findViolations } from './layers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const checks: Readonly<Record<string, () => Promise<boolean> | boolean>> = {
  types: () => run('tsc', '-b'),
  lint: () => run('biome', 'ci', '--error-on-warnings', '.'),
  layers: () => {
    const violations = findViolations(root)
    for (const { file, reason } of violations) console.error(`${file}: ${reason}`)
    return violations.length === 0
  },
  unused: () => run('knip', '--no-progress'),
  documented: () => document('--emit', 'none', '--logLevel', 'Warn'),
  exports: async () => {
    await build()
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-pack-'))
    try {
      return libraries().every(name => isWellPacked(name, folder)) && readdirSync(join(root, 'apps')).every(starts)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}

const libraries = (): string[] => readdirSync(join(root, 'packages'))

/** Packs a library as it would be published, and has its exports and types looked at. */
function isWellPacked(name: string, folder: string): boolean {
  const tarball = join(folder, `${name}.tgz`)
  const packed = spawnSync('pnpm', ['pack', '--out', tarball, '--config.ignore-scripts=true'], {
    cwd: join(root, 'packages', name),
    encoding: 'utf8',
  })
  if (packed.status !== 0) {
    console.error(packed.stderr || packed.stdout)
    return false
  }
  return (
    run('publint', tarball, '--strict', '--level', 'warning') &&
    run('attw', tarball, '--profile', 'esm-only', '--quiet')
  )
}

/** Whether an app as it is published gets as far as its help: bundling may lose what sources find. */
function starts(name: string): boolean {
  const main = join(root, 'apps', name, 'dist/main.js')
  const { status, stderr } = spawnSync(process.execPath, [main, '--help'], { encoding: 'utf8', timeout: 30_000 })
  if (status !== 0) console.error(`${name} doesn't start: ${stderr}`)
  return status === 0
}

function run(tool: string, ...args: readonly string[]): boolean {
  return spawnSync(tool, args, { cwd: root, stdio: 'inherit' }).status === 0
}

const wanted = process.argv.slice(2)
const unknown = wanted.find(name => !(name in checks))
if (unknown !== undefined) {
  console.error(`no check is called ${unknown}; there are ${Object.keys(checks).join(', ')}`)
  process.exit(2)
}
let failed = 0
for (const [name, check] of Object.entries(checks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const start = performance.now()
  const passed = await check()
  if (!passed) failed++
  console.log(`${passed ? '✓' : '✗'} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
}
console.log(failed === 0 ? 'all checks passed' : `${failed} checks failed`)
process.exit(failed === 0 ? 0 : 1)
