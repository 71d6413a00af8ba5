import type { Instant } from './time.ts'

/** The deadlines of one state machine, by name: at most one per name. */
export class TimerTable<Name extends string> {
  readonly #deadlines = new Map<Name, Instant>()

  /** Sets or moves the deadline of `name`. */
  set(name: Name, at: Instant): void {
    this.#deadlines.set(name, at)
  }

  /** Forgets the deadline of `name`, if it had one. */
  stop(name: Name): void {
    this.#deadlines.delete(name)
  }

  /** Returns the deadline of `name`, or `undefined` if it has none. */
  get(name: Name): Instant | undefined {
    return this.#deadlines.get(name)
  }

  /** Removes and returns the names due at `now`, earliest first. */
  takeDue(now: Instant): Name[] {
    const due = [...this.#deadlines].filter(([, at]) => at <= now).sort(([, a], [, b]) => a - b)
    for (const [name] of due) this.#deadlines.delete(name)
    return due.map(([name]) => name)
  }

  /** When the earliest one is due: what `pollTimeout` answers. */
  get next(): Instant | undefined {
    let first: Instant | undefined
    for (const at of this.#deadlines.values()) if (first === undefined || at < first) first = at
    return first
  }
}
