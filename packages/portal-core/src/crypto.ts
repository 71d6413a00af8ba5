import { concatBytes, copyBytes, type StunCrypto } from '@sallyport/sans-io'

/** What the portal asks of cryptography. All results belong to the caller. */
export interface PortalCrypto extends Pick<StunCrypto, 'sha256' | 'hmacSha256'> {
  /** SHA3-256 (FIPS 202), 32 bytes: the hash of a stored token. A simulation may pass `sha256` here. */
  sha3_256(data: Uint8Array): Uint8Array
}

/** Derives 32 bytes by PBKDF2-HMAC-SHA256 (RFC 8018 §5.2): one block, hence no block loop. */
export function pbkdf2(
  crypto: Pick<StunCrypto, 'hmacSha256'>,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Uint8Array {
  let round = crypto.hmacSha256(password, concatBytes(salt, new Uint8Array([0, 0, 0, 1])))
  const out = copyBytes(round)
  for (let i = 1; i < iterations; i++) {
    round = crypto.hmacSha256(password, round)
    for (let j = 0; j < out.length; j++) out[j]! ^= round[j]!
  }
  return out
}
