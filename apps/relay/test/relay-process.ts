import { type ChildProcess, spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What passwords are derived from if the test doesn't say otherwise. */
export const SECRET = 'a secret that both sides know'

/** One line of the log. */
export interface LogLine {
  readonly severity: string
  readonly message: string
}

/** Where a relay is told to listen on loopback. */
export interface RelayPorts {
  /** For STUN and TURN. */
  readonly listen: number
  readonly health: number
  readonly control: number
}

/** Finds ports that nobody uses at the moment. */
export async function freePorts(): Promise<RelayPorts> {
  const udp = dgram.createSocket('udp4').bind(0)
  const tcp = [net.createServer().listen(0, '127.0.0.1'), net.createServer().listen(0, '127.0.0.1')]
  await Promise.all([udp, ...tcp].map(each => once(each, 'listening')))
  const [health, control] = tcp.map(server => (server.address() as net.AddressInfo).port)
  const ports = { listen: udp.address().port, health: health!, control: control! }
  await Promise.all([udp, ...tcp].map(each => new Promise<void>(resolve => each.close(() => resolve()))))
  return ports
}

/** A relay as an operator starts it. */
export class RelayProcess {
  static readonly #all = new Set<RelayProcess>()
  readonly ports: RelayPorts
  /** What it has logged so far. */
  readonly lines: LogLine[] = []
  /** What it has written to standard error. */
  complaints = ''
  /** What it exits with, once it does. */
  readonly exited: Promise<number>
  readonly #process: ChildProcess
  readonly #watchers = new Set<() => void>()

  constructor(ports: RelayPorts, environment: Readonly<Record<string, string | undefined>> = {}) {
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
    this.ports = ports
    this.#process = spawn(process.execPath, ['--conditions=development', main], {
      env: {
        ...process.env,
        PUBLIC_IP4_ADDR: '127.0.0.1',
        ALLOW_PEER: '127.0.0.1/32',
        LISTEN_PORT: String(ports.listen),
        HEALTH_CHECK_ADDR: `127.0.0.1:${ports.health}`,
        CONTROL_ENDPOINT: `127.0.0.1:${ports.control}`,
        AUTH_SECRET: SECRET,
        LOG_FORMAT: 'json',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process.stderr!.on('data', data => {
      this.complaints += data
    })
    createInterface({ input: this.#process.stdout! }).on('line', line => {
      this.lines.push(JSON.parse(line))
      this.#wake()
    })
    RelayProcess.#all.add(this)
    this.exited = once(this.#process, 'close').then(([code]) => {
      RelayProcess.#all.delete(this)
      this.#wake()
      return code
    })
  }

  /** Starts one on ports that nobody uses, and waits until it listens. */
  static async listening(environment: Readonly<Record<string, string | undefined>> = {}): Promise<RelayProcess> {
    const relay = new RelayProcess(await freePorts(), environment)
    await relay.logged('listening')
    return relay
  }

  /** Stops those that a failed test has left. */
  static async stopAll(): Promise<void> {
    await Promise.all([...RelayProcess.#all].map(relay => relay.stop()))
  }

  /** Waits until it has logged that message, `count` times. Rejects if it ends before. */
  async logged(message: string, count = 1): Promise<void> {
    while (this.lines.filter(line => line.message === message).length < count) {
      if (!RelayProcess.#all.has(this)) throw new Error(`the relay has ended: ${this.complaints}`)
      await new Promise<void>(resolve => {
        this.#watchers.add(resolve)
      })
    }
  }

  /** Asks it to stop; returns what it exits with. */
  stop(): Promise<number> {
    this.#process.kill('SIGTERM')
    return this.exited
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher()
    this.#watchers.clear()
  }

  static {
    process.on('exit', () => {
      for (const relay of RelayProcess.#all) relay.#process.kill('SIGKILL') // a test that timed out leaves none behind
    })
  }
}
