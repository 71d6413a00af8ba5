import { type Drive, drive, type Instant, type SansIo } from '@sallyport/sans-io'
import { monotonicNow } from '../clock.ts'
import { Later } from '../native/later.ts'

/** What {@link driveOnNode} hands out. */
export interface NodeOutside<Transmit, Event> {
  /** Sends; takes ownership. Called within the drain. */
  send(transmit: Transmit): void
  /** Learns what the machine has to tell, in an ordinary turn of the event loop. May command the machine. */
  onEvent(event: Event): void
}

/**
 * Drives a machine on the clock and the event loop of Node.js.
 *
 * `drain` may be called from a packet path's callback: what is to be sent is sent at once, while events wait for an
 * ordinary turn of the loop, in which promises work. After a turn's events the machine is drained again.
 */
export function driveOnNode<Input, Transmit, Event>(
  machine: SansIo<Input, Transmit, Event>,
  outside: NodeOutside<Transmit, Event>,
): Drive<Input> {
  const later = new Later()
  const timer = new LazyTimer()
  let events: Event[] = []
  let isStopped = false
  const deliver = (): void => {
    const waiting = events
    events = []
    try {
      for (let event = waiting.shift(); event !== undefined && !isStopped; event = waiting.shift())
        outside.onEvent(event)
    } finally {
      if (waiting.length > 0 && !isStopped) {
        events = [...waiting, ...events] // a handler threw: those behind it have their own turn
        later.run(deliver)
      }
      driven.drain()
    }
  }
  const driven = drive<Input, Transmit, Event>(machine, {
    now: monotonicNow,
    send: transmit => outside.send(transmit),
    onEvent(event) {
      events.push(event)
      if (events.length === 1) later.run(deliver)
    },
    wakeAt: (at, wake) => timer.set(at, wake),
  })
  return {
    ...driven,
    stop() {
      isStopped = true
      driven.stop()
      timer.stop()
    },
  }
}

/**
 * The one timer of a machine. A deadline that moves away, as most do with every packet, doesn't touch it: it then fires
 * once too early and is armed again.
 */
class LazyTimer {
  #handle: NodeJS.Timeout | undefined
  #firesAt = Number.POSITIVE_INFINITY
  #deadline: Instant | undefined
  #wake: (() => void) | undefined

  set(at: Instant | undefined, wake: () => void): void {
    this.#deadline = at
    this.#wake = wake
    if (at !== undefined && at < this.#firesAt) this.#arm(at)
  }

  stop(): void {
    this.#deadline = undefined
    clearTimeout(this.#handle)
    this.#firesAt = Number.POSITIVE_INFINITY
  }

  #arm(at: Instant): void {
    clearTimeout(this.#handle)
    this.#firesAt = at
    const wait = Math.min(Math.max(0, Math.ceil(at - monotonicNow())), LONGEST_TIMEOUT)
    this.#handle = setTimeout(this.#fire, wait)
  }

  readonly #fire = (): void => {
    this.#firesAt = Number.POSITIVE_INFINITY
    if (this.#deadline === undefined) return
    if (this.#deadline > monotonicNow()) this.#arm(this.#deadline)
    else this.#wake?.()
  }
}

/** `setTimeout` takes a longer one for none at all. */
const LONGEST_TIMEOUT = 2 ** 31 - 1
