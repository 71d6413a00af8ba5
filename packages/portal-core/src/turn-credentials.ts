import { utf8 } from '@sallyport/sans-io'
import { toBase64Unpadded } from './base-encoding.ts'
import type { PortalCrypto } from './crypto.ts'

/** The long-term credentials (RFC 8489 §9.2) of one peer at one relay; the realm is always `firezone`. */
export interface TurnCredentials {
  readonly username: string
  readonly password: string
  /** Unix seconds, after which the relay refuses them. */
  readonly expiresAt: number
}

/**
 * Derives a peer's credentials at a relay, which makes the same computation.
 *
 * @param publicKey - The peer's WireGuard public key as base64 text.
 * @param stampSecret - What the relay told the portal when it joined.
 * @param expiresAt - Unix seconds. Keep it stable: other credentials make the peer throw its allocation away.
 */
export function turnCredentials(
  crypto: Pick<PortalCrypto, 'sha256'>,
  publicKey: string,
  stampSecret: string,
  expiresAt: number,
): TurnCredentials {
  const hash = (text: string): string => toBase64Unpadded(crypto.sha256(utf8(text)))
  const salt = hash(publicKey)
  return { username: `${expiresAt}:${salt}`, password: hash(`${expiresAt}:${stampSecret}:${salt}`), expiresAt }
}
