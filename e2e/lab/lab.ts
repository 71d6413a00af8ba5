import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt } from './command.ts'
import { Namespace } from './namespace.ts'

/**
 * A network of namespaces on this machine, and the programs in it.
 *
 * Namespaces are named after the process that owns them, so that what a killed run left behind is found and removed by
 * the next one. Nothing outside of them is touched.
 */
export class Lab {
  /** Where programs log to. */
  readonly logFolder: string
  readonly namespaces: Namespace[] = []
  readonly #cleanups: (() => Promise<unknown> | unknown)[] = []
  #closing: Promise<void> | undefined

  private constructor(name: string) {
    this.logFolder = mkdtempSync(join(tmpdir(), `sallyport-${name}-`))
  }

  /** Opens a lab, after removing what runs that no longer live have left. */
  static async open(name: string): Promise<Lab> {
    await removeLeftovers()
    return new Lab(name)
  }

  /** Adds a host. */
  async namespace(name: string): Promise<Namespace> {
    const namespace = new Namespace(name, `${MARK}-${process.pid}-${name}`, this.logFolder)
    this.namespaces.push(namespace)
    await namespace.create()
    return namespace
  }

  /** Calls `cleanup` when the lab closes, before its namespaces go. */
  onClose(cleanup: () => Promise<unknown> | unknown): void {
    this.#cleanups.push(cleanup)
  }

  /** Ends every program and removes every namespace: for another world in the same scenario. */
  async clear(): Promise<void> {
    await Promise.all(this.namespaces.splice(0).map(namespace => namespace.remove()))
  }

  /** Ends every program and removes every namespace. Safe to call twice. */
  close(options: { keepLogs?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(options.keepLogs === true)
    return this.#closing
  }

  async #close(keepLogs: boolean): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await Promise.resolve(cleanup()).catch(() => {})
    await Promise.all(this.namespaces.map(namespace => namespace.remove()))
    if (!keepLogs) rmSync(this.logFolder, { recursive: true, force: true })
  }
}

const MARK = 'sallyport'

/** Removes namespaces of runs whose process no longer exists, with the programs that still sit in them. */
async function removeLeftovers(): Promise<void> {
  let names: string[]
  try {
    names = readdirSync('/run/netns')
  } catch {
    return
  }
  for (const name of names) {
    const owner = new RegExp(`^${MARK}-(\\d+)-`).exec(name)?.[1]
    if (owner === undefined || isAlive(Number(owner))) continue
    const pids = (await attempt(['ip', 'netns', 'pids', name])) ?? ''
    for (const pid of pids.split('\n').filter(Boolean)) kill(Number(pid))
    await attempt(['ip', 'netns', 'delete', name])
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // it has ended by itself
}
