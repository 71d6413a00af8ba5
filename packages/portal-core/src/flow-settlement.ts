import type { Random } from '@sallyport/sans-io'
import { unixSeconds } from './context.ts'
import { findGrant } from './entitlement.ts'
import type { Flow } from './row.ts'
import type { Change } from './store.ts'
import { randomUuid } from './uuid.ts'
import type { WorkingSet } from './working-set.ts'

/** A message to a gateway that a change of authorizations calls for. */
export interface GatewayNotice {
  readonly gatewayId: string
  readonly event: 'reject_access' | 'access_authorization_expiry_updated'
  readonly payload: object
}

/** What settling needs. */
export interface Settlement {
  readonly db: WorkingSet
  readonly random: Random
  /** Unix milliseconds. */
  readonly wallClock: number
  /** Whether a gateway can be told right now. */
  isOnline(gatewayId: string): boolean
}

/**
 * Finds out what the deletion of flows means for the gateways that know them.
 *
 * Where others remain for the same client and resource, or another policy still grants it, access goes on with a new
 * expiry, so that removing one of two equivalent policies cuts nothing. Otherwise it is rejected: at once where the
 * gateway is online, else when it is back, for which a row is kept.
 *
 * Runs in the transaction that deleted them.
 */
export function settleFlows(changes: readonly Change[], settlement: Settlement): GatewayNotice[] {
  const { db, wallClock } = settlement
  const notices: GatewayNotice[] = []
  const broken = brokenResources(changes)
  for (const flow of deletedPairs(changes)) {
    if (flow.expiresAt <= wallClock || db.get('gateways', flow.gatewayId) === undefined) continue
    const pair = { client_id: flow.clientId, resource_id: flow.resourceId }
    const { gatewayId } = flow
    const until = broken.has(flow.resourceId)
      ? undefined
      : (latestExpiry(flow, settlement) ?? reauthorize(flow, settlement))
    if (until === undefined) {
      notices.push({ gatewayId, event: 'reject_access', payload: pair })
      if (!settlement.isOnline(gatewayId)) rememberRevocation(flow, settlement)
    } else {
      const payload = { ...pair, expires_at: unixSeconds(until) }
      notices.push({ gatewayId, event: 'access_authorization_expiry_updated', payload })
    }
  }
  return notices
}

/** Returns of all deleted flows the longest-lived one of each gateway, client and resource. */
function deletedPairs(changes: readonly Change[]): Flow[] {
  const pairs = new Map<string, Flow>()
  for (const change of changes) {
    if (change.table !== 'flows' || change.old === undefined || change.new !== undefined) continue
    const key = `${change.old.gatewayId}/${change.old.clientId}/${change.old.resourceId}`
    const known = pairs.get(key)
    if (known === undefined || known.expiresAt < change.old.expiresAt) pairs.set(key, change.old)
  }
  return [...pairs.values()]
}

/** Returns the ids of the resources that are no longer what flows were granted for. */
function brokenResources(changes: readonly Change[]): Set<string> {
  const ids = new Set<string>()
  for (const { table, old, new: row } of changes) {
    if (table !== 'resources' || old === undefined) continue
    if (row === undefined || old.address !== row.address || old.type !== row.type || old.ipStack !== row.ipStack) {
      ids.add(old.id)
    }
  }
  return ids
}

function latestExpiry(flow: Flow, { db, wallClock }: Settlement): number | undefined {
  let latest: number | undefined
  for (const other of db.by('flows', 'gatewayId', flow.gatewayId)) {
    if (other.clientId !== flow.clientId || other.resourceId !== flow.resourceId) continue
    if (other.expiresAt > wallClock && other.expiresAt > (latest ?? 0)) latest = other.expiresAt
  }
  return latest
}

/** Grants the same access anew if a policy allows it; returns its expiry. */
function reauthorize(flow: Flow, { db, random, wallClock }: Settlement): number | undefined {
  const client = db.get('clients', flow.clientId)
  const gateway = db.get('gateways', flow.gatewayId)
  const token = db.get('tokens', flow.tokenId)
  if (client === undefined || gateway === undefined || token === undefined) return undefined
  if (token.expiresAt !== null && token.expiresAt <= wallClock) return undefined
  const reachesSite = db
    .by('connections', 'resourceId', flow.resourceId)
    .some(connection => connection.siteId === gateway.siteId)
  if (!reachesSite) return undefined

  const grant = findGrant(db, client, flow.resourceId, wallClock)
  if (grant.type !== 'granted') return undefined
  const expiresAt = Math.min(grant.until, flow.expiresAt)
  const columns = { policyId: grant.policy.id, membershipId: grant.membership.id, expiresAt, insertedAt: wallClock }
  db.insert('flows', { ...flow, ...columns, id: randomUuid(random) })
  return expiresAt
}

function rememberRevocation(flow: Flow, { db, random }: Settlement): void {
  const { accountId, gatewayId, clientId, resourceId, expiresAt } = flow
  db.insert('revocations', { id: randomUuid(random), accountId, gatewayId, clientId, resourceId, expiresAt })
}
