import { execFile } from 'node:child_process'

/** A command of the operating system that failed, with what it said. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code = 'LAB_COMMAND_FAILED'
  readonly exitCode: number | null

  constructor(argv: readonly string[], exitCode: number | null, output: string) {
    super(`${argv.join(' ')}: ${output.trim() || `exit ${exitCode}`}`)
    this.exitCode = exitCode
  }
}

/** Runs a command to its end and returns what it printed; throws a {@link CommandError} if it failed. */
export function run(
  argv: readonly string[],
  options: { readonly input?: string; readonly timeoutMs?: number } = {},
): Promise<string> {
  const [file, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = execFile(
      file!,
      args,
      { timeout: options.timeoutMs ?? 30_000, maxBuffer: 32 << 20, encoding: 'utf8', killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        const exitCode = typeof error.code === 'number' ? error.code : null
        reject(new CommandError(argv, exitCode, stderr || stdout || error.message))
      },
    )
    child.stdin?.on('error', () => {}) // a command that exits without reading its input is no error of ours
    child.stdin?.end(options.input ?? '')
  })
}

/** Like {@link run}, but a failure answers `undefined`. */
export const attempt = (argv: readonly string[], options?: { timeoutMs?: number }): Promise<string | undefined> =>
  run(argv, options).catch(() => undefined)

/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Asks `probe` until it answers something other than `undefined` or `false`, and returns that.
 *
 * Throws after `timeoutMs`, naming `what` was waited for.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 20_000,
  everyMs = 50,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await probe()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain for: ${what}`)
    await sleep(everyMs)
  }
}
