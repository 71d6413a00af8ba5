import type { ChildProcess } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from './command.ts'

/** How to start a program in a namespace. */
export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** How a program ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running program of the lab: its output is kept, and it is ended by its own process id only. */
export class LabProcess {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** What it printed lately (both streams), newest last; at most {@link KEPT_LINES} lines. */
  readonly lines: string[] = []
  /** Resolves when it has ended. */
  readonly exited: Promise<Exit>
  exit: Exit | undefined
  readonly #child: ChildProcess
  readonly #log: WriteStream
  #partial = ''

  constructor(name: string, child: ChildProcess, logFolder: string) {
    this.name = name
    this.pid = child.pid ?? -1
    this.#child = child
    this.logFile = join(logFolder, `${name}.log`)
    this.#log = createWriteStream(this.logFile, { flags: 'a' })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => this.#record(chunk))
    this.exited = new Promise(resolve => {
      const end = (exit: Exit): void => {
        this.exit ??= exit
        this.#log.end()
        resolve(this.exit)
      }
      child.once('exit', (code, signal) => {
        // Its last words may still be in the pipe, which a child of its own can hold open for ever.
        const timer = setTimeout(() => end({ code, signal }), LAST_WORDS_MS)
        child.once('close', () => {
          clearTimeout(timer)
          end({ code, signal })
        })
      })
      child.once('error', () => end({ code: 127, signal: null }))
    })
  }

  /** Whether it has not ended. */
  get isRunning(): boolean {
    return this.exit === undefined
  }

  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal)
  }

  /** Sends a signal and waits for the end; after 10 s it is killed. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.kill(signal)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  /** Waits until it ends by itself; it is killed after `timeoutMs`. */
  async exitWithin(timeoutMs: number): Promise<Exit> {
    const timer = setTimeout(() => this.kill('SIGKILL'), timeoutMs)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  /** Waits until a line matches, and returns the match. Lines from before the call count. */
  waitForLine(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    return waitFor(
      `${this.name} to print ${pattern}`,
      () => {
        for (const line of this.lines) {
          const match = pattern.exec(line)
          if (match !== null) return match
        }
        if (!this.isRunning) throw new Error(`${this.name} ended (${JSON.stringify(this.exit)}):\n${this.tail()}`)
        return undefined
      },
      timeoutMs,
      20,
    )
  }

  /** The last lines that it printed, as one text. */
  tail(count = 15): string {
    return this.lines.slice(-count).join('\n')
  }

  #record(chunk: Buffer): void {
    if (!this.#log.writableEnded) this.#log.write(chunk)
    const parts = (this.#partial + chunk.toString('utf8')).split('\n')
    this.#partial = parts.pop() ?? ''
    this.lines.push(...parts)
    if (this.lines.length > KEPT_LINES) this.lines.splice(0, this.lines.length - KEPT_LINES)
  }
}

const KEPT_LINES = 2000
const LAST_WORDS_MS = 500
