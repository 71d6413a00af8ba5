import { distance, isBefore, latest } from './sequence-number.ts'

/** What a sender should do on an acknowledgement. */
export type CongestionAdvice = 'go-on' | 'retransmit-first'

/** The congestion window of one sender: slow start, congestion avoidance, fast retransmit and recovery (RFC 5681, RFC 6582). */
export class Congestion {
  readonly #mss: number
  #window: number
  #slowStartThreshold = Number.POSITIVE_INFINITY
  #duplicates = 0
  /** Where fast recovery ends: the highest sequence number that was sent when it began. */
  #recovery: number | undefined
  /** Acknowledgements up to here say nothing about a new loss (RFC 6582 §4). */
  #lastLoss: number

  /** @param initialSequence - The first sequence number of this connection. */
  constructor(mss: number, initialSequence: number) {
    this.#mss = mss
    this.#window = INITIAL_SEGMENTS * mss
    this.#lastLoss = initialSequence
  }

  /** How many bytes may be under way. */
  get window(): number {
    return this.#window
  }

  /** Takes an acknowledgement of `bytes` more bytes, so that `una` is the first one that is missing. */
  acknowledged(bytes: number, una: number): CongestionAdvice {
    this.#duplicates = 0
    this.#lastLoss = latest(this.#lastLoss, una)
    if (this.#recovery === undefined) {
      // RFC 5681 §3.1, counting bytes (RFC 3465 §2.1)
      if (this.#window < this.#slowStartThreshold) this.#window += Math.min(bytes, this.#mss)
      else this.#window += Math.max(1, Math.floor((this.#mss * this.#mss) / this.#window))
      this.#window = Math.min(this.#window, MAX_WINDOW)
      return 'go-on'
    }
    if (!isBefore(una, this.#recovery)) {
      this.#recovery = undefined
      this.#window = this.#slowStartThreshold
      return 'go-on'
    }
    // A partial acknowledgement: the segment behind it is lost as well (RFC 6582 §3.2).
    this.#window = Math.max(this.#window - bytes + (bytes >= this.#mss ? this.#mss : 0), this.#mss)
    return 'retransmit-first'
  }

  /** Takes a duplicate acknowledgement of `una`, while bytes up to `highest` (excluded) are under way. */
  duplicate(una: number, highest: number): CongestionAdvice {
    this.#duplicates++
    if (this.#recovery !== undefined) {
      this.#window = Math.min(this.#window + this.#mss, MAX_WINDOW) // one more segment has left the network
      return 'go-on'
    }
    if (this.#duplicates !== DUPLICATES || isBefore(una, this.#lastLoss)) return 'go-on'
    this.#slowStartThreshold = Math.max(distance(una, highest) / 2, 2 * this.#mss)
    this.#window = this.#slowStartThreshold + DUPLICATES * this.#mss
    this.#recovery = highest
    this.#lastLoss = highest
    return 'retransmit-first'
  }

  /** The retransmission timer went off; `isFirst`: not for what it went off before (RFC 5681 §3.1). */
  timedOut(una: number, highest: number, isFirst: boolean): void {
    if (isFirst) this.#slowStartThreshold = Math.max(distance(una, highest) / 2, 2 * this.#mss)
    this.#window = this.#mss
    this.#recovery = undefined
    this.#duplicates = 0
    this.#lastLoss = highest
  }
}

/** RFC 6928 §2. */
const INITIAL_SEGMENTS = 10
/** RFC 5681 §3.2. */
const DUPLICATES = 3
/** The largest window that TCP can offer (RFC 7323 §2.3). */
const MAX_WINDOW = 2 ** 30
