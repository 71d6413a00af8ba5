import { concatBytes, toBase64, utf8 } from '@sallyport/sans-io'
import { toBase32 } from './base-encoding.ts'
import { type PortalCrypto, pbkdf2 } from './crypto.ts'

/** One side of a connection, as the secrets of the connection depend on it. */
export interface SecretParty {
  /** The device's UUID in lower case. */
  readonly id: string
  /** The WireGuard public key of the running process, in base64 with padding. */
  readonly publicKey: string
  /** 32 random bytes that belong to the device for good. */
  readonly pskBase: Uint8Array
}

/** A user name fragment and a password of ICE (RFC 8445 §5.3). */
export interface IceCredentials {
  readonly username: string
  readonly password: string
}

/** What both ends of one connection must know to find and trust each other. */
export interface ConnectionSecrets {
  /** WireGuard's preshared key: 32 bytes in base64. */
  readonly presharedKey: string
  readonly clientIce: IceCredentials
  readonly gatewayIce: IceCredentials
}

/**
 * Derives the secrets of the connection between a client and a gateway.
 *
 * They depend on nothing but the two devices and the keys of their running processes, so that asking again gives the
 * same ones and leaves an established connection alone; a new key on either side changes all of them.
 */
export function connectionSecrets(
  crypto: Pick<PortalCrypto, 'sha256' | 'hmacSha256'>,
  client: SecretParty,
  gateway: SecretParty,
): ConnectionSecrets {
  const seed = `${client.id}:${client.publicKey}:${gateway.id}:${gateway.publicKey}`
  const text = toBase32(crypto.sha256(utf8(seed)))
  const salt = `WG_PSK|C_ID:${client.id}|G_ID:${gateway.id}|C_PK:${client.publicKey}|G_PK:${gateway.publicKey}`
  return {
    presharedKey: toBase64(pbkdf2(crypto, concatBytes(client.pskBase, gateway.pskBase), utf8(salt), 1)),
    clientIce: { username: text.slice(0, 4), password: text.slice(4, 26) },
    gatewayIce: { username: text.slice(26, 30), password: text.slice(30, 52) },
  }
}
