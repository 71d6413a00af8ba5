/** How far behind the highest counter a message may come late: RFC 6479 with the size that Firezone uses. */
export const REPLAY_WINDOW_SIZE = 1024

/** Twice the window, so that entering a word may clear all of it: a power of two, in words of 32 bits. */
const WORDS = 64

/**
 * Remembers which of the last {@link REPLAY_WINDOW_SIZE} counters were received (RFC 6479).
 *
 * The bitmap is a ring of words; it slides by clearing the words that the highest counter newly enters.
 */
export class ReplayWindow {
  readonly #words: Int32Array = new Int32Array(WORDS)
  #next = 0

  /** The lowest counter that is higher than any marked. */
  get next(): number {
    return this.#next
  }

  /** Returns whether `counter` is neither too old nor marked. Call before decrypting: it is cheap. */
  accepts(counter: number): boolean {
    if (counter >= this.#next) return true
    if (counter + REPLAY_WINDOW_SIZE < this.#next) return false
    return (this.#words[(counter >>> 5) & (WORDS - 1)]! & (1 << (counter & 31))) === 0
  }

  /** Marks `counter`, which is accepted, as received. Call after its message has proved authentic. */
  mark(counter: number): void {
    if (counter >= this.#next) this.#slideTo(counter)
    this.#words[(counter >>> 5) & (WORDS - 1)]! |= 1 << (counter & 31)
  }

  #slideTo(counter: number): void {
    const highest = this.#next - 1
    const entered = Math.floor(counter / 32) - Math.floor(highest / 32)
    if (entered >= WORDS) this.#words.fill(0)
    else for (let i = 0; i < entered; i++) this.#words[((counter >>> 5) - i) & (WORDS - 1)] = 0
    this.#next = counter + 1
  }
}
