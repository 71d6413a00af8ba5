import { z } from 'zod'
import { type ResourceId, resourceIdSchema, type SiteId, siteIdSchema } from './ids.ts'
import { noteSkipped } from './message.ts'
import { networkSchema } from './scalar.ts'

/** What a client calls the resource that stands for the whole Internet, which has no name on the wire. */
export const INTERNET_RESOURCE_NAME = 'Internet Resource'

/** Which address families a DNS resource answers with. */
export type IpStack = 'dual' | 'ipv4_only' | 'ipv6_only'

/** A place with gateways. Equal by id alone. */
export interface Site {
  readonly id: SiteId
  readonly name: string
}

/** Traffic that a resource takes. Port ranges are inclusive. */
export type Filter =
  | { readonly protocol: 'tcp' | 'udp'; readonly port_range_start: number; readonly port_range_end: number }
  | { readonly protocol: 'icmp' }

/** A resource by name, as a client sees it. */
export interface ClientDnsResource {
  readonly type: 'dns'
  readonly id: ResourceId
  readonly name: string
  /** A pattern: `*` one label, `**` any number of labels, `?` one character. */
  readonly address: string
  readonly address_description: string | null
  readonly gateway_groups: readonly Site[]
  readonly ip_stack: IpStack
}

/** A network, as a client sees it. */
export interface ClientCidrResource {
  readonly type: 'cidr'
  readonly id: ResourceId
  readonly name: string
  /** A network with its prefix length and no host bits. */
  readonly address: string
  readonly address_description: string | null
  readonly gateway_groups: readonly Site[]
}

/** Everything else, as a client sees it. */
export interface ClientInternetResource {
  readonly type: 'internet'
  readonly id: ResourceId
  /** {@link INTERNET_RESOURCE_NAME} unless the portal gives one. */
  readonly name: string
  readonly gateway_groups: readonly Site[]
}

/** A resource, as a client sees it. */
export type ClientResource = ClientDnsResource | ClientCidrResource | ClientInternetResource

/** A resource, as a gateway sees it. No filters: everything may pass. */
export type GatewayResource =
  | {
      readonly type: 'dns' | 'cidr'
      readonly id: ResourceId
      readonly name: string
      readonly address: string
      readonly filters: readonly Filter[]
    }
  | { readonly type: 'internet'; readonly id: ResourceId }

const sites = z.array(z.object({ id: siteIdSchema, name: z.string() }))
const description = z
  .string()
  .nullish()
  .transform(text => text ?? null)

/** Schema of a {@link ClientResource}. */
export const clientResourceSchema: z.ZodType<ClientResource> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('dns'),
    id: resourceIdSchema,
    name: z.string(),
    address: z.string(),
    address_description: description,
    gateway_groups: sites,
    ip_stack: z
      .enum(['dual', 'ipv4_only', 'ipv6_only'])
      .nullish()
      .transform(stack => stack ?? 'dual'),
  }),
  z.object({
    type: z.literal('cidr'),
    id: resourceIdSchema,
    name: z.string(),
    address: networkSchema,
    address_description: description,
    gateway_groups: sites,
  }),
  z.object({
    type: z.literal('internet'),
    id: resourceIdSchema,
    name: z.string().default(INTERNET_RESOURCE_NAME),
    gateway_groups: sites,
  }),
])

/** Schema of a client's list of resources: elements of an unknown type or in a bad shape are skipped and noted. */
export const clientResourcesSchema: z.ZodType<readonly ClientResource[]> = z
  .array(z.unknown())
  .default([])
  .transform(items => items.flatMap(parseOrSkip))

const port = z.int().min(0).max(0xffff)
const ports = {
  port_range_start: port.nullish().transform(start => start ?? 0),
  port_range_end: port.nullish().transform(end => end ?? 0xffff),
}

/** Schema of a {@link Filter}. An unknown protocol is refused: leaving it out could mean that everything may pass. */
export const filterSchema: z.ZodType<Filter> = z.discriminatedUnion('protocol', [
  z.object({ protocol: z.literal('tcp'), ...ports }),
  z.object({ protocol: z.literal('udp'), ...ports }),
  z.object({ protocol: z.literal('icmp') }),
])

/** Schema of a {@link GatewayResource}. */
export const gatewayResourceSchema: z.ZodType<GatewayResource> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('dns'),
    id: resourceIdSchema,
    name: z.string(),
    address: z.string(),
    filters: z.array(filterSchema),
  }),
  z.object({
    type: z.literal('cidr'),
    id: resourceIdSchema,
    name: z.string(),
    address: networkSchema,
    filters: z.array(filterSchema),
  }),
  z.object({ type: z.literal('internet'), id: resourceIdSchema }),
])

const head = z.object({ id: z.string(), type: z.string() }).partial()

function parseOrSkip(item: unknown): readonly ClientResource[] {
  const resource = clientResourceSchema.safeParse(item)
  if (resource.success) return [resource.data]
  const { id = '', type = '' } = head.safeParse(item).data ?? {}
  const known = type === 'dns' || type === 'cidr' || type === 'internet'
  noteSkipped({ type: known ? 'bad-element' : 'unknown-type', what: id })
  return []
}
