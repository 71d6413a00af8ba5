import type { Instant, Millis } from '@sallyport/sans-io'

/** Something that will happen; {@link VirtualClock.at} returns it so that it can be called off. */
export interface Appointment {
  /** When it is due. */
  readonly at: Instant
  /** Calls it off. Harmless when it has happened. */
  cancel(): void
}

class Entry implements Appointment {
  readonly at: Instant
  readonly order: number
  action: (() => void) | undefined

  constructor(at: Instant, order: number, action: () => void) {
    this.at = at
    this.order = order
    this.action = action
  }

  cancel(): void {
    this.action = undefined
  }

  isBefore(other: Entry): boolean {
    return this.at < other.at || (this.at === other.at && this.order < other.order)
  }
}

/** How often something may happen at one instant before the clock takes it for a machine that spins. */
const SPIN_LIMIT = 100_000

/**
 * A clock that stands still until it is told to run, and then jumps from one appointment to the next.
 *
 * What is due at one instant happens in the order in which it was agreed, so that a run can be replayed.
 */
export class VirtualClock {
  #now: Instant
  #order = 0
  #happenedNow = 0
  readonly #heap: Entry[] = []

  /** @param start - Where the clock starts; the default is far from zero, so that differences can be negative. */
  constructor(start: Instant = 1_000_000 as Instant) {
    this.#now = start
  }

  /** The present. */
  get now(): Instant {
    return this.#now
  }

  /** Agrees that `action` happens at `at`, or right after the present if that has passed. */
  at(at: Instant, action: () => void): Appointment {
    const entry = new Entry(at < this.#now ? this.#now : at, this.#order++, action)
    this.#push(entry)
    return entry
  }

  /** Agrees that `action` happens in `delay`. */
  in(delay: Millis, action: () => void): Appointment {
    return this.at((this.#now + delay) as Instant, action)
  }

  /** When something happens next, or `undefined` if nothing is agreed. */
  get next(): Instant | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.action === undefined) this.#pop()
    return this.#heap[0]?.at
  }

  /** Jumps to the next appointment and lets it happen. Returns whether there was one. */
  step(): boolean {
    if (this.next === undefined) return false
    const entry = this.#pop()
    if (entry.at > this.#now) this.#happenedNow = 0
    if (++this.#happenedNow > SPIN_LIMIT)
      throw new Error(`the world spins at ${this.#now}: somebody's deadline is not later than now`)
    this.#now = entry.at
    entry.action?.()
    return true
  }

  /** Lets everything happen that is due within `length`, then stands exactly there. */
  run(length: Millis): void {
    const end = (this.#now + length) as Instant
    for (let next = this.next; next !== undefined && next <= end; next = this.next) this.step()
    if (end > this.#now) this.#happenedNow = 0
    this.#now = end
  }

  /** Lets things happen until `done` holds. Returns whether it did within `limit`; if not, the clock stands there. */
  runUntil(done: () => boolean, limit: Millis): boolean {
    const end = (this.#now + limit) as Instant
    while (!done()) {
      const next = this.next
      if (next === undefined || next > end) {
        this.#now = end
        return false
      }
      this.step()
    }
    return true
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!entry.isBefore(heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  #pop(): Entry {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.isBefore(heap[child]!)) child++
      if (!heap[child]!.isBefore(last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return top
  }
}
