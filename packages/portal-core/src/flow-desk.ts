import { add, type Instant, type Millis, parseBase64, seconds } from '@sallyport/sans-io'
import { connectionSecrets } from './connection-secrets.ts'
import { type PortalContext, unixSeconds } from './context.ts'
import { findGrant, type Grant, sitesOf } from './entitlement.ts'
import { chooseGateway } from './gateway-choice.ts'
import { gatewayView } from './resource-view.ts'
import type { Flow, Resource } from './row.ts'
import type { ClientSession, GatewaySession, PeerId } from './session.ts'
import { randomUuid } from './uuid.ts'

/** How long a gateway has to answer before the client is told that it is offline. */
export const GATEWAY_ANSWER_TIMEOUT: Millis = seconds(15)

interface PendingFlow {
  readonly ref: string
  readonly client: PeerId
  readonly gateway: PeerId
  readonly gatewayId: string
  readonly resourceId: string
  readonly connectedGatewayIds: ReadonlySet<string>
  readonly answer: unknown
}

/** Where clients ask for access and gateways say that they granted it. */
export class FlowDesk {
  readonly #context: PortalContext
  readonly #pending = new Map<string, PendingFlow>()

  constructor(context: PortalContext) {
    this.#context = context
  }

  /** A client asks for access to a resource. */
  create(client: ClientSession, resourceId: string, connectedGatewayIds: ReadonlySet<string>, now: Instant): void {
    const { db } = this.#context
    const row = db.get('clients', client.id)
    const resource = client.connectable.has(resourceId) ? db.get('resources', resourceId) : undefined
    if (row === undefined || resource === undefined) {
      this.#fail(client, resourceId, 'not_found')
      return
    }
    const grant = findGrant(db, row, resourceId, this.#context.wallClock(now))
    if (grant.type !== 'granted') {
      if (grant.type === 'none') this.#fail(client, resourceId, 'not_found')
      else this.#fail(client, resourceId, 'forbidden', grant.violated)
      return
    }
    const gateway = this.#choose(client, resource, connectedGatewayIds)
    if (gateway === undefined) {
      this.#fail(client, resourceId, 'offline')
      return
    }
    const flow = this.#insertFlow(client, gateway, resourceId, grant, now)
    this.#authorize(client, gateway, flow, connectedGatewayIds, now)
  }

  /** A gateway says that it let a client in. Returns whether it had been asked to. */
  authorized(gateway: GatewaySession, ref: string): boolean {
    const pending = this.#pending.get(ref)
    if (pending === undefined || pending.gatewayId !== gateway.id) return false
    this.#drop(pending)
    this.#context.send(pending.client, 'flow_created', pending.answer)
    return true
  }

  /** A gateway has not answered in time. */
  timedOut(ref: string): void {
    const pending = this.#pending.get(ref)
    if (pending === undefined) return
    this.#drop(pending)
    const client = this.#context.sessions.get(pending.client)
    if (client?.role === 'client') this.#fail(client, pending.resourceId, 'offline')
  }

  /** Forgets what a client that left had asked for. */
  clientLeft(client: ClientSession): void {
    for (const pending of [...this.#pending.values()]) if (pending.client === client.peer) this.#drop(pending)
  }

  /** Looks for another gateway for everybody whom one that left has not answered. */
  gatewayLeft(gateway: GatewaySession, now: Instant): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.gateway !== gateway.peer) continue
      this.#drop(pending)
      const client = this.#context.sessions.get(pending.client)
      if (client?.role !== 'client') continue
      try {
        this.create(client, pending.resourceId, pending.connectedGatewayIds, now)
      } catch (error) {
        // Nobody is to blame who could be told: the client asks again.
        this.#context.logger.error({ error }, 'another gateway could not be authorized')
        this.#fail(client, pending.resourceId, 'offline')
      }
    }
  }

