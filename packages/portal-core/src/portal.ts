import { isUuid, parseClientToPortal, parseGatewayToPortal, parseRelayJoin } from '@sallyport/portal-protocol'
import {
  add,
  type Instant,
  type Logger,
  type Millis,
  minutes,
  type Random,
  seconds,
  silentLogger,
  TimerTable,
  unreachable,
  type WallClock,
} from '@sallyport/sans-io'
import { Admin } from './admin.ts'
import { admit, type ConnectRequest, type Refusal } from './admission.ts'
import { Announcer, type EndReason } from './announcer.ts'
import { ClientChannel } from './client-channel.ts'
import type { PortalContext, TimerName } from './context.ts'
import type { PortalCrypto } from './crypto.ts'
import { FlowDesk } from './flow-desk.ts'
import { settleFlows } from './flow-settlement.ts'
import { GatewayChannel } from './gateway-channel.ts'
import { RelayBoard } from './relay-board.ts'
import type { TableName, Tables } from './row.ts'
import type { ClientSession, GatewaySession, PeerId, Role, Session } from './session.ts'
import { SessionRegistry } from './session-registry.ts'
import type { PortalStore } from './store.ts'
import { type TokenKey, TokenSigner } from './token-text.ts'
import { WorkingSet } from './working-set.ts'

/** How often conditions are evaluated anew: so long may a resource stay visible after its time of the day. */
export const REFRESH_INTERVAL: Millis = seconds(60)

/** How often expired flows and tokens are deleted. Both are refused from the very millisecond of their expiry. */
export const SWEEP_INTERVAL: Millis = minutes(1)

/** What a portal is made of. */
export interface PortalOptions {
  readonly store: PortalStore
  readonly crypto: PortalCrypto
  readonly random: Random
  /** Signs tokens: the same as long as tokens are to stay valid. */
  readonly tokenKey: TokenKey
  /** A point in time on both clocks; see {@link Portal.setCalendar}. */
  readonly calendar: Calendar
  readonly logger?: Logger
}

/** One point in time on both clocks. */
export interface Calendar {
  readonly instant: Instant
  readonly wallClock: WallClock
}

/** Something to do for a connection. */
export type PortalTransmit =
  | { readonly type: 'message'; readonly peer: PeerId; readonly event: string; readonly payload: unknown }
  /** End the connection, which the portal has already forgotten. */
  | { readonly type: 'end'; readonly peer: PeerId; readonly reason: EndReason }

/** Who came and who left. */
export interface PortalEvent {
  readonly type: 'online' | 'offline'
  readonly role: Role
  readonly id: string
}

/** How a join or a message is answered: as a `phx_reply`. */
export type Reply = { readonly status: 'ok' } | { readonly status: 'error'; readonly reason: string }

/**
 * The portal: knows who may reach what, and brings clients and gateways together.
 *
 * A peer {@link connect}s, {@link join}s its topic, sends {@link message}s and {@link disconnect}s; administrators use
 * {@link admin}. What is to be told to whom comes out of {@link pollTransmit}, in order; drain it after each call, and
 * call {@link handleTimeout} when {@link pollTimeout} says so. Everything is synchronous: what a call changes is stored
 * before it returns.
 */
export class Portal {
  /** What administrators can do. */
  readonly admin: Admin
  readonly #context: PortalContext
  readonly #signer: TokenSigner
  readonly #relays: RelayBoard
  readonly #flows: FlowDesk
  readonly #clients: ClientChannel
  readonly #gateways: GatewayChannel
  readonly #announcer: Announcer
  #calendar: Calendar
  #lastPeer = 0
  // Drained after each call, so that neither holds more than one call makes.
  #transmits: PortalTransmit[] = []
  #events: PortalEvent[] = []

