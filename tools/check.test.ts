import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const repository = fileURLToPath(new URL('..', import.meta.url))
const floor = 'packages/sans-io/src/planted.ts'
let copy: string

// A copy of the floor and of the tools is enough: what is checked is that the command fails, not the whole repository.
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'check-'))
  for (const name of ['tools', 'package.json', 'tsconfig.base.json', 'packages/sans-io', 'README.md']) {
    cpSync(join(repository, name), join(copy, name), {
      recursive: true,
      filter: source => !/node_modules|dist$/.test(source),
    })
  }
  mkdirSync(join(copy, 'apps'))
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'))
  symlinkSync(join(repository, 'tools/docs/node_modules'), join(copy, 'tools/docs/node_modules'))
})
afterEach(() => rmSync(copy, { recursive: true }))

test('an untouched copy passes', () => {
  expect(check('layers', 'documented')).toMatchObject({ status: 0 })
})

test('an upward import makes the check fail, and it says why', () => {
  writeFileSync(join(copy, floor), "export type { IceAgent } from '@sallyport/ice'\n")

  const { status, output } = check('layers')

  expect(status).toBe(1)
  expect(output).toContain('an arrow only ever points down')
})

test('a node:fs import in a pure package makes the check fail, and it says why', () => {
  writeFileSync(join(copy, floor), "export { readFileSync } from 'node:fs'\n")

  const { status, output } = check('layers')

  expect(status).toBe(1)
  expect(output).toContain('sans-io is pure, but imports node:fs')
})

test('an undocumented export makes the check fail, and it says which', () => {
  writeFileSync(join(copy, 'packages/sans-io/src/index.ts'), 'export const planted: number = 1\n')

  const { status, output } = check('documented')

  expect(status).toBe(1)
  expect(output).toContain('planted')
})

test('a check that does not exist is a usage error', () => {
  expect(check('nonsense')).toMatchObject({ status: 2 })
})

function check(...names: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=development', 'tools/check.ts', ...names],
    {
      cwd: copy,
      encoding: 'utf8',
      timeout: 60_000,
    },
  )
  return { status, output: stdout + stderr }
}
