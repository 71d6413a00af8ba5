import { concatBytes, equalBytes, type Random, randomBytes, toHex, utf8, viewOf } from '@sallyport/sans-io'
import { parseBase64Url, toBase32Hex, toBase64Url } from './base-encoding.ts'
import { type PortalCrypto, pbkdf2 } from './crypto.ts'

/**
 * The text of a token:
 *
 *     nonce "." "SFMyNTY" "." base64url(term) "." base64url(mac)
 *
 * `term` is the Erlang external term `{{account_id, token_id, secret}, signed_at_ms, 86400}`, `mac` its HMAC-SHA256
 * under a key that depends on the token's type. So a token can't be used for anything but what it was made for, and
 * one that nobody made is refused without a look into the storage.
 */

/** What a token opens: the socket of a client, of a gateway or of a relay. The names go into the signing key. */
export type TokenType = 'client' | 'gateway_group' | 'relay_group'

/** What the text of a token says, once its MAC has been verified. */
export interface TokenClaims {
  /** The account's id; `undefined` in the token of a global relay. */
  readonly account: string | undefined
  readonly token: string
  /** Chosen by the party that signs in; empty for all but browser sign-in. */
  readonly nonce: string
  readonly secret: string
}

/** How a token is remembered: enough to recognise it, not enough to make it. */
export interface TokenDigest {
  /** 16 random bytes in base64url. */
  readonly salt: string
  /** SHA3-256 of nonce, secret and salt, in lower-case hexadecimal. */
  readonly hash: string
}

/** The installation's secret that all tokens are signed with. */
export interface TokenKey {
  /** High-entropy text. */
  readonly keyBase: string
  readonly salt: string
}

const HEADER = 'SFMyNTY' // base64url of "HS256"
const ITERATIONS = 1000
const LIFETIME_IN_TERM = 86_400 // written as the original does, and ignored: what counts is the stored expiry
const MAX_TEXT = 2048

/** Signs and verifies the text of tokens. */
export class TokenSigner {
  readonly #crypto: PortalCrypto
  readonly #key: TokenKey
  readonly #derived = new Map<TokenType, Uint8Array>()

  constructor(crypto: PortalCrypto, key: TokenKey) {
    this.#crypto = crypto
    this.#key = key
  }

  /** Returns the text of a token. `signedAt` is Unix milliseconds. */
  sign(type: TokenType, claims: TokenClaims, signedAt: number): string {
    const signed = `${HEADER}.${toBase64Url(encodeTerm(claims, signedAt))}`
    return `${claims.nonce}.${signed}.${toBase64Url(this.#mac(type, signed))}`
  }

