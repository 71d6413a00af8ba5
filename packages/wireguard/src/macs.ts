import { concatBytes, equalBytes, utf8, type WireguardCrypto } from '@sallyport/sans-io'
import { MAC_LENGTH, MACS_LENGTH } from './message.ts'

const LABEL_MAC1 = utf8('mac1----')
const LABEL_COOKIE = utf8('cookie--')

/** Returns the key of mac1 in messages to the owner of `publicKey` (paper §5.4.4). */
export const mac1Key = (crypto: WireguardCrypto, publicKey: Uint8Array): Uint8Array =>
  crypto.blake2s(concatBytes(LABEL_MAC1, publicKey))

/** Returns the key that encrypts cookies from the owner of `publicKey` (paper §5.4.7). */
export const cookieKey = (crypto: WireguardCrypto, publicKey: Uint8Array): Uint8Array =>
  crypto.blake2s(concatBytes(LABEL_COOKIE, publicKey))

/** Writes mac1 at the end of an initiation or response, and mac2 if a `cookie` is known. Returns a copy of mac1. */
export function writeMacs(
  crypto: WireguardCrypto,
  message: Uint8Array,
  key: Uint8Array,
  cookie: Uint8Array | undefined,
): Uint8Array {
  const at = message.length - MACS_LENGTH
  const mac1 = crypto.blake2sMac(key, message.subarray(0, at))
  message.set(mac1, at)
  if (cookie !== undefined)
    message.set(crypto.blake2sMac(cookie, message.subarray(0, at + MAC_LENGTH)), at + MAC_LENGTH)
  return mac1
}

/** Returns mac1 of an initiation or response: a view into it. */
export const mac1Of = (message: Uint8Array): Uint8Array =>
  message.subarray(message.length - MACS_LENGTH, message.length - MAC_LENGTH)

/** Returns whether mac1 is right: its sender knows our public key. */
export const hasValidMac1 = (crypto: WireguardCrypto, message: Uint8Array, key: Uint8Array): boolean =>
  equalBytes(crypto.blake2sMac(key, message.subarray(0, message.length - MACS_LENGTH)), mac1Of(message))

/** Returns whether mac2 is right: its sender has received `cookie`. */
export const hasValidMac2 = (crypto: WireguardCrypto, message: Uint8Array, cookie: Uint8Array): boolean =>
  equalBytes(
    crypto.blake2sMac(cookie, message.subarray(0, message.length - MAC_LENGTH)),
    message.subarray(message.length - MAC_LENGTH),
  )
