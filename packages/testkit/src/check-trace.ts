import type { Instant, LogFields, Logger } from '@sallyport/sans-io'

interface Entry {
  readonly at: number
  readonly name: string
  readonly fields: LogFields
  readonly message: string
}

/**
 * Remembers what ICE agents say about connectivity checks, one readable line for each, so that a test that fails can
 * show how it came to that: `1043 ms client: check sent (local: 10.0.1.2:52625, remote: …)`.
 */
export class CheckTrace {
  readonly #capacity: number
  readonly #entries: Entry[] = []
  readonly #now: () => Instant
  readonly #start: Instant
  #dropped = 0

  /** @param capacity - How many lines are kept: the last ones. */
  constructor(now: () => Instant, capacity = 400) {
    this.#now = now
    this.#start = now()
    this.#capacity = capacity
  }

  /** Returns a logger for one node, which keeps lines about checks, pairs and states, and passes all on to `next`. */
  loggerOf(name: string, next?: Partial<Logger>): Logger {
    const note =
      (level: keyof Logger) =>
      (fields: LogFields, message: string): void => {
        if (/^(check|pair|path|ICE|connection)/.test(message)) this.#note(name, fields, message)
        next?.[level]?.(fields, message)
      }
    return { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
  }

  /** The lines, oldest first. */
  get lines(): readonly string[] {
    return this.#entries.map(({ at, name, fields, message }) => {
      const shown = Object.entries(fields).map(([key, value]) => `${key}: ${value}`)
      return `${at} ms ${name}: ${message} (${shown.join(', ')})`
    })
  }

  /** The trace as one text, for the message of a failure. */
  get text(): string {
    const head = this.#dropped > 0 ? [`… ${this.#dropped} earlier lines`] : []
    return [...head, ...this.lines].join('\n')
  }

  #note(name: string, fields: LogFields, message: string): void {
    if (this.#entries.push({ at: this.#now() - this.#start, name, fields, message }) <= this.#capacity) return
    this.#entries.shift()
    this.#dropped++
  }
}
