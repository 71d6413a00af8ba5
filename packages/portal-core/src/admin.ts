import type { Instant } from '@sallyport/sans-io'
import { AdminError } from './admin-error.ts'
import {
  addressOf,
  conditionsOf,
  filtersOf,
  ipStackOf,
  optionalText,
  requireSlug,
  requireText,
  searchDomainOf,
  upstreamDnsOf,
} from './admin-rules.ts'
import { isPolicyReplaced } from './announcer.ts'
import type { PortalContext } from './context.ts'
import type { ResourceType } from './resource-address.ts'
import type {
  Account,
  Actor,
  ActorType,
  Client,
  Group,
  IpStack,
  Membership,
  Policy,
  Resource,
  Site,
  TableName,
  Tables,
  Token,
} from './row.ts'
import type { TokenSigner, TokenType } from './token-text.ts'
import { randomUuid } from './uuid.ts'

/** The name of the managed group that all actors of an account are in. */
export const EVERYONE = 'Everyone'

/** The name of the site that serves the Internet resource, and of that resource. */
export const INTERNET = 'Internet'

/** A filter as administrators write it. */
export interface FilterInput {
  readonly protocol: string
  readonly ports?: readonly string[] | undefined
}

/** A condition as administrators write it. */
export interface ConditionInput {
  readonly property: string
  readonly operator: string
  readonly values: readonly string[]
}

/** The columns of a resource that administrators write. */
export interface ResourceInput {
  readonly name: string
  readonly type: ResourceType
  readonly address?: string | null | undefined
  readonly addressDescription?: string | null | undefined
  readonly ipStack?: IpStack | null | undefined
  readonly filters?: readonly FilterInput[] | undefined
  /** At least one. */
  readonly siteIds: readonly string[]
}

/** The columns of a policy that administrators write. */
export interface PolicyInput {
  readonly groupId: string
  readonly resourceId: string
  readonly description?: string | null | undefined
  readonly conditions?: readonly ConditionInput[] | undefined
}

/** A token that was made: its text is not stored and can't be shown again. */
export interface NewToken {
  readonly id: string
  readonly text: string
}

/** Some columns, each of which may be left out or `undefined` to stay as it is. */
export type Edit<T> = { readonly [Field in keyof T]?: T[Field] | undefined }

/**
 * What administrators can do. Each method is one transaction: it is stored, and connected peers have their messages
 * queued, when it returns; where it throws an {@link AdminError}, nothing has changed.
 */
export class Admin {
  readonly #context: PortalContext
  readonly #signer: TokenSigner

  /** Made by the portal. */
  constructor(context: PortalContext, signer: TokenSigner) {
    this.#context = context
    this.#signer = signer
  }

