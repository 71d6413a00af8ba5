import type { Instant } from '@sallyport/sans-io'
import { type PortalContext, unixSeconds } from './context.ts'
import type { RelayBoard } from './relay-board.ts'
import { gatewayView } from './resource-view.ts'
import type { Resource } from './row.ts'
import type { GatewaySession } from './session.ts'

/** What gateways are told of themselves: their interface and the authorizations that they serve. */
export class GatewayChannel {
  readonly #context: PortalContext
  readonly #relays: RelayBoard

  constructor(context: PortalContext, relays: RelayBoard) {
    this.#context = context
    this.#relays = relays
  }

  /** Sends what a gateway starts from, and what was taken back while it was away. */
  sendInit(session: GatewaySession, now: Instant): void {
    const { db } = this.#context
    const wallClock = this.#context.wallClock(now)
    const gateway = db.get('gateways', session.id)!
    this.#context.send(session.peer, 'init', {
      interface: { ipv4: gateway.ipv4, ipv6: gateway.ipv6 },
      relays: this.#relays.assign(session),
      account_slug: db.get('accounts', session.accountId)!.slug,
      authorizations: this.#authorizations(session.id, wallClock),
      config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
    })
    // The authorizations above say nothing about clients that have none left, so these are told one by one.
    const revocations = db.by('revocations', 'gatewayId', session.id)
    if (revocations.length === 0) return
    for (const { clientId, resourceId, expiresAt } of revocations) {
      if (expiresAt <= wallClock) continue
      this.#context.send(session.peer, 'reject_access', { client_id: clientId, resource_id: resourceId })
    }
    this.#context.write(now, () => revocations.forEach(({ id }) => void db.remove('revocations', id)))
  }

  /** Sends a resource whose filters changed, unless the gateway is too old for it. */
  sendResource(session: GatewaySession, resource: Resource): void {
    const view = session.version && gatewayView(resource, session.version)
    if (view !== undefined) this.#context.send(session.peer, 'resource_updated', view)
  }

  #authorizations(gatewayId: string, wallClock: number): object[] {
    const latest = new Map<string, { client_id: string; resource_id: string; expires_at: number }>()
    for (const flow of this.#context.db.by('flows', 'gatewayId', gatewayId)) {
      if (flow.expiresAt <= wallClock) continue
      const key = `${flow.clientId}/${flow.resourceId}`
      const expiresAt = unixSeconds(flow.expiresAt)
      if ((latest.get(key)?.expires_at ?? -1) >= expiresAt) continue
      latest.set(key, { client_id: flow.clientId, resource_id: flow.resourceId, expires_at: expiresAt })
    }
    return [...latest.values()]
  }
}
