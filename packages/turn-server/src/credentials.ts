import { type Random, randomBytes, type StunCrypto, toBase64, toHex, utf8, type WallClock } from '@sallyport/sans-io'

/**
 * A user of the relay as its name tells: `{expiry}:{salt}`.
 *
 * Relay and portal share a secret. The portal makes up users, and passwords that follow from name and secret, so that
 * the relay can tell a password's validity without knowing any user.
 */
export interface RelayUser {
  /** When the credentials end, in seconds since 1970: decimal, without leading zeros. */
  readonly expiry: string
  /** Text without a colon. The portal derives it from the user's public key. */
  readonly salt: string
}

/** Draws the secret that a relay shares with the portal: 64 hexadecimal digits, which are the secret as they stand. */
export const newStampSecret = (random: Random): string => toHex(randomBytes(random, 32))

/** Parses a username, or returns `undefined` if it isn't one that a portal makes. */
export function parseUsername(username: string): RelayUser | undefined {
  const match = /^\+?0*(\d{1,20}):([^:]*)$/.exec(username)
  if (match === null || BigInt(match[1]!) > MAX_U64) return undefined
  return { expiry: match[1]!, salt: match[2]! }
}

/** Returns a user's name in its one canonical form. */
export const formatUsername = ({ expiry, salt }: RelayUser): string => `${expiry}:${salt}`

/** Returns the password of `user`: 43 characters of base64. */
export function relayPassword({ expiry, salt }: RelayUser, secret: string, crypto: StunCrypto): string {
  return toBase64(crypto.sha256(utf8(`${expiry}:${secret}:${salt}`))).replace(/=+$/, '')
}

/** Returns whether the user's credentials have ended, or end at a time that no clock will ever show. */
export function isExpired({ expiry }: RelayUser, wallClock: WallClock): boolean {
  const seconds = BigInt(expiry)
  return seconds > MAX_I64 || Number(seconds) < Math.floor(wallClock / 1000)
}

const MAX_U64 = 2n ** 64n - 1n
const MAX_I64 = 2n ** 63n - 1n
