import type { Condition } from './condition.ts'
import type { Filter } from './filter.ts'
import type { ResourceType } from './resource-address.ts'

/**
 * What the portal stores: plain rows of JSON values. Ids are UUIDs in lower case, times are Unix milliseconds, `null`
 * stands for what is absent.
 */

/** A tenant: everything but relays belongs to one. */
export interface Account {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly searchDomain: string | null
  /** `1.1.1.1:53` or `[2606:4700::1111]:53`, in order of preference. */
  readonly upstreamDns: readonly string[]
  readonly disabledAt: number | null
}

/** Whom an actor is: a person who uses or administers, or a machine. */
export type ActorType = 'account_user' | 'account_admin_user' | 'service_account'

/** A person or a machine that uses clients. */
export interface Actor {
  readonly id: string
  readonly accountId: string
  readonly type: ActorType
  readonly name: string
  readonly email: string | null
  readonly disabledAt: number | null
}

/** A group of actors, which policies speak of. */
export interface Group {
  readonly id: string
  readonly accountId: string
  readonly name: string
  /** Whether every actor of the account is a member by itself ("Everyone"). */
  readonly managed: boolean
}

/** An actor in a group. */
export interface Membership {
  readonly id: string
  readonly accountId: string
  readonly groupId: string
  readonly actorId: string
}

/** A place with gateways. */
export interface Site {
  readonly id: string
  readonly accountId: string
  readonly name: string
  /** Whether it is the place of the Internet resource. */
  readonly system: boolean
}

/** What is known of a peer since it connected last. */
export interface LastSeen {
  readonly at: number
  readonly userAgent: string
  readonly version: string
  readonly remoteIp: string
  readonly region: string | null
  readonly city: string | null
  readonly latitude: number | null
  readonly longitude: number | null
}

/** What clients and gateways have in common. */
export interface Device {
  readonly id: string
  readonly accountId: string
  /** What the device calls itself: the same for as long as it is the same device. */
  readonly externalId: string
  readonly name: string
  readonly publicKey: string
  /** 32 random bytes in base64, which never change. */
  readonly pskBase: string
  readonly ipv4: string
  readonly ipv6: string
  readonly lastSeen: LastSeen
}

/** A client device. */
export interface Client extends Device {
  readonly actorId: string
  readonly deviceSerial: string | null
  readonly deviceUuid: string | null
  readonly identifierForVendor: string | null
  readonly firebaseInstallationId: string | null
  readonly verifiedAt: number | null
}

/** A gateway. */
export interface Gateway extends Device {
  readonly siteId: string
}

/** Which addresses of a name a client may be given. */
export type IpStack = 'dual' | 'ipv4_only' | 'ipv6_only'

/** What policies open: a name, a network, an address or the Internet. */
export interface Resource {
  readonly id: string
  readonly accountId: string
  readonly type: ResourceType
  readonly name: string
  /** `null` only for the Internet. */
  readonly address: string | null
  readonly addressDescription: string | null
  /** `null` for all but `dns`. */
  readonly ipStack: IpStack | null
  readonly filters: readonly Filter[]
}

/** A resource is reached through the gateways of a site. */
export interface Connection {
  readonly id: string
  readonly accountId: string
  readonly resourceId: string
  readonly siteId: string
}

/** The members of a group may reach a resource while the conditions hold. */
export interface Policy {
  readonly id: string
  readonly accountId: string
  readonly groupId: string
  readonly resourceId: string
  readonly description: string | null
  readonly conditions: readonly Condition[]
  readonly disabledAt: number | null
}

/** What a peer shows to be let in; only its digest is known. Relays' tokens belong to no account. */
export interface Token {
  readonly id: string
  readonly accountId: string | null
  readonly type: 'client' | 'gateway_group' | 'relay_group'
  readonly actorId: string | null
  readonly siteId: string | null
  readonly name: string
  readonly salt: string
  readonly hash: string
  readonly expiresAt: number | null
  /** How often it may still be used; `null` for any number of times. */
  readonly remainingAttempts: number | null
  readonly lastUsedAt: number | null
  readonly createdAt: number
}

/** An authorization: this client may reach this resource through this gateway until `expiresAt`. */
export interface Flow {
  readonly id: string
  readonly accountId: string
  readonly clientId: string
  readonly gatewayId: string
  readonly resourceId: string
  readonly policyId: string
  readonly membershipId: string
  readonly tokenId: string
  readonly clientRemoteIp: string
  readonly clientUserAgent: string
  readonly gatewayRemoteIp: string
  readonly expiresAt: number
  readonly insertedAt: number
}

/** An authorization that ended while its gateway was away, so that it can be told when it is back. */
export interface Revocation {
  readonly id: string
  readonly accountId: string
  readonly gatewayId: string
  readonly clientId: string
  readonly resourceId: string
  /** When the gateway forgets the authorization by itself. */
  readonly expiresAt: number
}

/** A relay, which serves all accounts. */
export interface Relay {
  readonly id: string
  readonly name: string | null
  readonly ipv4: string | null
  readonly ipv6: string | null
  readonly port: number
  readonly lastSeen: LastSeen
}

/** All tables by name. */
export interface Tables {
  accounts: Account
  actors: Actor
  groups: Group
  memberships: Membership
  sites: Site
  clients: Client
  gateways: Gateway
  resources: Resource
  connections: Connection
  policies: Policy
  tokens: Token
  flows: Flow
  revocations: Revocation
  relays: Relay
}

/** The name of a table. */
export type TableName = keyof Tables

/** Columns that name a row of another table; when that row is deleted, so is this one. Parents come first. */
export const REFERENCES: { readonly [T in TableName]: { readonly [column: string]: TableName } } = {
  accounts: {},
  actors: { accountId: 'accounts' },
  groups: { accountId: 'accounts' },
  memberships: { accountId: 'accounts', groupId: 'groups', actorId: 'actors' },
  sites: { accountId: 'accounts' },
  clients: { accountId: 'accounts', actorId: 'actors' },
  gateways: { accountId: 'accounts', siteId: 'sites' },
  resources: { accountId: 'accounts' },
  connections: { accountId: 'accounts', resourceId: 'resources', siteId: 'sites' },
  policies: { accountId: 'accounts', groupId: 'groups', resourceId: 'resources' },
  tokens: { accountId: 'accounts', actorId: 'actors', siteId: 'sites' },
  flows: {
    accountId: 'accounts',
    clientId: 'clients',
    gatewayId: 'gateways',
    resourceId: 'resources',
    policyId: 'policies',
    membershipId: 'memberships',
    tokenId: 'tokens',
  },
  revocations: { accountId: 'accounts', gatewayId: 'gateways' },
  relays: {},
}

/** The tables, parents before children. */
export const TABLE_NAMES: readonly TableName[] = Object.keys(REFERENCES) as TableName[]
