/**
 * A first-in, first-out queue of bounded size: when full, either the oldest or the newest item is dropped.
 *
 * Every queue in a machine is one of these, so that nothing grows without bound.
 */
export class BoundedQueue<T> {
  readonly capacity: number
  readonly #dropOldest: boolean
  #items: (T | undefined)[] = []
  #head = 0
  #dropped = 0

  /**
   * @param capacity - How many items it holds at most.
   * @param whenFull - Which item gives way: the `oldest` (a ring) or the one being pushed (`newest`).
   */
  constructor(capacity: number, whenFull: 'drop-oldest' | 'drop-newest' = 'drop-newest') {
    this.capacity = capacity
    this.#dropOldest = whenFull === 'drop-oldest'
  }

  /** Appends `item`. Returns whether nothing had to be dropped. */
  push(item: T): boolean {
    const full = this.length >= this.capacity
    if (full) {
      this.#dropped++
      if (!this.#dropOldest) return false
      this.shift()
    }
    this.#items.push(item)
    return !full
  }

  /** Takes the oldest item, or `undefined` when empty. */
  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Forgets all items. */
  clear(): void {
    this.#items = []
    this.#head = 0
  }

  /** How many items wait. */
  get length(): number {
    return this.#items.length - this.#head
  }

  /** How many items were dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped
  }
}
