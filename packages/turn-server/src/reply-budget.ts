import {
  add,
  elapsed,
  type Instant,
  type Random,
  randomBytes,
  type SocketAddress,
  seconds,
  viewOf,
} from '@sallyport/sans-io'

/** Bytes per second that answers to strangers of one neighbourhood may be longer, in sum, than what they sent. */
export const REPLY_ALLOWANCE = 512

/** How many of those bytes may be saved up. */
export const REPLY_ALLOWANCE_BURST = 4096

/** Among how many neighbourhoods sources are spread; all together get at most so many times the allowance. */
export const REPLY_NEIGHBOURHOODS = 1024

/**
 * What keeps the server from being an amplifier: an allowance for answers that are longer than their requests.
 *
 * Sources can be forged, so what is counted is what would reach the one they belong to. Each source address falls into
 * one of a fixed number of neighbourhoods, all of a /24 or a /48 into the same, by a hash that changes every 30 seconds:
 * a flood from one network uses up no other's allowance, one from everywhere shares it with each newcomer, and nobody
 * is the neighbour of a flood for long. Memory is fixed.
 */
export class ReplyBudget {
  readonly #random: Random
  readonly #tokens = new Float64Array(REPLY_NEIGHBOURHOODS).fill(REPLY_ALLOWANCE_BURST)
  readonly #filledAt: Float64Array
  #key = 0
  #keyEndsAt: Instant

  constructor(random: Random, now: Instant) {
    this.#random = random
    this.#filledAt = new Float64Array(REPLY_NEIGHBOURHOODS).fill(now)
    this.#keyEndsAt = now
  }

  /** Returns whether the allowance of `source` is at least `bytes`. */
  has(source: SocketAddress, bytes: number, now: Instant): boolean {
    return bytes <= 0 || this.#tokens[this.#fill(source, now)]! >= bytes
  }

  /** Takes `bytes` of the allowance of `source`. Returns whether they were there; nothing is taken if not. */
  spend(source: SocketAddress, bytes: number, now: Instant): boolean {
    if (bytes <= 0) return true
    const index = this.#fill(source, now)
    if (this.#tokens[index]! < bytes) return false
    this.#tokens[index]! -= bytes
    return true
  }

  /** Adds what is due by `now` to the allowance of the neighbourhood of `source`, and returns which that is. */
  #fill(source: SocketAddress, now: Instant): number {
    if (now >= this.#keyEndsAt) {
      this.#key = viewOf(randomBytes(this.#random, 4)).getInt32(0)
      this.#keyEndsAt = add(now, seconds(30))
    }
    const index = this.#neighbourhood(source)
    const waited = Math.max(0, elapsed(this.#filledAt[index]! as Instant, now)) / 1000
    this.#filledAt[index] = now
    this.#tokens[index] = Math.min(REPLY_ALLOWANCE_BURST, this.#tokens[index]! + waited * REPLY_ALLOWANCE)
    return index
  }

  #neighbourhood({ ip }: SocketAddress): number {
    const length = ip.family === 4 ? 3 : 6
    let hash = this.#key ^ length
    for (let i = 0; i < length; i++) {
      hash = Math.imul(hash ^ ip.bytes[i]!, 0x01000193)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash ^ this.#key, 0x2c1b3c6d)
    return ((hash ^ (hash >>> 13)) >>> 0) % REPLY_NEIGHBOURHOODS
  }
}
