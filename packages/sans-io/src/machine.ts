import type { Instant } from './time.ts'

/**
 * A protocol state machine that performs no I/O, reads no clock and draws no entropy of its own.
 *
 * The contract: *mutate once → drain `pollTransmit` and `pollEvent` until both are dry → sleep until `pollTimeout` or
 * the next input.* A mutation made while draining is fine, the drain just goes on. The mirror image for authors: after
 * `handleTimeout(now)` the next deadline is later than `now`, or the loop spins.
 *
 * A parent drains its children inside its own handlers and translates; it doesn't chain their polls, because a child's
 * event may become a parent's transmit.
 */
export interface SansIo<Input, Transmit, Event> {
  /** Feeds one input. Returns whether this machine recognised it. `input` is only borrowed. */
  handleInput(input: Input, now: Instant): boolean
  /** Advances every timer that is due at `now`. Harmless when none is. */
  handleTimeout(now: Instant): void
  /** Takes the next thing to send, or `undefined` when the queue is dry. What it returns belongs to the caller. */
  pollTransmit(): Transmit | undefined
  /** Takes the next thing the owner should know, or `undefined`. */
  pollEvent(): Event | undefined
  /** Peeks at when {@link handleTimeout} is next due. Pure: asking twice gives the same answer. */
  pollTimeout(): Instant | undefined
}
