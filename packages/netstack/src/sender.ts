import { elapsed, type Instant } from '@sallyport/sans-io'
import { Congestion, type CongestionAdvice } from './congestion.ts'
import { RetransmissionTimer } from './retransmission-timer.ts'
import { RttEstimator } from './rtt-estimator.ts'
import type { Segment } from './segment.ts'
import { SendBuffer } from './send-buffer.ts'
import { addSequence, distance, isBefore, latest } from './sequence-number.ts'

/** A piece of the stream that is to leave. */
export interface Piece {
  readonly sequence: number
  readonly isSyn: boolean
  readonly isFin: boolean
  /** Whether nothing more waits behind it. */
  readonly isLast: boolean
  readonly payload: Uint8Array | undefined
}

/**
 * The sending half of a connection (RFC 9293 §3.8): what may leave at a moment, and what has to leave again.
 *
 * ```text
 *      una               next            highest            end of data
 *  acked │ under way       │ to go again    │ written, not sent  │ FIN
 * ───────┼─────────────────┼────────────────┼────────────────────┼────▶
 * ```
 *
 * `next` is only behind `highest` after a timeout, when everything from `una` on is sent again.
 */
export class Sender {
  readonly initialSequence: number
  readonly #buffer: SendBuffer
  readonly #rtt = new RttEstimator()
  readonly #timer = new RetransmissionTimer()
  #congestion: Congestion
  #mss = MIN_MSS
  /** The first unacknowledged sequence number. */
  #una: number
  #next: number
  #highest: number
  /** The sequence number of the first byte in the buffer. */
  #dataStart: number
  #isSynAcknowledged = false
  #isFinQueued = false
  #window = 0
  #largestWindow = 0
  #windowScale = 0
  /** Sequence and acknowledgement number of the segment that told the window last: SND.WL1 and SND.WL2. */
  #windowSequence = 0
  #windowAcknowledgement = 0
  /** What the round trip is measured with: the number behind a segment that was sent just once. */
  #timed: { readonly end: number; readonly at: Instant } | undefined
  #mustRetransmitFirst = false
  #mustProbe = false

  constructor(initialSequence: number, capacity: number) {
    this.initialSequence = initialSequence
    this.#una = initialSequence
    this.#next = initialSequence
    this.#highest = initialSequence
    this.#dataStart = addSequence(initialSequence, 1)
    this.#buffer = new SendBuffer(capacity)
    this.#congestion = new Congestion(this.#mss, initialSequence)
  }

  /** Where the next segment of ours begins, data or not. */
  get next(): number {
    return this.#highest
  }

  /** How many bytes can be written. */
  get free(): number {
    return this.#isFinQueued ? 0 : this.#buffer.free
  }

  /** Whether our FIN was asked for. */
  get isFinQueued(): boolean {
    return this.#isFinQueued
  }

  /** Whether everything has arrived, our FIN included. */
  get isFinAcknowledged(): boolean {
    return this.#isFinQueued && this.#isSynAcknowledged && isBefore(this.#dataEnd, this.#una)
  }

  /** When {@link handleTimeout} is due. */
  get deadline(): Instant | undefined {
    return this.#timer.deadline
  }

  /** Takes what the peer's SYN says: its maximum segment size, and how its window is scaled. */
  negotiate(mss: number, windowScale: number): void {
    this.#mss = Math.max(mss, MIN_MSS)
    this.#windowScale = windowScale
    this.#congestion = new Congestion(this.#mss, this.initialSequence)
  }

  /** Takes as many bytes as fit, and returns how many. */
  write(bytes: Uint8Array): number {
    return this.#isFinQueued ? 0 : this.#buffer.write(bytes)
  }

  /** Nothing more will be written: a FIN follows the last byte. */
  finish(): void {
    this.#isFinQueued = true
  }

