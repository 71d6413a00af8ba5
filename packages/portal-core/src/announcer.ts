import type { Instant } from '@sallyport/sans-io'
import type { ClientChannel } from './client-channel.ts'
import type { PortalContext } from './context.ts'
import type { GatewayNotice } from './flow-settlement.ts'
import type { GatewayChannel } from './gateway-channel.ts'
import type { Policy } from './row.ts'
import type { PeerId } from './session.ts'
import type { Change, ChangeOf } from './store.ts'

/** Why the portal ends a session. */
export type EndReason =
  /** The token was deleted or has expired: the peer gives up. */
  | 'token-expired'
  /** The device's row was deleted: the peer comes back and gets a new one. */
  | 'deleted'

/** Tells connected peers what a transaction changed for them. */
export class Announcer {
  readonly #context: PortalContext
  readonly #clients: ClientChannel
  readonly #gateways: GatewayChannel
  readonly #end: (peer: PeerId, reason: EndReason, now: Instant) => void

  constructor(
    context: PortalContext,
    clients: ClientChannel,
    gateways: GatewayChannel,
    end: (peer: PeerId, reason: EndReason, now: Instant) => void,
  ) {
    this.#context = context
    this.#clients = clients
    this.#gateways = gateways
    this.#end = end
  }

  /** Gateways hear first what they must no longer let through, then clients what they may reach. */
  announce(changes: readonly Change[], notices: readonly GatewayNotice[], now: Instant): void {
    this.#endSessions(changes, now)
    for (const { gatewayId, event, payload } of notices) {
      for (const session of this.#context.sessions.joinedOf('gateway', gatewayId)) {
        this.#context.send(session.peer, event, payload)
      }
    }
    for (const change of changes) {
      if (change.table === 'accounts') this.#accountChanged(change, now)
      if (change.table === 'resources') this.#resourceChanged(change)
    }
    this.#refreshClients(changes, now)
  }

  #endSessions(changes: readonly Change[], now: Instant): void {
    const deleted = new Map<string, EndReason>()
    for (const { table, old, new: row } of changes) {
      if (row !== undefined) continue
      if (table === 'tokens' || table === 'relays') deleted.set(old!.id, 'token-expired')
      if (table === 'clients' || table === 'gateways') deleted.set(old!.id, 'deleted')
    }
    if (deleted.size === 0) return
    for (const session of this.#context.sessions.all()) {
      const reason = deleted.get(session.tokenId) ?? deleted.get(session.id)
      if (reason !== undefined) this.#end(session.peer, reason, now)
    }
  }

  #accountChanged({ old, new: account }: ChangeOf<'accounts'>, now: Instant): void {
    if (old === undefined || account === undefined) return
    const { sessions } = this.#context
    if (old.slug !== account.slug) {
      for (const session of sessions.joined('gateway', account.id)) this.#gateways.sendInit(session, now)
    }
    const isConfigEqual =
      old.searchDomain === account.searchDomain && old.upstreamDns.join() === account.upstreamDns.join()
    if (isConfigEqual) return
    for (const session of sessions.joined('client', account.id)) this.#clients.sendConfig(session)
  }

  /** Gateways without flows for the resource ignore this. A changed address is told as rejected access instead. */
  #resourceChanged({ old, new: resource }: ChangeOf<'resources'>): void {
    if (old === undefined || resource === undefined) return
    if (old.address !== resource.address || old.type !== resource.type || old.ipStack !== resource.ipStack) return
    if (JSON.stringify(old.filters) === JSON.stringify(resource.filters)) return
    for (const session of this.#context.sessions.joined('gateway', resource.accountId)) {
      this.#gateways.sendResource(session, resource)
    }
  }

  #refreshClients(changes: readonly Change[], now: Instant): void {
    const concerned = concernedClients(changes)
    if (concerned === undefined) return
    const { db, sessions } = this.#context
    for (const session of sessions.joined('client')) {
      const actorId = db.get('clients', session.id)?.actorId
      if ([session.accountId, session.id, actorId].some(id => id !== undefined && concerned.ids.has(id))) {
        this.#clients.sendDifference(session, concerned.replaced, now)
      }
    }
  }
}

/**
 * Returns whose lists of resources the changes may alter, by the ids of accounts, actors and clients, and which policies
 * were replaced; `undefined` if nobody's, as when a gateway connects.
 */
function concernedClients(changes: readonly Change[]): { ids: Set<string>; replaced: Set<string> } | undefined {
  const ids = new Set<string>()
  const replaced = new Set<string>()
  for (const change of changes) {
    switch (change.table) {
      case 'accounts':
      case 'actors':
      case 'clients':
        ids.add((change.new ?? change.old!).id)
        break
      case 'memberships':
        ids.add((change.new ?? change.old!).actorId)
        break
      case 'policies':
        if (isReplaced(change)) replaced.add(change.new!.id)
        ids.add((change.new ?? change.old!).accountId)
        break
      case 'sites':
      case 'resources':
      case 'connections':
        ids.add((change.new ?? change.old!).accountId)
        break
      case 'groups':
      case 'gateways':
      case 'tokens':
      case 'flows':
      case 'revocations':
      case 'relays':
        break
    }
  }
  return ids.size > 0 ? { ids, replaced } : undefined
}

/** Returns whether a policy became another one, so that the flows it granted were deleted. */
function isReplaced({ old, new: policy }: ChangeOf<'policies'>): boolean {
  return old !== undefined && policy !== undefined && isPolicyReplaced(old, policy)
}

/** Returns whether the two are different in what they grant to whom. */
export const isPolicyReplaced = (old: Policy, policy: Policy): boolean =>
  old.groupId !== policy.groupId ||
  old.resourceId !== policy.resourceId ||
  JSON.stringify(old.conditions) !== JSON.stringify(policy.conditions)
