import type { IpAddress, SocketAddress } from '@sallyport/sans-io'
import { z } from 'zod'
import { type RelayId, relayIdSchema } from './ids.ts'
import { type RelayObject, relayObjectSchema } from './relay-server.ts'
import { ipv4Schema, ipv6Schema, socketAddressSchema } from './scalar.ts'

/** A peer's addresses inside the tunnel. */
export interface TunnelAddresses {
  readonly ipv4: IpAddress
  readonly ipv6: IpAddress
}

/** A DNS server that the account's administrators chose. */
export interface UpstreamDns {
  readonly protocol: 'ip_port'
  readonly address: SocketAddress
}

/** How a client's tunnel interface is set up. */
export interface ClientInterface extends TunnelAddresses {
  readonly upstream_dns: readonly UpstreamDns[]
  readonly search_domain: string | null
}

/** Half of the credentials of an ICE session (RFC 8445 §5.3). */
export interface IceCredentials {
  /** The ufrag. */
  readonly username: string
  readonly password: string
}

/** Which relays went and which can be used from here on: `disconnected_ids` is handled first. */
export interface RelaysPresence {
  readonly disconnected_ids: readonly RelayId[]
  /** For {@link mergeRelays}. */
  readonly connected: readonly RelayObject[]
}

/** Schema of {@link TunnelAddresses}. */
export const tunnelAddressesSchema: z.ZodType<TunnelAddresses> = z.object({ ipv4: ipv4Schema, ipv6: ipv6Schema })

/** Schema of {@link ClientInterface}. */
export const clientInterfaceSchema: z.ZodType<ClientInterface> = z.object({
  ipv4: ipv4Schema,
  ipv6: ipv6Schema,
  upstream_dns: z.array(z.object({ protocol: z.literal('ip_port'), address: socketAddressSchema })).default([]),
  search_domain: z
    .string()
    .refine(isDomainName, 'not a domain name')
    .nullish()
    .transform(domain => domain ?? null),
})

/** Schema of {@link IceCredentials}. */
export const iceCredentialsSchema: z.ZodType<IceCredentials> = z.object({ username: z.string(), password: z.string() })

/** Schema of the relays in a message: none where they are missing. */
export const relaysSchema: z.ZodType<readonly RelayObject[]> = z.array(relayObjectSchema).default([])

/** Schema of {@link RelaysPresence}. */
export const relaysPresenceSchema: z.ZodType<RelaysPresence> = z.object({
  disconnected_ids: z.array(relayIdSchema),
  connected: relaysSchema,
})

/** Schema of the empty object that some messages carry. */
export const emptySchema: z.ZodType<Readonly<Record<string, never>>> = z.object({})

function isDomainName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  return name.length > 0 && name.length <= 253 && name.split('.').every(label => /^[^\s./]{1,63}$/u.test(label))
}
