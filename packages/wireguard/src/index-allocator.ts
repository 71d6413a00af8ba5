import { type Random, randomBelow } from '@sallyport/sans-io'

/** The polynomial x^24 + x^23 + x^21 + x^20 + 1: its register visits all 2^24 − 1 states but zero. */
const TAPS = 0xd80000
const STATES = 2 ** 24 - 1

/** All of the 2^24 − 1 indices of a node are in use. */
export class IndicesExhaustedError extends Error {
  override readonly name = 'IndicesExhaustedError'
  /** A stable name for programs. */
  readonly code = 'WIREGUARD_INDICES_EXHAUSTED'
  constructor() {
    super(`all ${STATES} tunnel indices are in use`)
  }
}

/**
 * Gives every tunnel of a node its own 24 bits of receiver index, in an order that tells a stranger nothing.
 *
 * A linear feedback shift register with a random start and mask. Unlike the original, which refuses to go on after one
 * round, it skips what is still in use and continues.
 */
export class IndexAllocator {
  readonly #mask: number
  readonly #inUse = new Set<number>()
  #state: number

  constructor(random: Random) {
    this.#state = 1 + randomBelow(random, STATES)
    this.#mask = randomBelow(random, 2 ** 24)
  }

  /** Returns an index that is not in use. Throws an {@link IndicesExhaustedError} if there is none. */
  allocate(): number {
    if (this.#inUse.size >= STATES) throw new IndicesExhaustedError()
    for (;;) {
      const index = (this.#state - 1) ^ this.#mask
      this.#state = nextState(this.#state)
      if (this.#inUse.has(index)) continue
      this.#inUse.add(index)
      return index
    }
  }

  /** Gives `index` back: its tunnel is gone. */
  release(index: number): void {
    this.#inUse.delete(index)
  }
}

/** Returns the state of the register that follows `state`. Never zero if `state` isn't. */
export const nextState = (state: number): number => (state >>> 1) ^ (-(state & 1) & TAPS)
