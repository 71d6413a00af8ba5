import { type Random, seededRandom } from '@sallyport/sans-io'

/** Seeded chance: the same seed, the same world. */
export class Dice {
  /** Bytes from the same source, for machines that want a `Random`. */
  readonly random: Random
  readonly #word = new Uint8Array(4)
  readonly #view = new DataView(this.#word.buffer)

  /** @param seed - Any integer. */
  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** Returns a number in `[0, 1)`. */
  roll(): number {
    this.random(this.#word)
    return this.#view.getUint32(0) / 2 ** 32
  }

  /** Returns an integer in `[0, bound)`. */
  below(bound: number): number {
    return Math.floor(this.roll() * bound)
  }

  /** Returns whether something of this probability happened. */
  happens(probability: number): boolean {
    return probability > 0 && this.roll() < probability
  }

  /** Returns dice of their own, whose rolls do not depend on how often these are rolled afterwards. */
  fork(): Dice {
    return new Dice(this.below(2 ** 32))
  }
}
