/** Fills `out` with random bytes: `crypto.getRandomValues` outside, a seeded generator in tests. */
export type Random = (out: Uint8Array) => void

/** Returns `length` random bytes. */
export function randomBytes(random: Random, length: number): Uint8Array {
  const out = new Uint8Array(length)
  random(out)
  return out
}

/** Returns a uniformly random integer in `[0, bound)`. `bound` is from 1 to 2^32. */
export function randomBelow(random: Random, bound: number): number {
  const out = new Uint8Array(4)
  const view = new DataView(out.buffer)
  const unbiased = 2 ** 32 - (2 ** 32 % bound) // values from here on would favour small results
  for (;;) {
    random(out)
    const value = view.getUint32(0)
    if (value < unbiased) return value % bound
  }
}

/** Returns a uniformly random element of `items`, or `undefined` if there is none. */
export function randomElement<T>(random: Random, items: readonly T[]): T | undefined {
  return items.length === 0 ? undefined : items[randomBelow(random, items.length)]
}

/**
 * Returns a generator that produces the same bytes for the same seed (mulberry32).
 *
 * For tests and simulations only: its output is predictable.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return out => {
    for (let i = 0; i < out.length; i++) {
      state = (state + 0x6d2b79f5) >>> 0
      let t = Math.imul(state ^ (state >>> 15), 1 | state)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      out[i] = ((t ^ (t >>> 14)) >>> 24) & 0xff
    }
  }
}
