import type { Instant, SocketAddress, StunCrypto, WallClock } from '@sallyport/sans-io'
import { attributeOf, longTermKey, type StunAttribute, type StunMessage, verifyIntegrity } from '@sallyport/stun'
import { formatUsername, isExpired, parseUsername, relayPassword } from './credentials.ts'
import { type Nonces, parseUuid } from './nonces.ts'

/** Whether a request is its user's: if so, whose, and with the key to sign the response. */
export type Authenticity =
  | { readonly type: 'authentic'; readonly key: Uint8Array; readonly user: string }
  | { readonly type: 'refused'; readonly code: 401 | 438 }

/** The server's side of the long-term credential mechanism (RFC 8489 §9.2). */
export class Authentication {
  readonly #realm: string
  readonly #secret: string
  readonly #nonces: Nonces
  readonly #crypto: StunCrypto

  constructor(realm: string, secret: string, nonces: Nonces, crypto: StunCrypto) {
    this.#realm = realm
    this.#secret = secret
    this.#nonces = nonces
    this.#crypto = crypto
  }

  /**
   * Judges `request`. The REALM that it carries doesn't matter.
   *
   * A user is who the portal says, by the salt: new credentials with another expiry are the same user's.
   */
  verify(request: StunMessage, client: SocketAddress, now: Instant, wallClock: WallClock): Authenticity {
    const username = attributeOf(request, 'username')
    const nonce = attributeOf(request, 'nonce')
    if (request.integrityOffset === undefined || username === undefined || nonce === undefined) return UNAUTHORIZED
    const uuid = parseUuid(nonce)
    if (uuid === undefined) return UNAUTHORIZED
    if (!this.#nonces.isFresh(client, uuid, now)) return STALE_NONCE
    const user = parseUsername(username)
    if (user === undefined || isExpired(user, wallClock)) return UNAUTHORIZED
    const key = this.keyOf(username)!
    return verifyIntegrity(request, key, this.#crypto) ? { type: 'authentic', key, user: user.salt } : UNAUTHORIZED
  }

  /** Returns the key that the user of that name would have, or `undefined` if no user can have that name. */
  keyOf(username: string): Uint8Array | undefined {
    const user = parseUsername(username)
    if (user === undefined) return undefined
    const password = relayPassword(user, this.#secret, this.#crypto)
    return longTermKey(formatUsername(user), this.#realm, password, this.#crypto)
  }

  /** Returns what a 401 or 438 for `client` carries: REALM and NONCE. */
  challenge(client: SocketAddress, now: Instant): StunAttribute[] {
    return [
      { type: 'realm', value: this.#realm },
      { type: 'nonce', value: this.#nonces.issue(client, now) },
    ]
  }
}

const UNAUTHORIZED: Authenticity = { type: 'refused', code: 401 }
const STALE_NONCE: Authenticity = { type: 'refused', code: 438 }