  /** Returns what a token says if it was signed here for `type`, else `undefined`. Never throws. */
  verify(type: TokenType, text: string): TokenClaims | undefined {
    if (text.length > MAX_TEXT) return undefined
    const [nonce, header, term, mac, ...rest] = text.split('.')
    if (header !== HEADER || nonce === undefined || term === undefined || mac === undefined || rest.length > 0) {
      return undefined
    }
    const macBytes = parseBase64Url(mac)
    if (macBytes === undefined || !equalBytes(macBytes, this.#mac(type, `${header}.${term}`))) return undefined
    const termBytes = parseBase64Url(term)
    const claims = termBytes && decodeTerm(termBytes)
    return claims && { ...claims, nonce }
  }

  /** Returns a fresh secret of 32 random bytes, in base32hex. */
  freshSecret(random: Random): string {
    return toBase32Hex(randomBytes(random, 32))
  }

  /** Returns what to store of a token. */
  digest(claims: Pick<TokenClaims, 'nonce' | 'secret'>, random: Random): TokenDigest {
    const salt = toBase64Url(randomBytes(random, 16))
    return { salt, hash: this.#hash(claims, salt) }
  }

  /** Returns whether a stored digest is that of the token, in constant time. */
  matches(claims: Pick<TokenClaims, 'nonce' | 'secret'>, digest: TokenDigest): boolean {
    return equalBytes(utf8(this.#hash(claims, digest.salt)), utf8(digest.hash))
  }

  #hash(claims: Pick<TokenClaims, 'nonce' | 'secret'>, salt: string): string {
    return toHex(this.#crypto.sha3_256(utf8(claims.nonce + claims.secret + salt)))
  }

  #mac(type: TokenType, signed: string): Uint8Array {
    let key = this.#derived.get(type)
    if (key === undefined) {
      key = pbkdf2(this.#crypto, utf8(this.#key.keyBase), utf8(this.#key.salt + type), ITERATIONS)
      this.#derived.set(type, key)
    }
    return this.#crypto.hmacSha256(key, utf8(signed))
  }
}

// Erlang external term format: https://www.erlang.org/doc/apps/erts/erl_ext_dist.html
const VERSION = 131
const SMALL_TUPLE = 104
const BINARY = 109
const SMALL_BIG = 110
const INTEGER = 98
const SMALL_INTEGER = 97
const ATOM = 100
const SMALL_ATOM_UTF8 = 119

function encodeTerm(claims: TokenClaims, signedAt: number): Uint8Array {
  const account = claims.account === undefined ? nilAtom() : binary(claims.account)
  return concatBytes(
    new Uint8Array([VERSION, SMALL_TUPLE, 3, SMALL_TUPLE, 3]),
    account,
    binary(claims.token),
    binary(claims.secret),
    smallBig(signedAt),
    new Uint8Array([
      INTEGER,
      0,
      (LIFETIME_IN_TERM >> 16) & 0xff,
      (LIFETIME_IN_TERM >> 8) & 0xff,
      LIFETIME_IN_TERM & 0xff,
    ]),
  )
}

function nilAtom(): Uint8Array {
  return concatBytes(new Uint8Array([SMALL_ATOM_UTF8, 3]), utf8('nil'))
}

function binary(text: string): Uint8Array {
  const bytes = utf8(text)
  const head = new Uint8Array(5)
  head[0] = BINARY
  viewOf(head).setUint32(1, bytes.length)
  return concatBytes(head, bytes)
}

function smallBig(value: number): Uint8Array {
  const digits: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) digits.push(rest % 256)
  return new Uint8Array([SMALL_BIG, digits.length, 0, ...digits])
}

/** Decodes the one shape of term that a token has; anything else is `undefined`. */
function decodeTerm(bytes: Uint8Array): Omit<TokenClaims, 'nonce'> | undefined {
  const view = viewOf(bytes)
  let at = 0
  const expect = (...values: number[]): boolean => values.every(value => bytes[at++] === value)
  const text = (): string | undefined => {
    if (bytes[at] !== BINARY || at + 5 > bytes.length) return undefined
    const from = at + 5
    const end = from + view.getUint32(at + 1)
    if (end > bytes.length) return undefined
    at = end
    return String.fromCharCode(...bytes.subarray(from, end))
  }
  const nil = (): boolean => {
    if (bytes[at] === SMALL_ATOM_UTF8) return expect(SMALL_ATOM_UTF8, 3, 0x6e, 0x69, 0x6c)
    return expect(ATOM, 0, 3, 0x6e, 0x69, 0x6c) // written by releases of Erlang before 26
  }
  const isNumber = (): boolean => {
    if (bytes[at] === SMALL_BIG) at += 3 + (bytes[at + 1] ?? 0)
    else if (bytes[at] === INTEGER) at += 5
    else if (bytes[at] === SMALL_INTEGER) at += 2
    else return false
    return at <= bytes.length
  }

  if (!expect(VERSION, SMALL_TUPLE, 3, SMALL_TUPLE, 3)) return undefined
  const account = bytes[at] === BINARY ? text() : nil() ? null : undefined
  const token = text()
  const secret = text()
  if (account === undefined || token === undefined || secret === undefined) return undefined
  if (!isNumber() || !isNumber() || at !== bytes.length) return undefined
  return { account: account ?? undefined, token, secret }
}
