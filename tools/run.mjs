// Runs a command of this repository on a bare machine: brings the packages and the pinned Node.js, then hands over.
// Usage: node tools/run.mjs FILE.ts [ARG…] (runs on the pinned Node.js) · node tools/run.mjs TOOL [ARG…] (node_modules/.bin/TOOL)
// Plain JavaScript without dependencies, for any Node.js from 18 on.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const stampFile = join(root, 'node_modules', '.install-stamp')
const PNPM_VERSIONS = ['12.21.0', '10.34.9']

const hash = createHash('sha256').update(`${process.platform}-${process.arch}`)
for (const name of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'])
  hash.update(readFileSync(join(root, name)))
const stamp = hash.digest('hex')

if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) install()

const [target, ...args] = process.argv.slice(2)
if (target === undefined) fail('usage: node tools/run.mjs FILE.ts|TOOL [ARG…]')
const command = join(bin, /\.[cm]?[jt]sx?$/.test(target) ? 'node' : target)
const commandArgs = command.endsWith('node') ? ['--conditions=development', target, ...args] : args
const child = spawn(command, commandArgs, {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', error => fail(`cannot start ${target}: ${error.message}`))
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))

function install() {
  console.error('Installing packages and the pinned Node.js (about 150 MB, once) …')
  for (const version of PNPM_VERSIONS) {
    const done = spawnSync('npx', ['-y', `pnpm@${version}`, 'install', '--frozen-lockfile'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, CI: 'true' },
    })
    if (done.status === 0) {
      mkdirSync(join(root, 'node_modules'), { recursive: true })
      return writeFileSync(stampFile, stamp)
    }
  }
  fail('the packages could not be installed: see the lines above')
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
