import { type ChildProcess, spawn } from 'node:child_process'
import { attempt, run } from './command.ts'
import { LabProcess, type SpawnOptions } from './process.ts'

/** A network namespace that plays one host. Everything in it ends with {@link Lab.close}. */
export class Namespace {
  /** How the scenario calls it: `client`, `gateway-1` … */
  readonly name: string
  /** Its name on this machine, which carries the lab's own mark. */
  readonly systemName: string
  readonly processes: LabProcess[] = []
  readonly #logFolder: string

  constructor(name: string, systemName: string, logFolder: string) {
    this.name = name
    this.systemName = systemName
    this.#logFolder = logFolder
  }

  /** Creates it, with loopback up. */
  async create(): Promise<void> {
    await run(['ip', 'netns', 'add', this.systemName])
    await this.ip('link set lo up')
    await this.sysctl({
      // Duplicate address detection keeps a new IPv6 address unusable for a second; nobody else is here.
      'net.ipv6.conf.all.accept_dad': 0,
      'net.ipv6.conf.default.accept_dad': 0,
    })
  }

  /** The words that run a command inside. */
  inside(argv: readonly string[]): string[] {
    return ['nsenter', `--net=/run/netns/${this.systemName}`, '--', ...argv]
  }

  /** Runs a command inside to its end and returns what it printed. */
  run(argv: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<string> {
    return run(this.inside(argv), options)
  }

  /** Like {@link run}, but a failure answers `undefined`. */
  attempt(argv: readonly string[], options?: { timeoutMs?: number }): Promise<string | undefined> {
    return attempt(this.inside(argv), options)
  }

  /** Runs `ip` commands, one a line, in one go. */
  async ip(...lines: readonly string[]): Promise<void> {
    await run(['ip', '-n', this.systemName, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Loads an nftables script. */
  async nft(script: string): Promise<void> {
    await this.run(['nft', '-f', '-'], { input: script })
  }

  /** Sets kernel parameters of this namespace. */
  async sysctl(values: Readonly<Record<string, string | number>>): Promise<void> {
    const script = Object.entries(values)
      .map(([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll('.', '/')}`)
      .join('; ')
    await this.run(['sh', '-c', script])
  }

  /** Starts a program inside that runs until it ends or the lab closes. Its output goes to a log file. */
  spawn(name: string, argv: readonly string[], options: SpawnOptions = {}): LabProcess {
    // Where even we are killed, it shall not stay behind.
    const [file, ...args] = ['setpriv', '--pdeathsig', 'KILL', ...this.inside(argv)]
    const child: ChildProcess = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // Ctrl-C is for us, who then end it
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    const started = new LabProcess(name, child, this.#logFolder)
    this.processes.push(started)
    return started
  }

  /** Ends all programs inside and removes it. */
  async remove(): Promise<void> {
    await Promise.all(this.processes.map(program => program.end('SIGKILL')))
    await attempt(['ip', 'netns', 'delete', this.systemName])
  }
}