  /** @throws whatever the store throws when it loads. */
  constructor(options: PortalOptions, now: Instant) {
    const { crypto, random, logger = silentLogger } = options
    this.#calendar = options.calendar
    this.#signer = new TokenSigner(crypto, options.tokenKey)
    const context: PortalContext = {
      db: new WorkingSet(options.store),
      sessions: new SessionRegistry(),
      timers: new TimerTable<TimerName>(),
      crypto,
      random,
      logger,
      wallClock: at => Math.floor(this.#calendar.wallClock + (at - this.#calendar.instant)),
      write: (at, work) => this.#write(at, work),
      send: (peer, event, payload) => this.#transmits.push({ type: 'message', peer, event, payload }),
    }
    this.#context = context
    this.#relays = new RelayBoard(context)
    this.#flows = new FlowDesk(context)
    this.#clients = new ClientChannel(context, this.#relays)
    this.#gateways = new GatewayChannel(context, this.#relays)
    this.#announcer = new Announcer(context, this.#clients, this.#gateways, (peer, reason, at) =>
      this.#end(peer, reason, at),
    )
    this.admin = new Admin(context, this.#signer)
    context.timers.set('refresh', add(now, REFRESH_INTERVAL))
    context.timers.set('sweep', add(now, SWEEP_INTERVAL))
  }

  /** Tells what the time is. To be called now and then, because the calendar's clock gets adjusted. */
  setCalendar(calendar: Calendar): void {
    this.#calendar = calendar
  }

  /** Lets a peer in, or says how to refuse its HTTP request. It is online only when it has joined. */
  connect(request: ConnectRequest, now: Instant): { readonly type: 'accepted'; readonly peer: PeerId } | Refusal {
    const { db, random, sessions, timers, logger } = this.#context
    const peer = ++this.#lastPeer as PeerId
    const wallClock = this.#context.wallClock(now)
    let session: Session | Refusal
    try {
      session = this.#write(now, () => admit(request, { db, signer: this.#signer, random, wallClock, peer }))
    } catch (error) {
      logger.error({ error, role: request.role }, 'a peer could not be let in')
      return { type: 'refused', status: 503, body: 'Service Unavailable', retryAfter: 5 }
    }
    if ('type' in session) {
      logger.debug({ role: request.role, status: session.status, reason: session.body }, 'peer refused')
      return session
    }
    sessions.add(session)
    if (session.expiresAt !== null) timers.set(`session:${peer}`, this.#instantOf(session.expiresAt, now))
    return { type: 'accepted', peer }
  }

  /** A peer joins its topic, or joins it anew. */
  join(peer: PeerId, payload: unknown, now: Instant): Reply {
    const session = this.#context.sessions.get(peer)
    if (session === undefined) return refused('unmatched topic')
    const wasOnline = this.#context.sessions.isOnline(session.id)
    switch (session.role) {
      case 'client':
        session.joined = true
        this.#clients.sendInit(session, now)
        break
      case 'gateway':
        session.joined = true
        this.#gateways.sendInit(session, now)
        break
      case 'relay': {
        const secret = parseRelayJoin(payload)?.stamp_secret
        if (secret === undefined) return refused('join crashed')
        session.joined = true
        session.stampSecret = secret
        this.#context.send(peer, 'init', {})
        this.#relays.relayJoined(session)
        break
      }
      default:
        return unreachable(session)
    }
    if (!wasOnline) this.#events.push({ type: 'online', role: session.role, id: session.id })
    return { status: 'ok' }
  }

  /** A peer that has joined says something. Returns the reply, where there is one. */
  message(peer: PeerId, event: string, payload: unknown, now: Instant): Reply | undefined {
    const session = this.#context.sessions.get(peer)
    if (session === undefined || !session.joined) return refused('unmatched topic')
    switch (session.role) {
      case 'client':
        return this.#clientMessage(session, event, payload, now)
      case 'gateway':
        return this.#gatewayMessage(session, event, payload)
      case 'relay':
        return refused('unknown_message')
      default:
        return unreachable(session)
    }
  }

  /** A peer's connection is gone or about to close. It counts as offline from here on. Harmless if it is unknown. */
  disconnect(peer: PeerId, now: Instant): void {
    const { sessions, timers } = this.#context
    const session = sessions.remove(peer)
    if (session === undefined) return
    timers.stop(`session:${peer}`)
    if (!session.joined) return
    switch (session.role) {
      case 'client':
        this.#flows.clientLeft(session)
        this.#relays.userLeft(session)
        break
      case 'gateway':
        this.#flows.gatewayLeft(session, now)
        this.#relays.userLeft(session)
        break
      case 'relay':
        this.#relays.relayLeft(session, now)
        break
      default:
        unreachable(session)
    }
    if (!sessions.isOnline(session.id)) this.#events.push({ type: 'offline', role: session.role, id: session.id })
  }

  /** Advances every timer that is due at `now`. */
  handleTimeout(now: Instant): void {
    for (const name of this.#context.timers.takeDue(now)) {
      const [kind, ...key] = name.split(':')
      if (kind === 'refresh') this.#refresh(now)
      else if (kind === 'sweep') this.#sweep(now)
      else if (kind === 'session') this.#sessionExpired(Number(key[0]) as PeerId, now)
      else if (kind === 'flow') this.#flows.timedOut(key[0]!)
      else if (kind === 'relay') this.#relayGone(Number(key[0]) as PeerId, key[1]!)
    }
  }

  /** Takes the next thing to do for a connection, or `undefined`. */
  pollTransmit(): PortalTransmit | undefined {
    return this.#transmits.shift()
  }

  /** Takes the next arrival or departure, or `undefined`. */
  pollEvent(): PortalEvent | undefined {
    return this.#events.shift()
  }

  /** Peeks at when {@link handleTimeout} is next due. */
  pollTimeout(): Instant | undefined {
    return this.#context.timers.next
  }

  /** Returns all rows of a table, for lists and status pages. */
  rows<T extends TableName>(table: T): readonly Tables[T][] {
    return this.#context.db.all(table)
  }

  /** Returns whether the client, gateway or relay with this id is online. */
  isOnline(id: string): boolean {
    return this.#context.sessions.isOnline(id)
  }

  /** How many peers are connected, joined or not. */
  get connections(): number {
    return this.#context.sessions.size
  }

  #clientMessage(session: ClientSession, event: string, payload: unknown, now: Instant): Reply | undefined {
    const parsed = parseClientToPortal(event, payload)
    if ('defect' in parsed) {
      const impossible = event === 'create_flow' ? impossibleResource(payload) : undefined
      if (impossible === undefined) return this.#unknown(session, event)
      this.#context.send(session.peer, 'flow_creation_failed', { resource_id: impossible, reason: 'not_found' })
      return undefined
    }
    const { message } = parsed
    switch (message.event) {
      case 'create_flow': {
        const { resource_id: resourceId, connected_gateway_ids: connected } = message.payload
        this.#flows.create(session, resourceId, new Set<string>(connected), now)
        return undefined
      }
      case 'broadcast_ice_candidates':
        this.#forward(session, 'ice_candidates', message.payload.gateway_ids, message.payload.candidates)
        return undefined
      case 'broadcast_invalidated_ice_candidates':
        this.#forward(session, 'invalidate_ice_candidates', message.payload.gateway_ids, message.payload.candidates)
        return undefined
      default:
        return unreachable(message)
    }
  }

  #gatewayMessage(session: GatewaySession, event: string, payload: unknown): Reply | undefined {
    const parsed = parseGatewayToPortal(event, payload)
    if ('defect' in parsed) return this.#unknown(session, event)
    const { message } = parsed
    switch (message.event) {
      case 'flow_authorized':
        return this.#flows.authorized(session, message.payload.ref) ? { status: 'ok' } : refused('invalid_ref')
      case 'broadcast_ice_candidates':
        this.#forward(session, 'ice_candidates', message.payload.client_ids, message.payload.candidates)
        return undefined
      case 'broadcast_invalidated_ice_candidates':
        this.#forward(session, 'invalidate_ice_candidates', message.payload.client_ids, message.payload.candidates)
        return undefined
      default:
        return unreachable(message)
    }
  }

