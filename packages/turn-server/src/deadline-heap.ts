import type { Instant } from '@sallyport/sans-io'

/** Something that a {@link DeadlineHeap} can wait for. */
export interface Timed {
  /** When it is due. Changed by {@link DeadlineHeap.set} only. */
  deadline: Instant
  /** Where the heap keeps it; -1: nowhere. Of no concern to anybody else. */
  heapIndex: number
}

/** A priority queue of deadlines that can be moved: each item waits for at most one, and waiting costs no time. */
export class DeadlineHeap<T extends Timed> {
  /** A binary heap: no item is due later than the two behind it. */
  readonly #items: T[] = []

  /** When the earliest item is due, or `undefined`. */
  get next(): Instant | undefined {
    return this.#items[0]?.deadline
  }

  /** Sets or moves the deadline of `item`. */
  set(item: T, deadline: Instant): void {
    item.deadline = deadline
    if (item.heapIndex < 0) {
      item.heapIndex = this.#items.length
      this.#items.push(item)
    }
    this.#settle(item)
  }

  /** Stops waiting for `item`. */
  remove(item: T): void {
    const index = item.heapIndex
    if (index < 0) return
    item.heapIndex = -1
    const last = this.#items.pop()!
    if (last === item) return
    this.#items[index] = last
    last.heapIndex = index
    this.#settle(last)
  }

  /** Returns the earliest item if it is due at `now`. It stays until it is moved or removed. */
  due(now: Instant): T | undefined {
    const first = this.#items[0]
    return first !== undefined && first.deadline <= now ? first : undefined
  }

  #settle(item: T): void {
    let index = item.heapIndex
    for (let parent: T; index > 0 && (parent = this.#items[(index - 1) >> 1]!).deadline > item.deadline; )
      index = this.#put(parent, index, (index - 1) >> 1)
    for (;;) {
      let child = 2 * index + 1
      if (child >= this.#items.length) break
      const right = this.#items[child + 1]
      if (right !== undefined && right.deadline < this.#items[child]!.deadline) child++
      if (this.#items[child]!.deadline >= item.deadline) break
      index = this.#put(this.#items[child]!, index, child)
    }
    this.#put(item, index, index)
  }

  /** Puts `item` at `index` and returns where the gap is then. */
  #put(item: T, index: number, gap: number): number {
    this.#items[index] = item
    item.heapIndex = index
    return gap
  }
}
