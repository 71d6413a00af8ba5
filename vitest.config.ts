import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { projects } from './vitest.workspace.ts'

export default defineConfig({
  test: {
    projects,
    coverage: {
      provider: 'v8',
      // The pure layers; what touches the machine is proven by `npm run e2e` and `npm run interop`.
      include: ['packages/*/src/**/*.ts'],
      exclude: ['packages/{io-node,session,service,testkit}/**', '**/*.test.ts', '**/index.ts'],
      reporter: [
        'text-summary',
        'json-summary',
        [fileURLToPath(new URL('tools/coverage-table.ts', import.meta.url)), {}],
      ],
      reportOnFailure: true,
      thresholds: { branches: 85 },
    },
  },
})
