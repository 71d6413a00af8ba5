import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { IpAddress, type Logger } from '@sallyport/sans-io'
import { OperatorError } from '@sallyport/service'

/** How the system's DNS is led to us. */
export type DnsMethod = 'disabled' | 'etc-resolv-conf' | 'systemd-resolved'

/** Leads the system's DNS to us, and back. */
export interface DnsControl {
  /** Returns the servers that the system would ask without us. */
  systemServers(): readonly IpAddress[]
  /** Has the system ask these servers. */
  set(servers: readonly IpAddress[], searchDomain: string | null): void
  /** Gives DNS back. Harmless when it was never taken. */
  restore(): void
}

/** Returns the control of that kind; puts right what a run that was killed has left. Throws an `OperatorError`. */
export function controlDns(method: DnsMethod, tunName: string, logger: Logger): DnsControl {
  switch (method) {
    case 'disabled':
      return { systemServers: () => serversIn(readIfThere(RESOLV_CONF) ?? ''), set() {}, restore() {} }
    case 'etc-resolv-conf':
      return new ResolvConf(RESOLV_CONF, logger)
    case 'systemd-resolved':
      return new SystemdResolved(tunName)
  }
}

const RESOLV_CONF = '/etc/resolv.conf'

/** The first line of a file of ours: what has it was not written by anybody else. */
const MARKER = '# BEGIN Firezone DNS configuration'

/**
 * Rewrites `/etc/resolv.conf`, in place, since containers mount just this file.
 *
 * Whether there is something to be put back shows in the file itself, never in the backup: what somebody has written in
 * the meantime stays.
 */
export class ResolvConf implements DnsControl {
  readonly #path: string
  readonly #backup: string
  readonly #logger: Logger

  constructor(path: string, logger: Logger) {
    this.#path = path
    this.#backup = `${path}.before-firezone`
    this.#logger = logger
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true)
      throw new OperatorError(`${path} is no regular file: choose another way to control DNS`)
    if (this.#isOurs()) logger.info({ path }, 'putting DNS back, which a run before this one has not')
    this.restore()
  }

  systemServers(): readonly IpAddress[] {
    return serversIn(readIfThere(this.#isOurs() ? this.#backup : this.#path) ?? '')
  }

  set(servers: readonly IpAddress[], searchDomain: string | null): void {
    if (servers.length === 0) {
      this.#logger.warn({ path: this.#path }, 'there is no DNS server: leaving the system’s configuration alone')
      this.restore()
      return
    }
    if (!this.#isOurs()) {
      const next = `${this.#backup}.new`
      writeFileSync(next, readFileSync(this.#path))
      renameSync(next, this.#backup) // whole, or not at all
    }
    const kept = (readIfThere(this.#backup) ?? '').split('\n').filter(line => /^\s*(options|sortlist)\s/.test(line))
    const lines = [
      MARKER,
      '# Made by the client, which puts the file back when it ends.',
      `# The file as it was: ${this.#backup}`,
      ...servers.map(server => `nameserver ${server}`),
      `search ${searchDomain ?? '.'}`,
      ...kept.map(withoutNdots).filter(line => line !== undefined),
    ]
    writeFileSync(this.#path, `${lines.join('\n')}\n`)
  }

  restore(): void {
    if (!this.#isOurs()) return
    const before = readIfThere(this.#backup)
    if (before === undefined) {
      this.#logger.warn({ backup: this.#backup }, 'there is no backup to put DNS back from')
      return
    }
    writeFileSync(this.#path, before)
    rmSync(this.#backup, { force: true })
  }

  #isOurs(): boolean {
    return readIfThere(this.#path)?.startsWith(MARKER) ?? false
  }
}

/** Tells systemd-resolved, which forgets it by itself with the interface. */
class SystemdResolved implements DnsControl {
  readonly #tunName: string

  constructor(tunName: string) {
    this.#tunName = tunName
  }

  systemServers(): readonly IpAddress[] {
    return resolvectl('dns')
      .split(/\s+/)
      .map(word => IpAddress.parse(word))
      .filter(ip => ip !== undefined)
  }

  set(servers: readonly IpAddress[], searchDomain: string | null): void {
    resolvectl('dns', this.#tunName, ...servers.map(String))
    resolvectl('domain', this.#tunName, searchDomain ?? '~.')
    resolvectl('llmnr', this.#tunName, 'true')
    resolvectl('flush-caches')
  }

  restore(): void {}
}

/** Returns the addresses of the `nameserver` lines of a `resolv.conf`. */
export function serversIn(text: string): readonly IpAddress[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(match => IpAddress.parse(match[1]!.replace(/%.*$/, '')))
    .filter(ip => ip !== undefined)
}

/** Names of one label go through the search list first, as they do by default. */
function withoutNdots(line: string): string | undefined {
  const words = line
    .trim()
    .split(/\s+/)
    .filter(word => !word.startsWith('ndots:'))
  return words.length > 1 ? words.join(' ') : undefined
}

const readIfThere = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)

const RESOLVECTL = 'resolvectl'

function resolvectl(...args: readonly string[]): string {
  try {
    return execFileSync(RESOLVECTL, args, { encoding: 'utf8', timeout: 5000, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (cause) {
    throw new OperatorError(`resolvectl ${args[0]} has failed`, { cause })
  }
}
