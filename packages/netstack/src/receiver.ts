import { add, type Instant, millis } from '@sallyport/sans-io'
import { Reassembly } from './reassembly.ts'
import type { Segment } from './segment.ts'
import { addSequence, distance, isWithin, latest } from './sequence-number.ts'

/** The receiving half of a connection (RFC 9293 §3.4, §3.8.6): what has arrived, what is told about it, and when. */
export class Receiver {
  readonly #reassembly: Reassembly
  readonly #capacity: number
  readonly #mss: number
  #windowScale = 0
  #next = 0
  /** Up to where the peer has been told that it may send. */
  #edge = 0
  #finSequence: number | undefined
  #isFinished = false
  #mustAcknowledge = false
  #acknowledgeAt: Instant | undefined
  #unacknowledgedSegments = 0

  /** @param mss - The longest segment that the peer may send. */
  constructor(capacity: number, mss: number) {
    this.#capacity = capacity
    this.#reassembly = new Reassembly(capacity)
    this.#mss = mss
  }

  /** The next sequence number that is expected. */
  get next(): number {
    return this.#next
  }

  /** How many bytes can be read. */
  get readable(): number {
    return this.#reassembly.readable
  }

  /** Whether everything up to the peer's FIN is here. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** Whether an acknowledgement has to leave at once. */
  get mustAcknowledge(): boolean {
    return this.#mustAcknowledge
  }

  /** When a delayed acknowledgement is due. */
  get deadline(): Instant | undefined {
    return this.#acknowledgeAt
  }

  /** Takes the peer's SYN. */
  begin(initialSequence: number): void {
    this.#next = addSequence(initialSequence, 1)
    this.#edge = this.#next
  }

  /** Both sides scale their windows: ours by this from now on. */
  scaleBy(windowScale: number): void {
    this.#windowScale = windowScale
  }

  /** Returns whether a segment touches the window (RFC 9293 §3.10.7.4), counting one that probes a closed window. */
  isAcceptable({ sequence, length }: Segment): boolean {
    const { window } = this.#reassembly
    if (window === 0) return sequence === this.#next
    const isStartWithin = isWithin(sequence, this.#next, window)
    return isStartWithin || (length > 0 && isWithin(addSequence(sequence, length - 1), this.#next, window))
  }

  /** Takes what an acceptable segment carries, as far as it lies in the window. Returns whether there is more to read. */
  accept(segment: Segment, now: Instant): boolean {
    if (segment.length === 0) return false
    const offset = distance(this.#next, segment.sequence)
    const hadGap = this.#reassembly.hasGap
    const skipped = Math.min(Math.max(0, -offset), segment.payloadLength)
    const start = Math.max(0, offset)
    const length = Math.max(0, Math.min(segment.payloadLength - skipped, this.#reassembly.window - start))
    const added = this.#reassembly.insert(start, segment.bytes, segment.payloadOffset + skipped, length)
    this.#next = addSequence(this.#next, added)
    if (segment.isFin && skipped + length === segment.payloadLength)
      this.#finSequence ??= addSequence(segment.sequence, segment.payloadLength)
    if (!this.#isFinished && this.#finSequence === this.#next) {
      this.#isFinished = true
      this.#next = addSequence(this.#next, 1)
    }
    // RFC 5681 §4.2: at once for what is out of order, what fills a gap, and each second segment.
    if (offset !== 0 || hadGap || this.#isFinished || length < segment.payloadLength) this.acknowledge()
    else if (++this.#unacknowledgedSegments >= 2) this.acknowledge()
    else this.#acknowledgeAt ??= add(now, DELAYED_ACK)
    return added > 0 || this.#isFinished
  }

  /** Moves bytes to `into`, and lets the peer know if that opens the window far enough to be worth it. */
  read(into: Uint8Array): number {
    const count = this.#reassembly.read(into)
    const opened = this.#reassembly.window - this.#advertised
    if (opened >= Math.min(this.#capacity / 2, Math.max(2 * this.#mss, this.#capacity / 4)) && !this.#isFinished)
      this.acknowledge()
    return count
  }

  /** Wants an acknowledgement at once. */
  acknowledge(): void {
    this.#mustAcknowledge = true
  }

  /** Lets time pass. */
  handleTimeout(now: Instant): void {
    if (this.#acknowledgeAt !== undefined && this.#acknowledgeAt <= now) this.acknowledge()
  }

  /**
   * Returns the window field for a segment that leaves, whose acknowledgement settles all that are due.
   *
   * @param isSyn - The window of a SYN isn't scaled (RFC 7323 §2.2).
   */
  advertise(isSyn: boolean): number {
    this.#mustAcknowledge = false
    this.#acknowledgeAt = undefined
    this.#unacknowledgedSegments = 0
    const { window } = this.#reassembly
    // Silly window syndrome: the edge moves in steps that are worth a segment (RFC 9293 §3.8.6.2.2).
    const isWorthIt = window - this.#advertised >= Math.min(this.#capacity / 2, this.#mss)
    const scale = isSyn ? 0 : this.#windowScale
    const field = Math.min((isWorthIt ? window : this.#advertised) >>> scale, 0xffff)
    this.#edge = latest(this.#edge, addSequence(this.#next, field << scale))
    return field
  }

  /** How much of the window the peer knows of. */
  get #advertised(): number {
    return Math.max(0, distance(this.#next, this.#edge))
  }
}

/** RFC 9293 §3.8.6.3 allows 500 ms; this is what Linux does. */
const DELAYED_ACK = millis(40)
