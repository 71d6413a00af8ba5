import type { SessionEvent } from './events.ts'

/**
 * A session's events, for one reader.
 *
 * The stream ends when the session's shutdown is complete. Leaving a `for await` loop early stops the session and waits
 * for that.
 */
export class EventStream implements AsyncIterableIterator<SessionEvent> {
  readonly #stop: () => Promise<void>
  readonly #latest = new Map<SessionEvent['type'], SessionEvent>()
  #waiting: ((result: IteratorResult<SessionEvent>) => void)[] = []
  #isEnded = false

  /** @param stop - Stops the session; resolves when its shutdown is complete. */
  constructor(stop: () => Promise<void>) {
    this.#stop = stop
  }

  /** Returns the stream itself: there is one reader. */
  [Symbol.asyncIterator](): this {
    return this
  }

  /** Resolves with the next event, or `done` when the session's shutdown is complete. */
  next(): Promise<IteratorResult<SessionEvent, undefined>> {
    for (const type of ORDER) {
      const value = this.#latest.get(type)
      if (value === undefined) continue
      this.#latest.delete(type)
      return Promise.resolve({ done: false, value })
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Stops the session and resolves when its shutdown is complete. Called by a loop that is left. */
  async return(): Promise<IteratorResult<SessionEvent, undefined>> {
    await this.#stop()
    this.#latest.clear()
    return { done: true, value: undefined }
  }

  /** Puts an event into the stream. For the session only. */
  push(event: SessionEvent): void {
    const reader = this.#waiting.shift()
    if (reader !== undefined) reader({ done: false, value: event })
    else this.#latest.set(event.type, event)
  }

  /** Ends the stream behind the events that are in it. For the session only. */
  end(): void {
    this.#isEnded = true
    for (const reader of this.#waiting.splice(0)) reader({ done: true, value: undefined })
  }
}

const ORDER: readonly SessionEvent['type'][] = ['resources-changed', 'interface-changed', 'disconnected']
