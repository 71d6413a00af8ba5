/**
 * What the portal and a gateway say to each other on the topic `gateway`.
 *
 * @module
 */
import { z } from 'zod'
import { type ClientId, clientIdSchema, type ResourceId, resourceIdSchema } from './ids.ts'
import { type MessageOf, type ParseResult, parseBy, type SchemasOf } from './message.ts'
import type { RelayObject } from './relay-server.ts'
import { type GatewayResource, gatewayResourceSchema } from './resource.ts'
import {
  candidatesSchema,
  ipv4Schema,
  ipv6Schema,
  type Key,
  keySchema,
  type UnixSeconds,
  unixSecondsSchema,
} from './scalar.ts'
import {
  type IceCredentials,
  iceCredentialsSchema,
  type RelaysPresence,
  relaysPresenceSchema,
  relaysSchema,
  type TunnelAddresses,
  tunnelAddressesSchema,
} from './shared.ts'

/** A client's access to a resource. */
export interface Authorization {
  readonly client_id: ClientId
  readonly resource_id: ResourceId
  readonly expires_at: UnixSeconds
}

/** What a gateway starts from, and starts over from when it comes again. */
export interface GatewayInit {
  readonly interface: TunnelAddresses
  /** Relays to add; known ones that are missing stay. For {@link mergeRelays}. */
  readonly relays: readonly RelayObject[]
  /** The account's name in addresses, for telemetry. */
  readonly account_slug: string | null
  /** All access that still holds. */
  readonly authorizations: readonly Authorization[]
  /** Required and constant: peers of the target version want it and don't use it. */
  readonly config: { readonly ipv4_masquerade_enabled: boolean; readonly ipv6_masquerade_enabled: boolean }
}

/** A client that may come in. */
export interface FlowClient extends TunnelAddresses {
  readonly id: ClientId
  readonly public_key: Key
  readonly preshared_key: Key
}

/** A client is to be let in to a resource. */
export interface AuthorizeFlow {
  /** Names this request in {@link FlowAuthorized}. Opaque. */
  readonly ref: string
  readonly resource: GatewayResource
  readonly client: FlowClient
  readonly client_ice_credentials: IceCredentials
  readonly gateway_ice_credentials: IceCredentials
  /** `null`: never. */
  readonly expires_at: UnixSeconds | null
}

/** A client's access to a resource has ended. */
export interface RejectAccess {
  readonly client_id: ClientId
  readonly resource_id: ResourceId
}

/** ICE candidates of one client. */
export interface ClientCandidates {
  readonly client_id: ClientId
  /** SDP candidate lines, possibly some that don't parse. */
  readonly candidates: readonly string[]
}

/** What the portal tells a gateway: payloads by event. */
export interface PortalToGatewayPayloads {
  /** After each join, and again when the account's name in addresses changes. */
  readonly init: GatewayInit
  readonly authorize_flow: AuthorizeFlow
  readonly reject_access: RejectAccess
  readonly access_authorization_expiry_updated: Authorization
  /** Only filters have changed. */
  readonly resource_updated: GatewayResource
  readonly relays_presence: RelaysPresence
  readonly ice_candidates: ClientCandidates
  /** A client withdrew candidates. */
  readonly invalidate_ice_candidates: ClientCandidates
}

/** A message from the portal to a gateway. */
export type PortalToGateway = MessageOf<PortalToGatewayPayloads>

/** A gateway has let a client in. */
export interface FlowAuthorized {
  /** The one of {@link AuthorizeFlow}. */
  readonly ref: string
}

/** A gateway's ICE candidates for some clients. */
export interface CandidatesForClients {
  readonly client_ids: readonly ClientId[]
  readonly candidates: readonly string[]
}

/** What a gateway tells the portal: payloads by event. */
export interface GatewayToPortalPayloads {
  readonly flow_authorized: FlowAuthorized
  readonly broadcast_ice_candidates: CandidatesForClients
  /** The gateway withdraws candidates. */
  readonly broadcast_invalidated_ice_candidates: CandidatesForClients
}

/** A message from a gateway to the portal. */
export type GatewayToPortal = MessageOf<GatewayToPortalPayloads>

/** Parses what the portal told a gateway. Never throws. */
export const parsePortalToGateway = (event: string, payload: unknown): ParseResult<PortalToGateway> =>
  parseBy(portalToGatewaySchemas, event, payload)

/** Parses what a gateway told the portal. Never throws. */
export const parseGatewayToPortal = (event: string, payload: unknown): ParseResult<GatewayToPortal> =>
  parseBy(gatewayToPortalSchemas, event, payload)

const clientCandidates: z.ZodType<ClientCandidates> = z.object({
  client_id: clientIdSchema,
  candidates: candidatesSchema,
})

const authorization: z.ZodType<Authorization> = z.object({
  client_id: clientIdSchema,
  resource_id: resourceIdSchema,
  expires_at: unixSecondsSchema,
})

/** Schemas of {@link PortalToGatewayPayloads}. */
export const portalToGatewaySchemas: SchemasOf<PortalToGatewayPayloads> = {
  init: z.object({
    interface: tunnelAddressesSchema,
    relays: relaysSchema,
    account_slug: z
      .string()
      .nullish()
      .transform(slug => slug ?? null),
    authorizations: z.array(authorization).default([]),
    config: z.object({ ipv4_masquerade_enabled: z.boolean(), ipv6_masquerade_enabled: z.boolean() }),
  }),
  authorize_flow: z.object({
    ref: z.string(),
    resource: gatewayResourceSchema,
    client: z.object({
      id: clientIdSchema,
      public_key: keySchema,
      preshared_key: keySchema,
      ipv4: ipv4Schema,
      ipv6: ipv6Schema,
    }),
    client_ice_credentials: iceCredentialsSchema,
    gateway_ice_credentials: iceCredentialsSchema,
    expires_at: unixSecondsSchema.nullable(),
  }),
  reject_access: z.object({ client_id: clientIdSchema, resource_id: resourceIdSchema }),
  access_authorization_expiry_updated: authorization,
  resource_updated: gatewayResourceSchema,
  relays_presence: relaysPresenceSchema,
  ice_candidates: clientCandidates,
  invalidate_ice_candidates: clientCandidates,
}

const candidatesForClients: z.ZodType<CandidatesForClients> = z.object({
  client_ids: z.array(clientIdSchema),
  candidates: z.array(z.string()),
})

/** Schemas of {@link GatewayToPortalPayloads}. */
export const gatewayToPortalSchemas: SchemasOf<GatewayToPortalPayloads> = {
  flow_authorized: z.object({ ref: z.string() }),
  broadcast_ice_candidates: candidatesForClients,
  broadcast_invalidated_ice_candidates: candidatesForClients,
}
