import type { Millis } from '@sallyport/sans-io'
import type { TurnServer } from '@sallyport/turn-server'

/** The end of a relay that lets its clients go on for a while, and takes no others. */
export class Drain {
  readonly #look: NodeJS.Timeout
  readonly #end: NodeJS.Timeout

  /** @param onEmpty - Called once, when no allocation is left or the time is over. */
  constructor(server: TurnServer, atMost: Millis, onEmpty: () => void) {
    server.drain()
    this.#look = setInterval(() => {
      if (server.allocations === 0) onEmpty()
    }, LOOK_INTERVAL_MS)
    this.#end = setTimeout(onEmpty, atMost)
  }

  /** Waits no more. */
  stop(): void {
    clearInterval(this.#look)
    clearTimeout(this.#end)
  }
}

const LOOK_INTERVAL_MS = 100
