import { CommanderError } from 'commander'
import { describeError } from './operator-error.ts'

/** What the command line is to blame for. */
const EXIT_USAGE = 2

/**
 * Runs a program to its end and exits with the code that it deserves.
 *
 * An error with a `code` is something that an operator can understand and leaves one line on standard error; any other
 * is our own mistake and leaves its stack.
 */
export async function runMain(main: () => Promise<void>): Promise<never> {
  try {
    await main()
  } catch (error) {
    process.exit(report(error))
  }
  process.exit(0)
}

/** Tells people about an error that ends the program. Returns the exit code. */
export function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE // has spoken for itself
  const { code, exitCode, stack } = error as { code?: unknown; exitCode?: unknown; stack?: string }
  process.stderr.write(`${typeof code === 'string' ? `error: ${describeError(error)}` : (stack ?? String(error))}\n`)
  return typeof exitCode === 'number' ? exitCode : 1
}
