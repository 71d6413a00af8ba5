import { type Random, randomBelow } from '@sallyport/sans-io'

/** The relayed ports that are free: drawn uniformly at random (RFC 8656 §7.2), so that nobody can guess the next. */
export class PortPool {
  /** The first {@link #free} entries are free, the others taken; in no particular order. */
  readonly #ports: Uint16Array
  readonly #random: Random
  #free: number

  /** @throws a `RangeError` unless `lowest` ≤ `highest` are ports. */
  constructor(lowest: number, highest: number, random: Random) {
    if (!(lowest >= 1 && lowest <= highest && highest <= 0xffff))
      throw new RangeError(`no port range: ${lowest} to ${highest}`)
    this.#ports = new Uint16Array(highest - lowest + 1)
    for (let i = 0; i < this.#ports.length; i++) this.#ports[i] = lowest + i
    this.#free = this.#ports.length
    this.#random = random
  }

  /** How many ports are free. */
  get free(): number {
    return this.#free
  }

  /** Takes a port, which is to be even if that is asked for, or returns `undefined` when none is free. */
  take(isEven = false): number | undefined {
    if (this.#free === 0) return undefined
    const drawn = randomBelow(this.#random, this.#free)
    let index = drawn
    while (isEven && this.#ports[index]! % 2 !== 0) {
      index = (index + 1) % this.#free
      if (index === drawn) return undefined
    }
    const port = this.#ports[index]!
    this.#ports[index] = this.#ports[--this.#free]!
    this.#ports[this.#free] = port
    return port
  }

  /** Gives back a port that was {@link take}n, once. */
  release(port: number): void {
    const index = this.#ports.indexOf(port, this.#free)
    if (index < 0) throw new Error(`port ${port} was not taken`)
    this.#ports[index] = this.#ports[this.#free]!
    this.#ports[this.#free++] = port
  }
}
