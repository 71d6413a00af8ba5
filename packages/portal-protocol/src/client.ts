/**
 * What the portal and a client say to each other on the topic `client`.
 *
 * @module
 */
import type { IpAddress } from '@sallyport/sans-io'
import { z } from 'zod'
import { type GatewayId, gatewayIdSchema, type ResourceId, resourceIdSchema, type SiteId, siteIdSchema } from './ids.ts'
import { type MessageOf, type ParseResult, parseBy, type SchemasOf } from './message.ts'
import type { RelayObject } from './relay-server.ts'
import { type ClientResource, clientResourceSchema, clientResourcesSchema } from './resource.ts'
import { candidatesSchema, ipv4Schema, ipv6Schema, type Key, keySchema } from './scalar.ts'
import {
  type ClientInterface,
  clientInterfaceSchema,
  type IceCredentials,
  iceCredentialsSchema,
  type RelaysPresence,
  relaysPresenceSchema,
  relaysSchema,
} from './shared.ts'

/** What a client starts from, and starts over from when it comes again. */
export interface ClientInit {
  readonly interface: ClientInterface
  /** The whole list: a resource that is missing has gone. */
  readonly resources: readonly ClientResource[]
  /** Relays to add; known ones that are missing stay. For {@link mergeRelays}. */
  readonly relays: readonly RelayObject[]
}

/** ICE candidates of one gateway. */
export interface GatewayCandidates {
  readonly gateway_id: GatewayId
  /** SDP candidate lines, possibly some that don't parse. */
  readonly candidates: readonly string[]
}

/** A gateway has let this client in to a resource. */
export interface FlowCreated {
  readonly resource_id: ResourceId
  readonly gateway_id: GatewayId
  /** The gateway's site. */
  readonly gateway_group_id: SiteId
  readonly gateway_public_key: Key
  readonly gateway_ipv4: IpAddress
  readonly gateway_ipv6: IpAddress
  readonly preshared_key: Key
  readonly client_ice_credentials: IceCredentials
  readonly gateway_ice_credentials: IceCredentials
}

/** Why a client was not let in to a resource. */
export type FlowFailureReason = 'not_found' | 'offline' | 'forbidden' | 'unknown'

/** A condition of a policy that a client doesn't meet. */
export type ViolatedProperty =
  | 'remote_ip_location_region'
  | 'remote_ip'
  | 'provider_id'
  | 'current_utc_datetime'
  | 'client_verified'
  | 'unknown'

/** This client was not let in to a resource. */
export interface FlowCreationFailed {
  readonly resource_id: ResourceId
  readonly reason: FlowFailureReason
  readonly violated_properties: readonly ViolatedProperty[]
}

/** What the portal tells a client: payloads by event. */
export interface PortalToClientPayloads {
  /** Once after each join; in principle at any time. */
  readonly init: ClientInit
  /** The account's DNS settings changed. */
  readonly config_changed: { readonly interface: ClientInterface }
  readonly resource_created_or_updated: ClientResource
  readonly resource_deleted: ResourceId
  readonly relays_presence: RelaysPresence
  readonly ice_candidates: GatewayCandidates
  /** A gateway withdrew candidates. */
  readonly invalidate_ice_candidates: GatewayCandidates
  readonly flow_created: FlowCreated
  readonly flow_creation_failed: FlowCreationFailed
}

/** A message from the portal to a client. */
export type PortalToClient = MessageOf<PortalToClientPayloads>

/** A client's wish for access to a resource. */
export interface CreateFlow {
  readonly resource_id: ResourceId
  /** Gateways used lately, in ascending order: the portal prefers one of them. */
  readonly connected_gateway_ids: readonly GatewayId[]
}

/** A client's ICE candidates for some gateways. */
export interface CandidatesForGateways {
  readonly gateway_ids: readonly GatewayId[]
  readonly candidates: readonly string[]
}

/** What a client tells the portal: payloads by event. None of them is answered. */
export interface ClientToPortalPayloads {
  readonly create_flow: CreateFlow
  readonly broadcast_ice_candidates: CandidatesForGateways
  /** The client withdraws candidates. */
  readonly broadcast_invalidated_ice_candidates: CandidatesForGateways
}

/** A message from a client to the portal. */
export type ClientToPortal = MessageOf<ClientToPortalPayloads>

/** Parses what the portal told a client. Never throws. */
export const parsePortalToClient = (event: string, payload: unknown): ParseResult<PortalToClient> =>
  parseBy(portalToClientSchemas, event, payload)

/** Parses what a client told the portal. Never throws. */
export const parseClientToPortal = (event: string, payload: unknown): ParseResult<ClientToPortal> =>
  parseBy(clientToPortalSchemas, event, payload)

const FAILURE_REASONS = ['not_found', 'offline', 'forbidden'] as const
const VIOLATED_PROPERTIES = [
  'remote_ip_location_region',
  'remote_ip',
  'provider_id',
  'current_utc_datetime',
  'client_verified',
] as const

const gatewayCandidates: z.ZodType<GatewayCandidates> = z.object({
  gateway_id: gatewayIdSchema,
  candidates: candidatesSchema,
})

/** Schemas of {@link PortalToClientPayloads}. */
export const portalToClientSchemas: SchemasOf<PortalToClientPayloads> = {
  init: z.object({ interface: clientInterfaceSchema, resources: clientResourcesSchema, relays: relaysSchema }),
  config_changed: z.object({ interface: clientInterfaceSchema }),
  resource_created_or_updated: clientResourceSchema,
  resource_deleted: resourceIdSchema,
  relays_presence: relaysPresenceSchema,
  ice_candidates: gatewayCandidates,
  invalidate_ice_candidates: gatewayCandidates,
  flow_created: z.object({
    resource_id: resourceIdSchema,
    gateway_id: gatewayIdSchema,
    gateway_group_id: siteIdSchema,
    gateway_public_key: keySchema,
    gateway_ipv4: ipv4Schema,
    gateway_ipv6: ipv6Schema,
    preshared_key: keySchema,
    client_ice_credentials: iceCredentialsSchema,
    gateway_ice_credentials: iceCredentialsSchema,
  }),
  flow_creation_failed: z.object({
    resource_id: resourceIdSchema,
    reason: z.string().transform(reason => oneOf(FAILURE_REASONS, reason)),
    violated_properties: z.array(z.string().transform(property => oneOf(VIOLATED_PROPERTIES, property))).default([]),
  }),
}

const candidatesForGateways: z.ZodType<CandidatesForGateways> = z.object({
  gateway_ids: z.array(gatewayIdSchema),
  candidates: z.array(z.string()),
})

/** Schemas of {@link ClientToPortalPayloads}. */
export const clientToPortalSchemas: SchemasOf<ClientToPortalPayloads> = {
  create_flow: z.object({ resource_id: resourceIdSchema, connected_gateway_ids: z.array(gatewayIdSchema) }),
  broadcast_ice_candidates: candidatesForGateways,
  broadcast_invalidated_ice_candidates: candidatesForGateways,
}

function oneOf<Known extends string>(known: readonly Known[], text: string): Known | 'unknown' {
  return known.find(item => item === text) ?? 'unknown'
}
