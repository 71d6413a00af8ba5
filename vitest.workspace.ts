import { readdirSync } from 'node:fs'
import { defineProject, type TestProjectConfiguration } from 'vitest/config'

const development = {
  resolve: { conditions: ['development'] },
  ssr: { resolve: { conditions: ['development'], externalConditions: ['development'] } },
}

const project = (name: string, folder: string): TestProjectConfiguration =>
  defineProject({
    ...development,
    test: {
      name,
      // No `root` of its own: coverage matches its globs against the root of the project that a file lies in.
      include: [`${folder}/**/*.test.ts`, `${folder}/**/*.test.tsx`],
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
      .map(entry => project(entry.name, `${folder}/${entry.name}`)),
  ),
  project('tools', 'tools'),
]
