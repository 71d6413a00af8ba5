import { type ConditionProperty, type ConditionSubject, evaluateCondition } from './condition.ts'
import { type ClientResourceView, clientView } from './resource-view.ts'
import type { Client, Membership, Policy, Site } from './row.ts'
import type { Version } from './version.ts'
import type { WorkingSet } from './working-set.ts'

/** Whether a policy lets a client in right now. */
type PolicyVerdict =
  /** `until` is Unix milliseconds, infinity where no condition ends it. */
  | { readonly type: 'conforms'; readonly until: number }
  | { readonly type: 'violated'; readonly properties: readonly ConditionProperty[] }

/** Whether, by what and until when a client may reach a resource. */
export type Grant =
  | { readonly type: 'granted'; readonly policy: Policy; readonly membership: Membership; readonly until: number }
  | { readonly type: 'forbidden'; readonly violated: readonly ConditionProperty[] }
  /** No policy speaks of this client and resource. */
  | { readonly type: 'none' }

/** Evaluates all conditions of a policy, which must all hold; it ends with the first of them to end. */
function evaluatePolicy(policy: Policy, subject: ConditionSubject, now: number): PolicyVerdict {
  let until = Number.POSITIVE_INFINITY
  const violated = new Set<ConditionProperty>()
  for (const condition of policy.conditions) {
    const verdict = evaluateCondition(condition, subject, now)
    if (verdict.holds) until = Math.min(until, verdict.until)
    else violated.add(condition.property)
  }
  return violated.size > 0 ? { type: 'violated', properties: [...violated] } : { type: 'conforms', until }
}

/** Returns the client as conditions see it. */
const conditionSubject = (client: Client): ConditionSubject => ({
  region: client.lastSeen.region ?? undefined,
  remoteIp: client.lastSeen.remoteIp,
  providerId: undefined,
  isVerified: client.verifiedAt !== null,
})

/** Returns the grant that lasts longest among the policies for this client and resource. `now` is Unix milliseconds. */
export function findGrant(db: WorkingSet, client: Client, resourceId: string, now: number): Grant {
  const subject = conditionSubject(client)
  const violated = new Set<ConditionProperty>()
  let longest: Extract<Grant, { type: 'granted' }> | undefined
  let found = false
  for (const [policy, membership] of policiesOf(db, client)) {
    if (policy.resourceId !== resourceId) continue
    found = true
    const verdict = evaluatePolicy(policy, subject, now)
    if (verdict.type === 'violated') for (const property of verdict.properties) violated.add(property)
    else if (longest === undefined || verdict.until > longest.until) {
      longest = { type: 'granted', policy, membership, until: verdict.until }
    }
  }
  if (longest !== undefined) return longest
  return found ? { type: 'forbidden', violated: [...violated] } : { type: 'none' }
}

/**
 * Returns all resources that a client may reach right now, as it gets to see them, by id.
 *
 * @param ignored - Ids of policies to leave out.
 */
export function connectableResources(
  db: WorkingSet,
  client: Client,
  version: Version | undefined,
  now: number,
  ignored?: ReadonlySet<string>,
): Map<string, ClientResourceView> {
  const views = new Map<string, ClientResourceView>()
  if (version === undefined) return views
  const subject = conditionSubject(client)
  for (const [policy] of policiesOf(db, client)) {
    if (views.has(policy.resourceId) || ignored?.has(policy.id)) continue
    if (evaluatePolicy(policy, subject, now).type === 'violated') continue
    const sites = sitesOf(db, policy.resourceId)
    const view = sites.length === 0 ? undefined : clientView(db.get('resources', policy.resourceId)!, sites, version)
    if (view !== undefined) views.set(policy.resourceId, view)
  }
  return views
}

/** Returns the sites through which a resource is reached. */
export const sitesOf = (db: WorkingSet, resourceId: string): Site[] =>
  db.by('connections', 'resourceId', resourceId).map(({ siteId }) => db.get('sites', siteId)!)

/** Walks the enabled policies of the groups that a client's actor is in. A disabled account or actor has none. */
function* policiesOf(db: WorkingSet, client: Client): Generator<[Policy, Membership]> {
  if (db.get('accounts', client.accountId)?.disabledAt !== null) return
  if (db.get('actors', client.actorId)?.disabledAt !== null) return
  for (const membership of db.by('memberships', 'actorId', client.actorId)) {
    for (const policy of db.by('policies', 'groupId', membership.groupId)) {
      if (policy.disabledAt === null) yield [policy, membership]
    }
  }
}