  /** Makes an account with its group of everyone, its Internet site and its Internet resource. */
  createAccount(input: { readonly name: string; readonly slug: string }, now: Instant): Account {
    const name = requireText('name', input.name, 3, 64)
    const slug = requireSlug(input.slug)
    this.#requireFreeSlug(slug)
    return this.#write(now, () => {
      const config = { searchDomain: null, upstreamDns: [], disabledAt: null }
      const account = this.#insert('accounts', { name, slug, ...config })
      const accountId = account.id
      this.#insert('groups', { accountId, name: EVERYONE, managed: true })
      const site = this.#insert('sites', { accountId, name: INTERNET, system: true })
      const internet = {
        type: 'internet',
        address: null,
        addressDescription: null,
        ipStack: null,
        filters: [],
      } as const
      const resource = this.#insert('resources', { accountId, name: INTERNET, ...internet })
      this.#insert('connections', { accountId, resourceId: resource.id, siteId: site.id })
      return account
    })
  }

  /** Changes an account. A disabled one loses all access. */
  updateAccount(
    id: string,
    edit: Edit<{
      name: string
      slug: string
      searchDomain: string | null
      upstreamDns: readonly string[]
      disabled: boolean
    }>,
    now: Instant,
  ): Account {
    const account = this.#require('accounts', id)
    const slug = edit.slug === undefined ? account.slug : requireSlug(edit.slug)
    if (slug !== account.slug) this.#requireFreeSlug(slug)
    const columns: Partial<Account> = {
      slug,
      name: edit.name === undefined ? account.name : requireText('name', edit.name, 3, 64),
      searchDomain: edit.searchDomain === undefined ? account.searchDomain : searchDomainOf(edit.searchDomain),
      upstreamDns: edit.upstreamDns === undefined ? account.upstreamDns : upstreamDnsOf(edit.upstreamDns),
      disabledAt: this.#stamp(account.disabledAt, edit.disabled, now),
    }
    return this.#write(now, () => {
      const updated = this.#context.db.update('accounts', id, columns)
      if (updated.disabledAt !== null) this.#removeFlows('accountId', id)
      return updated
    })
  }

  /** Deletes an account with all that is in it. */
  deleteAccount(id: string, now: Instant): void {
    this.#remove('accounts', id, now)
  }

  /** Makes an actor, who is in the group of everyone at once. */
  createActor(
    input: { accountId: string; type: ActorType; name: string; email?: string | null | undefined },
    now: Instant,
  ): Actor {
    const { accountId, type } = input
    this.#require('accounts', accountId)
    const name = requireText('name', input.name, 1, 512)
    const email = optionalText('email', input.email, 255)
    return this.#write(now, () => {
      const actor = this.#insert('actors', { accountId, type, name, email, disabledAt: null })
      for (const group of this.#context.db.by('groups', 'accountId', accountId)) {
        if (group.managed) this.#insert('memberships', { accountId, groupId: group.id, actorId: actor.id })
      }
      return actor
    })
  }

  /** Changes an actor. Disabling deletes its tokens, which enabling does not bring back. */
  updateActor(
    id: string,
    edit: Edit<{ name: string; email: string | null; type: ActorType; disabled: boolean }>,
    now: Instant,
  ): Actor {
    const actor = this.#require('actors', id)
    const columns: Partial<Actor> = {
      name: edit.name === undefined ? actor.name : requireText('name', edit.name, 1, 512),
      email: edit.email === undefined ? actor.email : optionalText('email', edit.email, 255),
      type: edit.type ?? actor.type,
      disabledAt: this.#stamp(actor.disabledAt, edit.disabled, now),
    }
    if (columns.type !== 'account_admin_user' || columns.disabledAt !== null) this.#requireAnotherAdmin(actor)
    return this.#write(now, () => {
      if (columns.disabledAt !== null) {
        for (const token of this.#context.db.by('tokens', 'actorId', id)) this.#context.db.remove('tokens', token.id)
      }
      return this.#context.db.update('actors', id, columns)
    })
  }

  /** Deletes an actor with its clients and tokens. */
  deleteActor(id: string, now: Instant): void {
    this.#requireAnotherAdmin(this.#require('actors', id))
    this.#remove('actors', id, now)
  }

  /** Makes a group. */
  createGroup(input: { accountId: string; name: string }, now: Instant): Group {
    const { accountId } = input
    this.#require('accounts', accountId)
    const name = this.#freeName('groups', accountId, requireText('name', input.name, 1, 255))
    return this.#write(now, () => this.#insert('groups', { accountId, name, managed: false }))
  }

  /** Renames a group. */
  renameGroup(id: string, name: string, now: Instant): Group {
    const group = this.#requireStatic(id)
    const columns = { name: this.#freeName('groups', group.accountId, requireText('name', name, 1, 255), id) }
    return this.#write(now, () => this.#context.db.update('groups', id, columns))
  }

  /** Deletes a group with its policies. */
  deleteGroup(id: string, now: Instant): void {
    this.#remove('groups', this.#requireStatic(id).id, now)
  }

  /** Puts an actor into a group; harmless if it is in there. */
  addMember(groupId: string, actorId: string, now: Instant): Membership {
    const { accountId } = this.#requireStatic(groupId)
    this.#require('actors', actorId, accountId)
    const known = this.#membership(groupId, actorId)
    return known ?? this.#write(now, () => this.#insert('memberships', { accountId, groupId, actorId }))
  }

  /** Takes an actor out of a group. */
  removeMember(groupId: string, actorId: string, now: Instant): void {
    this.#requireStatic(groupId)
    const membership = this.#membership(groupId, actorId)
    if (membership === undefined) throw notFound('membership', `${groupId}/${actorId}`)
    this.#remove('memberships', membership.id, now)
  }

  /** Makes a site. */
  createSite(input: { accountId: string; name: string }, now: Instant): Site {
    const { accountId } = input
    this.#require('accounts', accountId)
    const name = this.#freeName('sites', accountId, requireText('name', input.name, 1, 64))
    return this.#write(now, () => this.#insert('sites', { accountId, name, system: false }))
  }

  /** Renames a site. */
  renameSite(id: string, name: string, now: Instant): Site {
    const { accountId } = this.#requireOwnSite(id)
    const columns = { name: this.#freeName('sites', accountId, requireText('name', name, 1, 64), id) }
    return this.#write(now, () => this.#context.db.update('sites', id, columns))
  }

  /** Deletes a site with its gateways and tokens. */
  deleteSite(id: string, now: Instant): void {
    this.#remove('sites', this.#requireOwnSite(id).id, now)
  }

  /** Makes a resource. The Internet resource exists from the start. */
  createResource(input: ResourceInput & { accountId: string }, now: Instant): Resource {
    const { accountId, type } = input
    this.#require('accounts', accountId)
    if (type === 'internet') throw new AdminError('PORTAL_INTERNET_RESOURCE', 'an account has one Internet resource')
    const sites = this.#requireSites(input.siteIds, accountId)
    const columns = {
      accountId,
      type,
      name: requireText('name', input.name, 1, 255),
      address: addressOf(type, input.address),
      addressDescription: optionalText('address description', input.addressDescription, 512),
      ipStack: ipStackOf(type, input.ipStack),
      filters: filtersOf(input.filters ?? []),
    }
    return this.#write(now, () => {
      const resource = this.#insert('resources', columns)
      for (const siteId of sites) this.#insert('connections', { accountId, resourceId: resource.id, siteId })
      return resource
    })
  }

  /** Changes a resource. What flows were granted for a former address, type or IP stack ends. */
  updateResource(id: string, edit: Edit<ResourceInput>, now: Instant): Resource {
    const resource = this.#require('resources', id)
    const type = edit.type ?? resource.type
    if (resource.type === 'internet' || type === 'internet') {
      throw new AdminError('PORTAL_INTERNET_RESOURCE', 'the Internet resource stays as it is')
    }
    const sites = edit.siteIds && this.#requireSites(edit.siteIds, resource.accountId)
    const { name, address, addressDescription, ipStack, filters } = edit
    const columns: Partial<Resource> = {
      type,
      name: name === undefined ? resource.name : requireText('name', name, 1, 255),
      address: addressOf(type, address ?? resource.address),
      addressDescription:
        addressDescription === undefined
          ? resource.addressDescription
          : optionalText('address description', addressDescription, 512),
      ipStack: ipStackOf(type, ipStack ?? resource.ipStack),
      filters: filters === undefined ? resource.filters : filtersOf(filters),
    }
    return this.#write(now, () => {
      const updated = this.#context.db.update('resources', id, columns)
      const isBroken =
        updated.address !== resource.address || updated.type !== resource.type || updated.ipStack !== resource.ipStack
      if (isBroken) this.#removeFlows('resourceId', id)
      if (sites !== undefined) this.#connect(updated, sites)
      return updated
    })
  }

  /** Deletes a resource with its policies. */
  deleteResource(id: string, now: Instant): void {
    if (this.#require('resources', id).type === 'internet') {
      throw new AdminError('PORTAL_INTERNET_RESOURCE', 'the Internet resource must stay')
    }
    this.#remove('resources', id, now)
  }

  /** Makes a policy. */
  createPolicy(input: PolicyInput & { accountId: string }, now: Instant): Policy {
    const { accountId, groupId, resourceId } = input
    this.#require('groups', groupId, accountId)
    this.#require('resources', resourceId, accountId)
    this.#requireNoPolicy(groupId, resourceId)
    const description = optionalText('description', input.description, 1024)
    const conditions = conditionsOf(input.conditions ?? [])
    const columns = { accountId, groupId, resourceId, description, conditions, disabledAt: null }
    return this.#write(now, () => this.#insert('policies', columns))
  }

  /** Changes a policy. Flows end where it grants something else, or nothing any more. */
  updatePolicy(id: string, edit: Edit<PolicyInput & { disabled: boolean }>, now: Instant): Policy {
    const policy = this.#require('policies', id)
    const { groupId = policy.groupId, resourceId = policy.resourceId } = edit
    this.#require('groups', groupId, policy.accountId)
    this.#require('resources', resourceId, policy.accountId)
    if (groupId !== policy.groupId || resourceId !== policy.resourceId) this.#requireNoPolicy(groupId, resourceId)
    const columns: Partial<Policy> = {
      groupId,
      resourceId,
      description:
        edit.description === undefined ? policy.description : optionalText('description', edit.description, 1024),
      conditions: edit.conditions === undefined ? policy.conditions : conditionsOf(edit.conditions),
      disabledAt: this.#stamp(policy.disabledAt, edit.disabled, now),
    }
    return this.#write(now, () => {
      const updated = this.#context.db.update('policies', id, columns)
      if (updated.disabledAt !== null || isPolicyReplaced(policy, updated)) this.#removeFlows('policyId', id)
      return updated
    })
  }

  /** Deletes a policy. */
  deletePolicy(id: string, now: Instant): void {
    this.#remove('policies', id, now)
  }

  /**
   * Makes a client token of an actor.
   *
   * @param input.expiresAt - Unix milliseconds, in the future. Relay credentials and flows end with it at the latest.
   * @param input.nonce - Put in front of the token's text by the client itself, so that it is not part of what this
   * returns; for browser sign-in only.
   */
  createClientToken(
    input: { actorId: string; name: string; expiresAt: number; nonce?: string | undefined },
    now: Instant,
  ): NewToken {
    const actor = this.#require('actors', input.actorId)
    if (actor.disabledAt !== null) throw new AdminError('PORTAL_INVALID', 'is disabled', 'actor')
    if (!(input.expiresAt > this.#context.wallClock(now)) || !Number.isSafeInteger(input.expiresAt)) {
      throw new AdminError('PORTAL_INVALID', 'must be in the future', 'expiry')
    }
    const nonce = input.nonce ?? ''
    if (nonce.includes('.') || nonce.length > 128) throw new AdminError('PORTAL_INVALID', 'is not a nonce', 'nonce')
    return this.#createToken('client', { ...input, nonce, accountId: actor.accountId, actorId: actor.id }, now)
  }

  /** Makes a token that any number of gateways of a site can use. */
  createGatewayToken(
    input: { siteId: string; name: string; expiresAt?: number | null | undefined },
    now: Instant,
  ): NewToken {
    const site = this.#require('sites', input.siteId)
    return this.#createToken('gateway_group', { ...input, accountId: site.accountId, siteId: site.id }, now)
  }

  /** Makes a token that any number of relays can use. */
  createRelayToken(input: { name: string; expiresAt?: number | null | undefined }, now: Instant): NewToken {
    return this.#createToken('relay_group', input, now)
  }

  /** Deletes a token. Who is connected with it is cut off. */
  deleteToken(id: string, now: Instant): void {
    this.#remove('tokens', id, now)
  }

  /** Renames a client. */
  renameClient(id: string, name: string, now: Instant): Client {
    this.#require('clients', id)
    const columns = { name: requireText('name', name, 1, 255) }
    return this.#write(now, () => this.#context.db.update('clients', id, columns))
  }

  /** Vouches for a client, or takes that back, which ends its flows. */
  setClientVerified(id: string, verified: boolean, now: Instant): Client {
    const client = this.#require('clients', id)
    const verifiedAt = this.#stamp(client.verifiedAt, verified, now)
    return this.#write(now, () => {
      const updated = this.#context.db.update('clients', id, { verifiedAt })
      if (!verified) this.#removeFlows('clientId', id)
      return updated
    })
  }

  /** Deletes a client's row; the device gets a new one when it comes back. */
  deleteClient(id: string, now: Instant): void {
    this.#remove('clients', id, now)
  }

  /** Deletes a gateway's row; the gateway gets a new one when it comes back. */
  deleteGateway(id: string, now: Instant): void {
    this.#remove('gateways', id, now)
  }

  /** Deletes a relay's row and cuts it off. It comes back if it is started again. */
  deleteRelay(id: string, now: Instant): void {
    this.#remove('relays', id, now)
  }

  #createToken(
    type: TokenType,
    input: {
      name: string
      nonce?: string
      accountId?: string
      actorId?: string
      siteId?: string
      expiresAt?: number | null | undefined
    },
    now: Instant,
  ): NewToken {
    const name = requireText('name', input.name, 1, 255)
    const { random } = this.#context
    const createdAt = this.#context.wallClock(now)
    const secret = this.#signer.freshSecret(random)
    const { nonce = '' } = input
    const columns = {
      accountId: input.accountId ?? null,
      type,
      actorId: input.actorId ?? null,
      siteId: input.siteId ?? null,
      name,
      ...this.#signer.digest({ nonce, secret }, random),
      expiresAt: input.expiresAt ?? null,
      remainingAttempts: null,
      lastUsedAt: null,
      createdAt,
    }
    const token: Token = this.#write(now, () => this.#insert('tokens', columns))
    const claims = { account: input.accountId, token: token.id, nonce: '', secret }
    return { id: token.id, text: this.#signer.sign(type, claims, Math.floor(createdAt)) }
  }

  #connect(resource: Resource, siteIds: readonly string[]): void {
    const { db } = this.#context
    const known = db.by('connections', 'resourceId', resource.id)
    const { accountId, id: resourceId } = resource
    for (const siteId of siteIds) {
      if (!known.some(connection => connection.siteId === siteId)) {
        this.#insert('connections', { accountId, resourceId, siteId })
      }
    }
    for (const connection of known) if (!siteIds.includes(connection.siteId)) this.#disconnect(connection)
  }

  #disconnect(connection: { id: string; resourceId: string; siteId: string }): void {
    const { db } = this.#context
    db.remove('connections', connection.id)
    for (const flow of db.by('flows', 'resourceId', connection.resourceId)) {
      if (db.get('gateways', flow.gatewayId)?.siteId === connection.siteId) db.remove('flows', flow.id)
    }
  }

  #removeFlows(column: 'accountId' | 'resourceId' | 'policyId' | 'clientId', id: string): void {
    for (const flow of this.#context.db.by('flows', column, id)) this.#context.db.remove('flows', flow.id)
  }

  #write<R>(now: Instant, work: () => R): R {
    return this.#context.write(now, work)
  }

  #insert<T extends TableName>(table: T, columns: Omit<Tables[T], 'id'>): Tables[T] {
    return this.#context.db.insert(table, { id: randomUuid(this.#context.random), ...columns } as Tables[T])
  }

  #remove(table: TableName, id: string, now: Instant): void {
    this.#require(table, id)
    this.#write(now, () => this.#context.db.remove(table, id))
  }

  #require<T extends TableName>(table: T, id: string, accountId?: string): Tables[T] {
    const row = this.#context.db.get(table, id)
    if (row === undefined) throw notFound(table, id)
    if (accountId !== undefined && 'accountId' in row && row.accountId !== accountId) throw notFound(table, id)
    return row
  }

  #requireStatic(id: string): Group {
    const group = this.#require('groups', id)
    if (group.managed) throw new AdminError('PORTAL_MANAGED_GROUP', `the group ${group.name} is managed by the portal`)
    return group
  }

  #requireOwnSite(id: string): Site {
    const site = this.#require('sites', id)
    if (site.system) throw new AdminError('PORTAL_INTERNET_RESOURCE', 'the site of the Internet resource must stay')
    return site
  }

  #requireSites(ids: readonly string[], accountId: string): string[] {
    if (ids.length === 0) throw new AdminError('PORTAL_INVALID', 'at least one is needed', 'sites')
    return [...new Set(ids)].map(id => {
      const site = this.#require('sites', id, accountId)
      if (site.system) throw new AdminError('PORTAL_INVALID', 'this site is for the Internet resource only', 'sites')
      return id
    })
  }

  #requireFreeSlug(slug: string): void {
    if (this.#context.db.all('accounts').some(account => account.slug === slug)) throw conflict('slug')
  }

  #requireNoPolicy(groupId: string, resourceId: string): void {
    const known = this.#context.db.by('policies', 'groupId', groupId)
    if (known.some(policy => policy.resourceId === resourceId)) {
      throw new AdminError('PORTAL_CONFLICT', 'a policy for this group and resource already exists')
    }
  }

  #requireAnotherAdmin(actor: Actor): void {
    if (!isActiveAdmin(actor)) return
    const others = this.#context.db.by('actors', 'accountId', actor.accountId).filter(isActiveAdmin)
    if (others.length < 2) throw new AdminError('PORTAL_LAST_ADMIN', 'the last administrator must stay')
  }

  #freeName(table: 'groups' | 'sites', accountId: string, name: string, except?: string): string {
    const rows: readonly (Group | Site)[] = this.#context.db.by(table, 'accountId', accountId)
    if (rows.some(row => row.name === name && row.id !== except)) throw conflict('name')
    return name
  }

  #membership(groupId: string, actorId: string): Membership | undefined {
    return this.#context.db.by('memberships', 'groupId', groupId).find(membership => membership.actorId === actorId)
  }

  #stamp(at: number | null, isSet: boolean | undefined, now: Instant): number | null {
    if (isSet === undefined) return at
    return isSet ? (at ?? this.#context.wallClock(now)) : null
  }
}

const isActiveAdmin = (actor: Actor): boolean => actor.type === 'account_admin_user' && actor.disabledAt === null
const notFound = (what: string, id: string): AdminError => new AdminError('PORTAL_NOT_FOUND', `no ${id} in ${what}`)
const conflict = (field: string): AdminError => new AdminError('PORTAL_CONFLICT', 'is taken', field)
