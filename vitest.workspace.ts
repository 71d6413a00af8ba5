import { readdirSync } from 'node:fs'
import { defineProject, type TestProjectConfiguration } from 'vitest/config'

const development = {
  resolve: { conditions: ['development'] },
  ssr: { resolve: { conditions: ['development'], externalConditions: ['development'] } },
}

const project = (name: string, root: string): TestProjectConfiguration =>
  defineProject({
    ...development,
    test: {
      name,
      root,
      include: ['**/*.test.ts', '**/*.test.tsx'],
      exclude: ['**/node_modules/**', '**/dist/**'],
      environment: 'node',
      testTimeout: 30_000,
    },
  })

/** Every project whose tests `npm test` runs: one a package, one an app, and the repository's own rules. */
export const projects: TestProjectConfiguration[] = [
  ...['packages', 'apps'].flatMap(folder =>
    readdirSync(new URL(folder, import.meta.url), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => project(entry.name, `./${folder}/${entry.name}`)),
  ),
  project('tools', './tools'),
]
