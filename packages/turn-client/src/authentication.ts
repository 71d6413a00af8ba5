import { type StunCrypto, utf8 } from '@sallyport/sans-io'
import { attributeOf, longTermKey, type StunAttribute, type StunMessage, verifyIntegrity } from '@sallyport/stun'
import { InvalidCredentialsError } from './errors.ts'

/** Long-term credentials for one TURN server (RFC 8489 §9.2). */
export interface TurnCredentials {
  /** At most 512 bytes. */
  readonly username: string
  readonly password: string
  /** Fewer than 128 characters. `firezone` on Firezone's relays. */
  readonly realm: string
}

/** What a 401 or 438 means for the request that it answers. */
export type Challenge =
  /** The nonce was missing or stale and is known by now: ask again. */
  | 'retry'
  /** The server knew our nonce and still refused: username or password are wrong, or have expired. */
  | 'rejected'
  /** The server speaks for another realm than our credentials do. */
  | 'foreign-realm'

/**
 * The client's side of the long-term credential mechanism (RFC 8489 §9.2).
 *
 * Unlike there, already the first request is signed, if without a nonce: Firezone's relays then sign their 401, too, so
 * that *every* answer can be verified and nobody else can talk us out of our credentials.
 */
export class Authentication {
  readonly credentials: TurnCredentials
  readonly #crypto: StunCrypto
  readonly #key: Uint8Array
  #nonce: string | undefined

  /** @throws {@link InvalidCredentialsError} if username or realm are too long for STUN. */
  constructor(credentials: TurnCredentials, crypto: StunCrypto) {
    if (utf8(credentials.username).length > 512) throw new InvalidCredentialsError('username')
    if ([...credentials.realm].length > 127) throw new InvalidCredentialsError('realm')
    this.credentials = credentials
    this.#crypto = crypto
    this.#key = longTermKey(credentials.username, credentials.realm, credentials.password, crypto)
  }

  /** Whether requests carry a NONCE. */
  get hasNonce(): boolean {
    return this.#nonce !== undefined
  }

  /** What requests are signed with. */
  get protection(): { readonly crypto: StunCrypto; readonly key: Uint8Array } {
    return { crypto: this.#crypto, key: this.#key }
  }

  /** Returns USERNAME, REALM and, once it is known, NONCE. */
  attributes(): StunAttribute[] {
    const attributes: StunAttribute[] = [
      { type: 'username', value: this.credentials.username },
      { type: 'realm', value: this.credentials.realm },
    ]
    if (this.#nonce !== undefined) attributes.push({ type: 'nonce', value: this.#nonce })
    return attributes
  }

  /** Returns whether `response` was signed by somebody who knows our password. */
  verifies(response: StunMessage): boolean {
    return verifyIntegrity(response, this.#key, this.#crypto)
  }

  /**
   * Takes up the server's challenge: a verified 401 or 438.
   *
   * @param hadNonce - Whether the request that it answers carried a NONCE.
   */
  handleChallenge(response: StunMessage, code: 401 | 438, hadNonce: boolean): Challenge {
    if (code === 401 && hadNonce) return 'rejected'
    const nonce = attributeOf(response, 'nonce')
    if (nonce !== undefined) this.#nonce = nonce
    return attributeOf(response, 'realm') === this.credentials.realm ? 'retry' : 'foreign-realm'
  }
}