  #choose(
    client: ClientSession,
    resource: Resource,
    connectedGatewayIds: ReadonlySet<string>,
  ): GatewaySession | undefined {
    const { db, sessions, random } = this.#context
    const siteIds = new Set(sitesOf(db, resource.id).map(site => site.id))
    const online = newestOfEach(sessions.joined('gateway', client.accountId))
    const candidates = online.filter(
      ({ siteId, version }) => siteIds.has(siteId) && version && gatewayView(resource, version) !== undefined,
    )
    const { version: clientVersion, coordinates } = client
    return chooseGateway(candidates, { clientVersion: clientVersion!, coordinates, connectedGatewayIds }, random)
  }

  #insertFlow(
    client: ClientSession,
    gateway: GatewaySession,
    resourceId: string,
    grant: Extract<Grant, { type: 'granted' }>,
    now: Instant,
  ): Flow {
    const { db, random } = this.#context
    const wallClock = this.#context.wallClock(now)
    const columns = {
      accountId: client.accountId,
      clientId: client.id,
      gatewayId: gateway.id,
      resourceId,
      policyId: grant.policy.id,
      membershipId: grant.membership.id,
      tokenId: client.tokenId,
      clientRemoteIp: client.remoteIp,
      clientUserAgent: client.userAgent,
      gatewayRemoteIp: gateway.remoteIp,
      expiresAt: Math.min(grant.until, client.expiresAt),
    }
    // A client that asks again gets the row it has, so that asking costs no storage.
    const same = db.by('flows', 'clientId', client.id).find(flow => isEqualIn(flow, columns))
    if (same !== undefined) return same
    return this.#context.write(now, () => {
      for (const revocation of db.by('revocations', 'gatewayId', gateway.id)) {
        if (revocation.clientId === client.id && revocation.resourceId === resourceId) {
          db.remove('revocations', revocation.id)
        }
      }
      return db.insert('flows', { id: randomUuid(random), ...columns, insertedAt: wallClock })
    })
  }

  #authorize(
    client: ClientSession,
    gateway: GatewaySession,
    flow: Flow,
    connectedGatewayIds: ReadonlySet<string>,
    now: Instant,
  ): void {
    const { db, crypto, timers, random } = this.#context
    const clientRow = db.get('clients', client.id)!
    const gatewayRow = db.get('gateways', gateway.id)!
    // The keys are those of the two sessions, not of the rows: another process of the device may be about to join.
    const secrets = connectionSecrets(
      crypto,
      { id: client.id, publicKey: client.publicKey, pskBase: parseBase64(clientRow.pskBase)! },
      { id: gateway.id, publicKey: gateway.publicKey, pskBase: parseBase64(gatewayRow.pskBase)! },
    )
    const credentials = {
      client_ice_credentials: secrets.clientIce,
      gateway_ice_credentials: secrets.gatewayIce,
    }
    const answer = {
      resource_id: flow.resourceId,
      gateway_id: gateway.id,
      gateway_group_id: gateway.siteId,
      gateway_public_key: gateway.publicKey,
      gateway_ipv4: gatewayRow.ipv4,
      gateway_ipv6: gatewayRow.ipv6,
      preshared_key: secrets.presharedKey,
      ...credentials,
    }
    const again = [...this.#pending.values()].find(
      ({ client: peer, resourceId }) => peer === client.peer && resourceId === flow.resourceId,
    )
    if (again !== undefined) this.#drop(again)
    const ref = again?.gateway === gateway.peer ? again.ref : randomUuid(random)
    const pending = {
      ref,
      client: client.peer,
      gateway: gateway.peer,
      gatewayId: gateway.id,
      resourceId: flow.resourceId,
    }
    this.#pending.set(ref, { ...pending, connectedGatewayIds, answer })
    timers.set(`flow:${ref}`, add(now, GATEWAY_ANSWER_TIMEOUT))
    this.#context.send(gateway.peer, 'authorize_flow', {
      ref,
      resource: gatewayView(db.get('resources', flow.resourceId)!, gateway.version!),
      client: {
        id: client.id,
        public_key: client.publicKey,
        preshared_key: secrets.presharedKey,
        ipv4: clientRow.ipv4,
        ipv6: clientRow.ipv6,
      },
      ...credentials,
      expires_at: unixSeconds(flow.expiresAt),
    })
  }

  #drop(pending: PendingFlow): void {
    this.#pending.delete(pending.ref)
    this.#context.timers.stop(`flow:${pending.ref}`)
  }

  #fail(client: ClientSession, resourceId: string, reason: string, violated?: readonly string[]): void {
    const properties = violated === undefined ? {} : { violated_properties: violated }
    this.#context.send(client.peer, 'flow_creation_failed', { resource_id: resourceId, reason, ...properties })
  }
}

function newestOfEach(sessions: readonly GatewaySession[]): GatewaySession[] {
  return [...new Map(sessions.map(session => [session.id, session])).values()]
}

function isEqualIn<T extends object>(row: T, columns: Partial<T>): boolean {
  return Object.entries(columns).every(([column, value]) => (row as Record<string, unknown>)[column] === value)
}