  /** Candidates are opaque; who is asked for need not have a flow with the sender, but an account in common. */
  #forward(from: ClientSession | GatewaySession, event: string, targets: readonly string[], candidates: unknown): void {
    const role = from.role === 'client' ? 'gateway' : 'client'
    const sender = from.role === 'client' ? { client_id: from.id } : { gateway_id: from.id }
    for (const id of new Set(targets)) {
      for (const session of this.#context.sessions.joinedOf(role, id)) {
        if (session.accountId === from.accountId) this.#context.send(session.peer, event, { ...sender, candidates })
      }
    }
  }

  #unknown(session: Session, event: string): Reply {
    this.#context.logger.debug({ role: session.role, id: session.id, event }, 'message not understood')
    return refused('unknown_message')
  }

  #write<R>(now: Instant, work: () => R): R {
    const { db, sessions, random } = this.#context
    const wallClock = this.#context.wallClock(now)
    const settlement = { db, random, wallClock, isOnline: (id: string) => sessions.isOnline(id) }
    const { result, changes } = db.transact(wallClock, () => {
      const done = work()
      return { done, notices: settleFlows(db.pendingChanges, settlement) }
    })
    this.#announcer.announce(changes, result.notices, now)
    return result.done
  }

  #end(peer: PeerId, reason: EndReason, now: Instant): void {
    this.#transmits.push({ type: 'end', peer, reason })
    this.disconnect(peer, now)
  }

  #refresh(now: Instant): void {
    this.#context.timers.set('refresh', add(now, REFRESH_INTERVAL))
    for (const session of this.#context.sessions.joined('client')) this.#clients.sendDifference(session, new Set(), now)
  }

  #sweep(now: Instant): void {
    this.#context.timers.set('sweep', add(now, SWEEP_INTERVAL))
    const { db } = this.#context
    const wallClock = this.#context.wallClock(now)
    this.#attempt('what has expired could not be deleted', () =>
      this.#write(now, () => {
        for (const table of ['tokens', 'flows', 'revocations'] as const) {
          for (const { id, expiresAt } of db.all(table)) {
            if (expiresAt !== null && expiresAt <= wallClock) db.remove(table, id)
          }
        }
      }),
    )
  }

  #sessionExpired(peer: PeerId, now: Instant): void {
    const session = this.#context.sessions.get(peer)
    if (session === undefined || session.expiresAt === null) return
    if (session.expiresAt <= this.#context.wallClock(now)) this.#end(peer, 'token-expired', now)
    else this.#context.timers.set(`session:${peer}`, this.#instantOf(session.expiresAt, now)) // the clock was set back
  }

  #relayGone(peer: PeerId, relayId: string): void {
    const session = this.#context.sessions.get(peer)
    if (session !== undefined && session.role !== 'relay') this.#relays.giveUp(session, relayId)
  }

  #instantOf(wallClock: number, now: Instant): Instant {
    return add(now, Math.max(1, Math.ceil(wallClock - this.#context.wallClock(now))) as Millis)
  }

  /** Timers go on where the storage fails: the next round tries again. */
  #attempt(failure: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#context.logger.error({ error }, failure)
    }
  }
}

const refused = (reason: string): Reply => ({ status: 'error', reason })

/** Returns the id of a request that is complete, but can't name a resource: the client waits for an answer to it. */
function impossibleResource(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined
  const { resource_id: id, connected_gateway_ids: connected } = payload as Record<string, unknown>
  return typeof id === 'string' && !isUuid(id) && Array.isArray(connected) ? id : undefined
}
