import type { Arena, Instant, TransportCipher, TransportKey } from '@sallyport/sans-io'
import { add } from '@sallyport/sans-io'
import { REJECT_AFTER_TIME } from './constants.ts'
import { DATA_HEADER_LENGTH, DATA_OVERHEAD, MESSAGE_DATA } from './message.ts'
import type { SessionKeys } from './noise-handshake.ts'
import { OPEN_BAD_TAG, OPEN_REPLAYED } from './open-defect.ts'
import { ReplayWindow } from './replay-window.ts'

/** Counters above 2^53 − 1 are refused: the high word of a good one is below this. */
const HIGH_WORD_LIMIT = 2 ** 21

/**
 * The keys and counters of one finished handshake (paper §5.4.6).
 *
 * There is no limit on messages: at the most that a session may live, 2^53 of them would be 50 trillion a second.
 */
export class Session {
  readonly localIndex: number
  readonly createdAt: Instant
  /** Sessions of a tunnel are numbered in the order in which they were made. */
  readonly order: number
  readonly #remoteIndex: number
  readonly #cipher: TransportCipher
  readonly #sendKey: TransportKey
  readonly #receiveKey: TransportKey
  readonly #window = new ReplayWindow()
  #sendCounter = 0

  constructor(cipher: TransportCipher, keys: SessionKeys, order: number, now: Instant) {
    this.localIndex = keys.localIndex
    this.createdAt = now
    this.order = order
    this.#remoteIndex = keys.remoteIndex
    this.#cipher = cipher
    this.#sendKey = cipher.importKey(keys.sendKey)
    this.#receiveKey = cipher.importKey(keys.receiveKey)
  }

  /** Returns whether this session is too old for anything. */
  isExpired(now: Instant): boolean {
    return now >= add(this.createdAt, REJECT_AFTER_TIME) // the sum, as in the deadline: a difference may round down
  }

  /**
   * Seals `length` bytes at `from`: the header lies at `into - 16`, the ciphertext at `into`, its tag behind.
   *
   * Returns the length of the message. Scratch space is that of `TransportCipher.seal`.
   */
  seal(arena: Arena, from: number, length: number, into: number): number {
    const counter = this.#sendCounter++
    this.#cipher.seal(this.#sendKey, counter, arena, from, length, into)
    // The cipher may have used the bytes in front of the ciphertext, so the header comes last.
    const { view } = arena
    view.setUint32(into - 16, MESSAGE_DATA, true)
    view.setUint32(into - 12, this.#remoteIndex, true)
    view.setUint32(into - 8, counter >>> 0, true)
    view.setUint32(into - 4, Math.floor(counter / 2 ** 32), true)
    return length + DATA_OVERHEAD
  }

  /**
   * Opens the data message of `length` bytes at `from`, whose receiver index is ours, to `into`.
   *
   * Returns the length of the plaintext, or a negative `OpenDefect`.
   */
  open(arena: Arena, from: number, length: number, into: number): number {
    // The cipher may use the bytes in front of the ciphertext, so the header is read first.
    const { view } = arena
    const high = view.getUint32(from + 12, true)
    if (high >= HIGH_WORD_LIMIT) return OPEN_REPLAYED
    const counter = high * 2 ** 32 + view.getUint32(from + 8, true)
    if (!this.#window.accepts(counter)) return OPEN_REPLAYED
    const plaintextLength = length - DATA_OVERHEAD
    if (!this.#cipher.open(this.#receiveKey, counter, arena, from + DATA_HEADER_LENGTH, plaintextLength, into))
      return OPEN_BAD_TAG
    this.#window.mark(counter)
    return plaintextLength
  }
}
