import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const packages = fileURLToPath(new URL('../packages', import.meta.url))
const guides = fileURLToPath(new URL('../docs/guides', import.meta.url))
const examples = fileURLToPath(new URL('../examples', import.meta.url))

describe.each(readdirSync(packages))('the README of %s', name => {
  const home = `${packages}/${name}`
  const file = `${home}/README.md`

  test('exists, and shows an example', () => {
    expect(existsSync(file)).toBe(true)
    expect(examplesOf(readFileSync(file, 'utf8'))).not.toEqual([])
  })

  test('shows only examples that run as they stand', { timeout: 60_000 }, () => {
    for (const example of examplesOf(readFileSync(file, 'utf8'))) {
      const { status, stderr } = run(example, home)
      expect(stderr).toBe('')
      expect(status).toBe(0)
    }
  })
})

test('the guides show only examples that run as they stand', { timeout: 60_000 }, () => {
  for (const guide of readdirSync(guides)) {
    for (const example of examplesOf(readFileSync(`${guides}/${guide}`, 'utf8'))) {
      const { status, stderr } = run(example, examples)
      expect(stderr, guide).toBe('')
      expect(status, guide).toBe(0)
    }
  }
})

/** Runs an example in `folder`, whose dependencies it may import. */
function run(example: string, folder: string): { readonly status: number | null; readonly stderr: string } {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=development', '--input-type=module-typescript', '--eval', example],
    { cwd: folder, encoding: 'utf8', timeout: 30_000 },
  )
  return { status, stderr: stderr.replaceAll(/^.*(ExperimentalWarning|--trace-warnings).*\n/gm, '') }
}

/** The fenced blocks that are marked as TypeScript. */
function examplesOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(match => match[1]!)
}