  /** Sends the SYN again: the peer has repeated its own, so ours is lost. */
  repeatSyn(): void {
    if (!this.#isSynAcknowledged) this.#next = this.#una
  }

  /** Returns whether an acknowledgement would complete the handshake. */
  acknowledgesSyn(acknowledgement: number): boolean {
    return this.#highest !== this.initialSequence && acknowledgement === addSequence(this.initialSequence, 1)
  }

  /**
   * Takes the acknowledgement number and window of an acceptable segment (RFC 9293 §3.10.7.4).
   *
   * @returns whether it can be true: not for bytes that were never sent, or that were acknowledged long ago (RFC 5961 §5).
   */
  handleAck(segment: Segment, now: Instant): boolean {
    const { acknowledgement } = segment
    const acknowledged = distance(this.#una, acknowledgement)
    if (isBefore(this.#highest, acknowledgement) || acknowledged < -this.#largestWindow) return false
    if (acknowledged < 0) return true
    const window = this.#window
    this.#updateWindow(segment)
    if (acknowledged > 0) this.#advance(acknowledgement, acknowledged, now)
    else if (this.#window === 0 || this.#timer.purpose === 'probe') this.#timer.relax()
    else if (segment.length === 0 && window === this.#window && this.#una !== this.#highest)
      this.#follow(this.#congestion.duplicate(this.#una, this.#highest))
    if (this.#window > 0 && this.#timer.purpose === 'probe' && this.#una === this.#highest) this.#timer.stop()
    return true
  }

  /** Lets time pass. Returns whether the peer must be considered gone, since it no longer answers. */
  handleTimeout(now: Instant): boolean {
    const purpose = this.#timer.takeDue(now)
    if (purpose === undefined) return false
    const { expirations } = this.#timer
    if (expirations > (this.#isSynAcknowledged ? MAX_RETRANSMISSIONS : MAX_SYN_RETRANSMISSIONS)) return true
    this.#timed = undefined
    if (purpose === 'probe') this.#mustProbe = true
    else {
      if (this.#isSynAcknowledged) this.#congestion.timedOut(this.#una, this.#highest, expirations === 1)
      this.#next = this.#una
      this.#mustRetransmitFirst = false
    }
    return false
  }

  /** Takes the next piece that may leave, or `undefined`. To be called until then after whatever happened. */
  poll(now: Instant): Piece | undefined {
    if (!this.#isSynAcknowledged) return this.#pollSyn(now)
    if (this.#mustRetransmitFirst) {
      this.#mustRetransmitFirst = false
      this.#timed = undefined
      return this.#piece(this.#una, Math.min(this.#mss, this.#sentData), now)
    }
    if (this.#mustProbe) {
      this.#mustProbe = false
      return this.#pollProbe(now)
    }
    const underWay = distance(this.#una, this.#next)
    const room = Math.max(0, Math.min(this.#congestion.window, this.#window) - underWay)
    const waiting = Math.max(0, distance(this.#next, this.#dataEnd))
    const length = Math.min(waiting, this.#mss, Math.floor(room))
    const hasFin = this.#isFinQueued && !isBefore(this.#dataEnd, this.#next)
    if (waiting === 0 && !hasFin) return undefined
    // Silly window syndrome: neither a full segment nor all there is nor half of the peer's buffer (RFC 9293 §3.8.6.2.1).
    const isSilly = length < Math.min(waiting, this.#mss) && length < this.#largestWindow / 2
    if (isSilly || (waiting === 0 && this.#window <= underWay) || (waiting > 0 && length === 0)) {
      if (underWay === 0) this.#timer.start('probe', this.#rtt.rto, now)
      return undefined
    }
    const piece = this.#piece(this.#next, length, now)
    this.#next = addSequence(piece.sequence, length + (piece.isFin ? 1 : 0))
    return piece
  }

  #pollSyn(now: Instant): Piece | undefined {
    if (this.#next !== this.initialSequence) return undefined
    this.#next = addSequence(this.initialSequence, 1)
    this.#sent(this.initialSequence, this.#next, now)
    return { sequence: this.initialSequence, isSyn: true, isFin: false, isLast: false, payload: undefined }
  }

  /** A byte for a closed window, or what a nearly closed one takes: its answer tells the window (RFC 9293 §3.8.6.1). */
  #pollProbe(now: Instant): Piece | undefined {
    const waiting = Math.max(0, distance(this.#una, this.#dataEnd))
    if (waiting === 0 && !this.#isFinQueued) return undefined
    const piece = this.#piece(this.#una, Math.min(waiting, this.#mss, Math.max(1, this.#window)), now)
    this.#timer.start('probe', this.#rtt.rto, now)
    return piece
  }

  #piece(sequence: number, length: number, now: Instant): Piece {
    const isLast = addSequence(sequence, length) === this.#dataEnd
    const end = addSequence(sequence, length)
    const fitsFin = this.#window > distance(this.#una, end) || length === 0
    const isFin = isLast && this.#isFinQueued && fitsFin
    const payload = length > 0 ? this.#buffer.slice(distance(this.#dataStart, sequence), length) : undefined
    this.#sent(sequence, isFin ? addSequence(end, 1) : end, now)
    return { sequence, isSyn: false, isFin, isLast, payload }
  }

  #sent(sequence: number, end: number, now: Instant): void {
    if (isBefore(sequence, this.#highest))
      this.#timed = undefined // Karn: it goes a second time
    else this.#timed ??= { end, at: now }
    this.#highest = latest(this.#highest, end)
    this.#timer.start('retransmit', this.#rtt.rto, now)
  }

  #advance(acknowledgement: number, acknowledged: number, now: Instant): void {
    this.#isSynAcknowledged = true
    const bytes = Math.min(Math.max(0, distance(this.#dataStart, acknowledgement)), this.#buffer.length)
    this.#buffer.acknowledge(bytes)
    this.#dataStart = addSequence(this.#dataStart, bytes)
    this.#una = acknowledgement
    this.#next = latest(this.#next, acknowledgement)
    if (this.#timed !== undefined && !isBefore(acknowledgement, this.#timed.end)) {
      this.#rtt.sample(elapsed(this.#timed.at, now))
      this.#timed = undefined
    }
    this.#follow(this.#congestion.acknowledged(acknowledged, acknowledgement))
    this.#timer.relax()
    this.#timer.stop()
    if (acknowledgement !== this.#highest) this.#timer.start('retransmit', this.#rtt.rto, now) // RFC 6298 §5.3
  }

  #follow(advice: CongestionAdvice): void {
    if (advice === 'retransmit-first') this.#mustRetransmitFirst = true
  }

  #updateWindow(segment: Segment): void {
    const { sequence, acknowledgement } = segment
    const isNewer =
      !this.#isSynAcknowledged ||
      isBefore(this.#windowSequence, sequence) ||
      (this.#windowSequence === sequence && !isBefore(acknowledgement, this.#windowAcknowledgement))
    if (!isNewer) return
    this.#window = segment.isSyn ? segment.window : segment.window << this.#windowScale // RFC 7323 §2.2
    this.#largestWindow = Math.max(this.#largestWindow, this.#window)
    this.#windowSequence = sequence
    this.#windowAcknowledgement = acknowledgement
  }

  /** How many bytes from the first unacknowledged one on have been sent at least once. */
  get #sentData(): number {
    return Math.max(0, Math.min(distance(this.#una, this.#dataEnd), distance(this.#una, this.#highest)))
  }

  /** Behind the last byte that was written: the FIN's sequence number. */
  get #dataEnd(): number {
    return addSequence(this.#dataStart, this.#buffer.length)
  }
}

/** A peer that asks for tiny segments would have us send forty times as many bytes as there are. */
const MIN_MSS = 48
/** With the RTO doubling up to a minute this is more than the 100 s that RFC 9293 §3.8.3 wants for R2. */
const MAX_RETRANSMISSIONS = 12
/** Two minutes. */
const MAX_SYN_RETRANSMISSIONS = 6
