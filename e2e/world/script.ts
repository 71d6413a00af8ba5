import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The words that run a TypeScript file of this repository on the Node.js that runs us. */
export const script = (file: string, ...args: readonly string[]): string[] => [
  process.execPath,
  '--conditions=development',
  '--disable-warning=ExperimentalWarning',
  join(root, file),
  ...args,
]
