import type { Instant } from '@sallyport/sans-io'
import type { PortalContext } from './context.ts'
import { connectableResources } from './entitlement.ts'
import type { RelayBoard } from './relay-board.ts'
import type { ClientResourceView } from './resource-view.ts'
import type { Client } from './row.ts'
import type { ClientSession } from './session.ts'

/** What clients are told of themselves: their interface and the resources that they may reach. */
export class ClientChannel {
  readonly #context: PortalContext
  readonly #relays: RelayBoard

  constructor(context: PortalContext, relays: RelayBoard) {
    this.#context = context
    this.#relays = relays
  }

  /** Sends what a client starts from, and ends the flows that its policies no longer carry. */
  sendInit(session: ClientSession, now: Instant): void {
    const { db } = this.#context
    const client = db.get('clients', session.id)!
    session.connectable = connectableResources(db, client, session.version, this.#context.wallClock(now))
    this.#context.send(session.peer, 'init', {
      interface: this.#interface(client),
      resources: [...session.connectable.values()],
      relays: this.#relays.assign(session),
    })
    const stale = db.by('flows', 'clientId', client.id).filter(flow => !session.connectable.has(flow.resourceId))
    if (stale.length > 0) this.#context.write(now, () => stale.forEach(flow => void db.remove('flows', flow.id)))
  }

  /** Sends the interface anew. */
  sendConfig(session: ClientSession): void {
    const client = this.#context.db.get('clients', session.id)!
    this.#context.send(session.peer, 'config_changed', { interface: this.#interface(client) })
  }

  /**
   * Sends how the list of resources differs from what the client was told last.
   *
   * A resource whose sites changed is deleted and created, because clients can't move it; so is one that was granted by
   * a policy in `replaced` only, because gateways have forgotten its flows.
   */
  sendDifference(session: ClientSession, replaced: ReadonlySet<string>, now: Instant): void {
    const { db } = this.#context
    const client = db.get('clients', session.id)
    if (client === undefined) return
    const wallClock = this.#context.wallClock(now)
    const before = session.connectable
    const after = connectableResources(db, client, session.version, wallClock)
    const lasting = replaced.size === 0 ? after : connectableResources(db, client, session.version, wallClock, replaced)
    const deleted: string[] = []
    const updated: ClientResourceView[] = []
    for (const [id, old] of before) {
      const view = after.get(id)
      if (view === undefined || !isEqual(old.gateway_groups, view.gateway_groups) || !lasting.has(id)) deleted.push(id)
    }
    for (const [id, view] of after) {
      if (deleted.includes(id) || !isEqual(before.get(id), view)) updated.push(view)
    }
    session.connectable = after
    for (const id of deleted) this.#context.send(session.peer, 'resource_deleted', id)
    for (const view of updated) this.#context.send(session.peer, 'resource_created_or_updated', view)
  }

  #interface(client: Client): object {
    const account = this.#context.db.get('accounts', client.accountId)!
    return {
      ipv4: client.ipv4,
      ipv6: client.ipv6,
      upstream_dns: account.upstreamDns.map(address => ({ protocol: 'ip_port', address })),
      search_domain: account.searchDomain,
    }
  }
}

/** Views are made by one function, so equal ones have equal texts. */
const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
