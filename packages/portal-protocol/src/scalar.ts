import { type Brand, IpAddress, parseBase64, SocketAddress, toBase64 } from '@sallyport/sans-io'
import { z } from 'zod'

/** A key of 32 bytes as it travels: standard base64 with padding, 44 characters. */
export type Key = Brand<string, 'Key'>

/** A point of calendar time in whole seconds since 1970-01-01T00:00:00Z. */
export type UnixSeconds = Brand<number, 'unix-s'>

/** Returns the text of a key. Throws a `RangeError` unless it has 32 bytes. */
export function keyOf(bytes: Uint8Array): Key {
  if (bytes.length !== 32) throw new RangeError(`a key has 32 bytes, not ${bytes.length}`)
  return toBase64(bytes) as Key
}

/** Returns `text` as a key, or `undefined` if it isn't the base64 of exactly 32 bytes. */
export const parseKey = (text: string): Key | undefined =>
  parseBase64(text)?.length === 32 ? (text as Key) : undefined

/** Returns the 32 bytes of a key, which belong to the caller. */
export const keyBytes = (key: Key): Uint8Array<ArrayBuffer> => parseBase64(key)!

/** Schema of a {@link Key}. */
export const keySchema: z.ZodType<Key> = z
  .string()
  .transform((text, context) => parseKey(text) ?? refuse(context, 'key'))

/** Schema of an IPv4 address. */
export const ipv4Schema: z.ZodType<IpAddress> = addressSchema(4)

/** Schema of an IPv6 address. */
export const ipv6Schema: z.ZodType<IpAddress> = addressSchema(6)

/** Schema of an address and port: `192.0.2.1:53`, `[2001:db8::1]:53`. */
export const socketAddressSchema: z.ZodType<SocketAddress> = z
  .string()
  .transform((text, context) => SocketAddress.parse(text) ?? refuse(context, 'address and port'))

/** Schema of a {@link UnixSeconds}. */
export const unixSecondsSchema: z.ZodType<UnixSeconds> = z.int().transform(seconds => seconds as UnixSeconds)

/** Schema of a network such as `10.0.0.0/8`: a prefix length is required, and no bit behind it may be set. */
export const networkSchema: z.ZodType<string> = z.string().refine(isNetwork, 'not a network')

/**
 * Schema of ICE candidates in SDP.
 *
 * They are opaque here: whoever runs ICE skips those that it can't parse. What isn't even text is skipped right away.
 */
export const candidatesSchema: z.ZodType<readonly string[]> = z
  .array(z.unknown())
  .transform(items => items.filter(item => typeof item === 'string'))

/** Marks a value as refused while it is being transformed. */
function refuse(context: { addIssue(message: string): void }, wanted: string): never {
  context.addIssue(`not a valid ${wanted}`)
  return z.NEVER
}

function addressSchema(family: 4 | 6): z.ZodType<IpAddress> {
  return z.string().transform((text, context) => {
    const ip = IpAddress.parse(text)
    return ip?.family === family ? ip : refuse(context, `IPv${family} address`)
  })
}

function isNetwork(text: string): boolean {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text)
  const ip = match === null ? undefined : IpAddress.parse(match[1]!)
  if (ip === undefined) return false
  const length = Number(match![2])
  if (length > ip.bytes.length * 8) return false
  return ip.bytes.every((byte, i) => (byte & (0xff >> Math.min(8, Math.max(0, length - 8 * i)))) === 0)
}
