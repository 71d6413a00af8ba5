import {
  add,
  type Instant,
  type IpAddress,
  type Random,
  randomBytes,
  viewOf,
  type WireguardCrypto,
} from '@sallyport/sans-io'
import { COOKIE_LIFETIME } from './constants.ts'
import { cookieKey, mac1Of } from './macs.ts'
import {
  COOKIE_REPLY_LENGTH,
  cookieReplyFields,
  MAC_LENGTH,
  MESSAGE_COOKIE_REPLY,
  newMessage,
  receiverIndexOf,
  senderIndexOf,
} from './message.ts'

/** How long one cookie of an address stays the same: the secret's age counts in these, in milliseconds. */
const COOKIE_PERIOD = 128_000

/** Makes the cookies of a responder (paper §5.4.7): proofs that an address is really the sender's. */
export class CookieMaker {
  readonly #crypto: WireguardCrypto
  readonly #random: Random
  readonly #key: Uint8Array
  readonly #secret: Uint8Array
  readonly #createdAt: Instant

  constructor(crypto: WireguardCrypto, random: Random, publicKey: Uint8Array, now: Instant) {
    this.#crypto = crypto
    this.#random = random
    this.#key = cookieKey(crypto, publicKey)
    this.#secret = randomBytes(random, 16)
    this.#createdAt = now
  }

  /** Returns the cookie of `remote` in the period of `now`: 16 bytes. The port plays no part. */
  cookieOf(remote: IpAddress, now: Instant): Uint8Array {
    const input = new Uint8Array(24)
    viewOf(input).setUint32(0, Math.floor((now - this.#createdAt) / COOKIE_PERIOD), true)
    input.set(remote.bytes, 8)
    return this.#crypto.blake2sMac(this.#secret, input)
  }

  /** Returns the reply that hands `cookie` to the sender of `message`, an initiation or response. */
  replyTo(message: Uint8Array, cookie: Uint8Array): Uint8Array {
    const reply = newMessage(MESSAGE_COOKIE_REPLY, COOKIE_REPLY_LENGTH)
    viewOf(reply).setUint32(4, senderIndexOf(message), true)
    const { nonce, encryptedCookie } = cookieReplyFields(reply)
    this.#random(nonce)
    encryptedCookie.set(this.#crypto.xchacha20Poly1305.seal(this.#key, nonce, cookie, mac1Of(message)))
    return reply
  }
}

/** Why a cookie reply was refused. */
export type CookieDefect = 'unexpected-cookie' | 'wrong-index' | 'bad-cookie'

/** Keeps the cookie that a peer under load has sent us (paper §6.6). */
export class CookieJar {
  readonly #crypto: WireguardCrypto
  readonly #key: Uint8Array
  #asked: { readonly senderIndex: number; readonly mac1: Uint8Array } | undefined
  #cookie: Uint8Array | undefined
  #expiresAt: Instant | undefined

  constructor(crypto: WireguardCrypto, peerPublicKey: Uint8Array) {
    this.#crypto = crypto
    this.#key = cookieKey(crypto, peerPublicKey)
  }

  /** Notes the last handshake message that was sent: only that may be answered by a cookie. */
  asked(senderIndex: number, mac1: Uint8Array): void {
    this.#asked = { senderIndex, mac1 }
  }

  /** Takes the cookie out of a cookie reply. The message that it answers is not sent again before its time. */
  receive(reply: Uint8Array, now: Instant): CookieDefect | undefined {
    if (this.#asked === undefined) return 'unexpected-cookie'
    if (receiverIndexOf(reply, 0, MESSAGE_COOKIE_REPLY) !== this.#asked.senderIndex) return 'wrong-index'
    const { nonce, encryptedCookie } = cookieReplyFields(reply)
    const cookie = this.#crypto.xchacha20Poly1305.open(this.#key, nonce, encryptedCookie, this.#asked.mac1)
    if (cookie?.length !== MAC_LENGTH) return 'bad-cookie'
    this.#cookie = cookie
    this.#expiresAt = add(now, COOKIE_LIFETIME)
    return undefined
  }

  /** Returns the cookie for mac2 of a message that is sent at `now`, if there is one. */
  at(now: Instant): Uint8Array | undefined {
    if (this.#expiresAt !== undefined && now >= this.#expiresAt) this.#cookie = undefined
    return this.#cookie
  }
}
