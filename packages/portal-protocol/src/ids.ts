import type { Brand } from '@sallyport/sans-io'
import { z } from 'zod'

/** Identifies a client device. A lower-case UUID. */
export type ClientId = Brand<string, 'ClientId'>
/** Identifies a gateway. A lower-case UUID. */
export type GatewayId = Brand<string, 'GatewayId'>
/** Identifies a resource. A lower-case UUID. */
export type ResourceId = Brand<string, 'ResourceId'>
/** Identifies a relay. A lower-case UUID. */
export type RelayId = Brand<string, 'RelayId'>
/** Identifies a site, which the wire calls a gateway group. A lower-case UUID. */
export type SiteId = Brand<string, 'SiteId'>

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Returns whether `text` is a hyphenated UUID of any version, in either case. */
export const isUuid = (text: string): boolean => UUID.test(text)

/** Returns `text` as a client's id in its canonical case, or `undefined` if it is no UUID. */
export const parseClientId = (text: string): ClientId | undefined => parseId<ClientId>(text)
/** Returns `text` as a gateway's id in its canonical case, or `undefined` if it is no UUID. */
export const parseGatewayId = (text: string): GatewayId | undefined => parseId<GatewayId>(text)
/** Returns `text` as a resource's id in its canonical case, or `undefined` if it is no UUID. */
export const parseResourceId = (text: string): ResourceId | undefined => parseId<ResourceId>(text)
/** Returns `text` as a relay's id in its canonical case, or `undefined` if it is no UUID. */
export const parseRelayId = (text: string): RelayId | undefined => parseId<RelayId>(text)
/** Returns `text` as a site's id in its canonical case, or `undefined` if it is no UUID. */
export const parseSiteId = (text: string): SiteId | undefined => parseId<SiteId>(text)

/** Schema of a {@link ClientId}. */
export const clientIdSchema: z.ZodType<ClientId> = idSchema<ClientId>()
/** Schema of a {@link GatewayId}. */
export const gatewayIdSchema: z.ZodType<GatewayId> = idSchema<GatewayId>()
/** Schema of a {@link ResourceId}. */
export const resourceIdSchema: z.ZodType<ResourceId> = idSchema<ResourceId>()
/** Schema of a {@link RelayId}. */
export const relayIdSchema: z.ZodType<RelayId> = idSchema<RelayId>()
/** Schema of a {@link SiteId}. */
export const siteIdSchema: z.ZodType<SiteId> = idSchema<SiteId>()

function parseId<Id extends string>(text: string): Id | undefined {
  return UUID.test(text) ? (text.toLowerCase() as Id) : undefined
}

function idSchema<Id extends string>(): z.ZodType<Id> {
  return z
    .string()
    .regex(UUID)
    .transform(text => text.toLowerCase() as Id)
}
