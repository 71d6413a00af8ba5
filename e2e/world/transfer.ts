import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from '../lab/command.ts'
import type { Exit, LabProcess } from '../lab/process.ts'
import { ADDRESSES } from './network.ts'
import type { World } from './world.ts'

/** A download through one TCP connection. */
export class Transfer {
  readonly #program: LabProcess
  readonly #file: string

  private constructor(program: LabProcess, file: string) {
    this.#program = program
    this.#file = file
  }

  /** Starts to download `path` from the private web server. */
  static start(world: World, path: string, limitSeconds: number): Transfer {
    const file = join(world.folder, 'transfer')
    const url = `http://${ADDRESSES.server}${path}`
    const curl = ['curl', '-sS', '-f', '-N', '--max-time', String(limitSeconds), '-o', file, url]
    return new Transfer(world.network.client.spawn('transfer', curl), file)
  }

  /** How many bytes have arrived. */
  get bytes(): number {
    try {
      return statSync(this.#file).size
    } catch {
      return 0
    }
  }

  /** Waits until more than that have arrived. Returns after how many milliseconds that was. */
  async moreThan(bytes: number, limitMs: number): Promise<number> {
    const start = performance.now()
    await waitFor(`the transfer to go on behind ${bytes} bytes`, () => this.bytes > bytes, limitMs, 10)
    return performance.now() - start
  }

  /** Waits for its end, and throws unless it has brought exactly `length` zero bytes. */
  async expectZeros(length: number): Promise<void> {
    const exit: Exit = await this.#program.exited
    if (exit.code !== 0) throw new Error(`the transfer ended with ${JSON.stringify(exit)}:\n${this.#program.tail()}`)
    const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
    if (hash(readFileSync(this.#file)) !== hash(new Uint8Array(length)))
      throw new Error(`not ${length} zero bytes arrived, but ${this.bytes} bytes of some kind`)
  }
}
