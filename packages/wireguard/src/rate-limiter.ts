import {
  add,
  type Instant,
  type IpAddress,
  type Millis,
  type Random,
  seconds,
  type WireguardCrypto,
} from '@sallyport/sans-io'
import { CookieMaker } from './cookie.ts'
import { hasValidMac1, hasValidMac2, mac1Key } from './macs.ts'

/** How many handshake messages a node answers in one window before it asks for cookies. */
export const HANDSHAKES_PER_WINDOW = 100
/** How long a window is. */
export const RATE_LIMIT_WINDOW: Millis = seconds(1)

/** What becomes of an initiation or response before anything expensive is done with it. */
export type Admission =
  | { readonly type: 'admitted' }
  /** Its sender doesn't know our public key. */
  | { readonly type: 'bad-mac1' }
  /** We have too much to do. `cookieReply`, if any, goes back to where the message came from. */
  | { readonly type: 'under-load'; readonly cookieReply: Uint8Array | undefined }

/** Options of a {@link RateLimiter}. */
export interface RateLimiterOptions {
  readonly crypto: WireguardCrypto
  readonly random: Random
  /** Our static public key: one limiter serves all tunnels of one identity. */
  readonly publicKey: Uint8Array
  /** Messages per second; {@link HANDSHAKES_PER_WINDOW} by default. */
  readonly limit?: number
}

/**
 * Guards a node's handshakes (paper §5.3, §5.4.7): beyond so many a second, only proved addresses are heard.
 *
 * An answer to a stranger is smaller than the question, and costs two hashes and one small encryption.
 */
export class RateLimiter {
  readonly #crypto: WireguardCrypto
  readonly #mac1Key: Uint8Array
  readonly #cookies: CookieMaker
  readonly #limit: number
  #windowEnds: Instant
  #count = 0

  constructor({ crypto, random, publicKey, limit = HANDSHAKES_PER_WINDOW }: RateLimiterOptions, now: Instant) {
    this.#crypto = crypto
    this.#mac1Key = mac1Key(crypto, publicKey)
    this.#cookies = new CookieMaker(crypto, random, publicKey, now)
    this.#limit = limit
    this.#windowEnds = add(now, RATE_LIMIT_WINDOW)
  }

  /**
   * Decides about the initiation or response `message` from `remote`.
   *
   * Where `remote` is `undefined`, nothing is admitted under load and no cookie is made.
   */
  admit(message: Uint8Array, remote: IpAddress | undefined, now: Instant): Admission {
    if (!hasValidMac1(this.#crypto, message, this.#mac1Key)) return { type: 'bad-mac1' }
    if (now >= this.#windowEnds) {
      // The window is reset when somebody asks, not by a timer, so that quiet nodes start afresh too.
      this.#windowEnds = add(now, RATE_LIMIT_WINDOW)
      this.#count = 0
    }
    if (++this.#count <= this.#limit) return { type: 'admitted' }
    if (remote === undefined) return { type: 'under-load', cookieReply: undefined }
    const cookie = this.#cookies.cookieOf(remote, now)
    if (hasValidMac2(this.#crypto, message, cookie)) return { type: 'admitted' }
    return { type: 'under-load', cookieReply: this.#cookies.replyTo(message, cookie) }
  }
}
