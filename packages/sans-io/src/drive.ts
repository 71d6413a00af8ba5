import type { SansIo } from './machine.ts'
import type { Instant } from './time.ts'

/** The world as {@link drive} needs it. */
export interface Outside<Transmit, Event> {
  /** Reads the monotonic clock. */
  now(): Instant
  /** Sends; takes ownership. */
  send(transmit: Transmit): void
  /** Learns what the machine has to tell. May call the machine: the drain just goes on. */
  onEvent(event: Event): void
  /** Arms the one timer (or disarms it, for `undefined`): `wake` is called at `at` or soon after. */
  wakeAt(at: Instant | undefined, wake: () => void): void
  /** Called after each drain, when all that had to leave has been handed to {@link send}. */
  flush?(): void
}

/** One machine on its loop. */
export interface Drive<Input> {
  /** Feeds one input and drains. Returns whether the machine recognised it. */
  input(input: Input): boolean
  /** Drains: to be called after any command given to the machine, and after each batch on its data plane. */
  drain(): void
  /** Disarms the timer; the machine is not touched any more. */
  stop(): void
}

/** Drives one machine: the only loop that an app needs. */
export function drive<Input, Transmit, Event>(
  machine: SansIo<Input, Transmit, Event>,
  outside: Outside<Transmit, Event>,
): Drive<Input> {
  let draining = false
  let stopped = false
  const wake = (): void => {
    if (stopped) return
    machine.handleTimeout(outside.now())
    drain()
  }
  const drain = (): void => {
    if (draining || stopped) return // a command given while draining is covered by the drain that is under way
    draining = true
    try {
      for (let busy = true; busy; ) {
        busy = false
        for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) {
          busy = true // may have changed the machine: look again once its transmits have left
          outside.onEvent(event)
        }
        for (let out = machine.pollTransmit(); out !== undefined; out = machine.pollTransmit()) outside.send(out)
      }
    } finally {
      draining = false
    }
    outside.flush?.()
    if (!stopped) outside.wakeAt(machine.pollTimeout(), wake)
  }
  drain()
  return {
    input(input) {
      const recognised = machine.handleInput(input, outside.now())
      drain()
      return recognised
    },
    drain,
    stop() {
      stopped = true
      outside.wakeAt(undefined, wake)
    },
  }
}
