import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What passwords are derived from if the test doesn't say otherwise. */
export const SECRET = 'a secret that both sides know'

/** One line of the log. */
export interface LogLine {
  readonly severity: string
  readonly message: string
}

/** A relay as an operator starts it, on loopback and ports from `port` to `port + 50`. */
export class RelayProcess {
  /** What it has logged so far. */
  readonly lines: LogLine[] = []
  /** What it exits with, once it does. */
  readonly exited: Promise<number>
  readonly #process: ChildProcess
  readonly #watchers = new Set<() => void>()

  constructor(port: number, environment: Readonly<Record<string, string | undefined>> = {}) {
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
    this.#process = spawn(process.execPath, ['--conditions=development', main], {
      env: {
        ...process.env,
        PUBLIC_IP4_ADDR: '127.0.0.1',
        LISTEN_PORT: String(port),
        LOWEST_PORT: String(port + 10),
        HIGHEST_PORT: String(port + 50),
        HEALTH_CHECK_ADDR: `127.0.0.1:${port + 1}`,
        CONTROL_ENDPOINT: `127.0.0.1:${port + 2}`,
        AUTH_SECRET: SECRET,
        LOG_FORMAT: 'json',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#process.stdout! }).on('line', line => {
      this.lines.push(JSON.parse(line))
      for (const watcher of this.#watchers) watcher()
    })
    this.exited = once(this.#process, 'exit').then(([code]) => code)
  }

  /** Waits until it has logged that message, `count` times. */
  async logged(message: string, count = 1): Promise<void> {
    const isLogged = (): boolean => this.lines.filter(line => line.message === message).length >= count
    while (!isLogged())
      await new Promise<void>(resolve => {
        this.#watchers.add(resolve)
      })
  }

  /** Asks it to stop; returns what it exits with. */
  stop(): Promise<number> {
    this.#process.kill('SIGTERM')
    return this.exited
  }
}
