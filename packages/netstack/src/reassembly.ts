import { RingBuffer } from './ring-buffer.ts'

/**
 * Brings received bytes into order: they are copied to their place at once, and a short list of ranges says which places
 * ahead are filled. Bounded by its capacity and by {@link MAX_RANGES}.
 */
export class Reassembly {
  readonly #ring: RingBuffer
  /** Filled ranges ahead of the bytes in order: offsets relative to the next expected byte; sorted, with gaps between. */
  #ranges: Range[] = []

  constructor(capacity: number) {
    this.#ring = new RingBuffer(capacity)
  }

  /** How many bytes can be read. */
  get readable(): number {
    return this.#ring.length
  }

  /** How many bytes from the next expected one on have a place: the window. */
  get window(): number {
    return this.#ring.free
  }

  /** Whether bytes wait for others that should have come before them. */
  get hasGap(): boolean {
    return this.#ranges.length > 0
  }

  /**
   * Takes `length` bytes of `bytes` from `start` on, whose first one is `offset` behind the next expected one.
   *
   * They must lie in the {@link window}. Where there are too many ranges already, bytes ahead are dropped: they come again.
   *
   * @returns by how many bytes the stream is longer in order.
   */
  insert(offset: number, bytes: Uint8Array, start: number, length: number): number {
    if (length === 0) return 0
    if (!this.#addRange(offset, offset + length)) return 0
    this.#ring.writeAhead(offset, bytes, start, length)
    const first = this.#ranges[0]!
    if (first.start > 0) return 0
    this.#ranges.shift()
    this.#ring.commit(first.end)
    for (const range of this.#ranges) {
      range.start -= first.end
      range.end -= first.end
    }
    return first.end
  }

  /** Moves bytes to `into`, as many as there are and fit, and returns how many. */
  read(into: Uint8Array): number {
    const count = this.#ring.copy(0, into)
    this.#ring.discard(count)
    return count
  }

  #addRange(start: number, end: number): boolean {
    const touching = this.#ranges.filter(range => range.start <= end && range.end >= start)
    if (touching.length === 0 && start > 0 && this.#ranges.length >= MAX_RANGES) return false
    const merged: Range = {
      start: Math.min(start, ...touching.map(range => range.start)),
      end: Math.max(end, ...touching.map(range => range.end)),
    }
    const others = this.#ranges.filter(range => !touching.includes(range))
    const at = others.findIndex(range => range.start > merged.start)
    others.splice(at < 0 ? others.length : at, 0, merged)
    this.#ranges = others
    return true
  }
}

interface Range {
  start: number
  end: number
}

/** How many ranges ahead are remembered: someone who sends every other byte shall not make us search long lists. */
export const MAX_RANGES = 64
