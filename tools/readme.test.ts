import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const packages = fileURLToPath(new URL('../packages', import.meta.url))

describe.each(readdirSync(packages))('the README of %s', name => {
  const home = `${packages}/${name}`
  const file = `${home}/README.md`

  test('exists, and shows an example', () => {
    expect(existsSync(file)).toBe(true)
    expect(examplesOf(readFileSync(file, 'utf8'))).not.toEqual([])
  })

  test('shows only examples that run as they stand', { timeout: 60_000 }, () => {
    for (const example of examplesOf(readFileSync(file, 'utf8'))) {
      const { status, stderr } = spawnSync(
        process.execPath,
        ['--conditions=development', '--input-type=module-typescript', '--eval', example],
        { cwd: home, encoding: 'utf8', timeout: 30_000 },
      )
      expect(stderr.replaceAll(/^.*(ExperimentalWarning|--trace-warnings).*\n/gm, '')).toBe('')
      expect(status).toBe(0)
    }
  })
})

/** The fenced blocks that are marked as TypeScript. */
function examplesOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(match => match[1]!)
}
