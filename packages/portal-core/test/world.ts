// biome-ignore-all lint/suspicious/noExplicitAny: what peers are told is JSON, and each test looks at its own part of it
import { sha3_256 } from '@noble/hashes/sha3.js'
import { portableCrypto } from '@sallyport/crypto'
import { parsePortalToClient, parsePortalToGateway, parsePortalToRelay } from '@sallyport/portal-protocol'
import {
  add,
  type Instant,
  IpAddress,
  type Millis,
  type Random,
  seconds,
  seededRandom,
  toBase64,
  type WallClock,
} from '@sallyport/sans-io'
import {
  type Account,
  type Actor,
  type Group,
  type LocationHeaders,
  MemoryStore,
  type NewToken,
  type PeerId,
  Portal,
  type PortalCrypto,
  type PortalStore,
  type PortalTransmit,
  type Reply,
  type Resource,
  type Role,
  type Site,
} from '../src/index.ts'

const testCrypto: PortalCrypto = { ...portableCrypto, sha3_256 }
const MONDAY_NOON: number = Date.UTC(2025, 8, 22, 12) // 2025-09-22 was a Monday
export const DAY = 86_400_000

const PARSERS = { client: parsePortalToClient, gateway: parsePortalToGateway, relay: parsePortalToRelay }

/** A peer that remembers what the portal told it. */
export class TestPeer {
  readonly role: Role
  readonly peer: PeerId
  readonly id: string
  readonly publicKey: string
  readonly #world: World
  messages: { event: string; payload: any }[] = []
  ended: string | undefined

  constructor(world: World, role: Role, peer: PeerId, id: string, publicKey: string) {
    this.#world = world
    this.role = role
    this.peer = peer
    this.id = id
    this.publicKey = publicKey
  }

  join(payload: unknown = null): Reply {
    return this.#world.act(() => this.#world.portal.join(this.peer, payload, this.#world.now))
  }

  say(event: string, payload: unknown): Reply | undefined {
    return this.#world.act(() => this.#world.portal.message(this.peer, event, payload, this.#world.now))
  }

  leave(): void {
    this.#world.act(() => this.#world.portal.disconnect(this.peer, this.#world.now))
  }

  /** Takes all messages, as `[event, payload]`. */
  take(): [string, any][] {
    const taken = this.messages.map(({ event, payload }): [string, any] => [event, payload])
    this.messages = []
    return taken
  }

  /** Takes all messages and returns the payload of the only one with this event. */
  takeOnly(event: string): any {
    const found = this.take().filter(([name]) => name === event)
    if (found.length !== 1) throw new Error(`${found.length} messages ${event}`)
    return found[0]![1]
  }
}

/** A portal with an account, an actor in a group, and a site; and time that is moved by hand. */
export class World {
  now = 1000 as Instant
  readonly random: Random = seededRandom(7)
  portal: Portal
  readonly store: PortalStore
  readonly account: Account
  readonly actor: Actor
  readonly admin: Actor
  readonly everyone: Group
  readonly group: Group
  readonly site: Site
  readonly clientToken: NewToken
  readonly gatewayToken: NewToken
  readonly relayToken: NewToken
  readonly clientExpiry: number
  #peers = new Map<PeerId, TestPeer>()
  #keys = 0

  constructor(store: PortalStore = new MemoryStore(), wallClock: number = MONDAY_NOON) {
    this.store = store
    this.portal = this.#open(wallClock)
    const { admin } = this.portal
    this.account = admin.createAccount({ name: 'Acme', slug: 'acme' }, this.now)
    const accountId = this.account.id
    this.admin = admin.createActor({ accountId, type: 'account_admin_user', name: 'Ada' }, this.now)
    this.actor = admin.createActor({ accountId, type: 'account_user', name: 'Bob' }, this.now)
    this.everyone = this.portal.rows('groups').find(group => group.managed)!
    this.group = admin.createGroup({ accountId, name: 'Engineers' }, this.now)
    admin.addMember(this.group.id, this.actor.id, this.now)
    this.site = admin.createSite({ accountId, name: 'HQ' }, this.now)
    this.clientExpiry = wallClock + 7 * DAY
    this.clientToken = admin.createClientToken(
      { actorId: this.actor.id, name: 'laptop', expiresAt: this.clientExpiry },
      this.now,
    )
    this.gatewayToken = admin.createGatewayToken({ siteId: this.site.id, name: 'gateways' }, this.now)
    this.relayToken = admin.createRelayToken({ name: 'relays' }, this.now)
  }

  #open(wallClock: number): Portal {
    const calendar = { instant: this.now, wallClock: wallClock as WallClock }
    const tokenKey = { keyBase: 'key base', salt: 'salt' }
    return new Portal({ store: this.store, crypto: testCrypto, random: this.random, tokenKey, calendar }, this.now)
  }

  /** Opens the portal anew on what is stored, as after a restart; all peers are gone. */
  restart(): void {
    this.portal = this.#open(this.wallClock)
    this.#peers.clear()
  }

  get wallClock(): number {
    return MONDAY_NOON + (this.now - 1000)
  }

  /** Does something and hands out what the portal says on it. */
  act<R>(work: () => R): R {
    const result = work()
    this.drain()
    return result
  }

  drain(): void {
    for (let transmit: PortalTransmit | undefined; (transmit = this.portal.pollTransmit()) !== undefined; ) {
      const peer = this.#peers.get(transmit.peer)
      if (peer === undefined) continue
      if (transmit.type === 'end') peer.ended = transmit.reason
      // What is said must survive the wire, and be understood behind it.
      else {
        const { event } = transmit
        const payload = JSON.parse(JSON.stringify(transmit.payload))
        const parsed = PARSERS[peer.role](event, payload)
        const isEcho = event === 'flow_creation_failed' && payload.resource_id === 'nonsense' // who asks for it gets it back
        if (isEcho) peer.messages.push({ event, payload })
        else if ('defect' in parsed || parsed.skipped.length > 0)
          throw new Error(`peers can't read ${JSON.stringify(parsed)}`)
        else peer.messages.push({ event, payload })
      }
    }
  }

  /** Lets time pass, from deadline to deadline. */
  sleep(length: Millis): void {
    const end = add(this.now, length)
    for (let at: Instant | undefined; (at = this.portal.pollTimeout()) !== undefined && at <= end; ) {
      if (at < this.now) throw new Error('a deadline in the past')
      this.now = at
      this.act(() => this.portal.handleTimeout(this.now))
    }
    this.now = end
  }

  freshKey(): string {
    const bytes = new Uint8Array(32)
    bytes[0] = ++this.#keys
    return toBase64(bytes)
  }

  request(
    role: Role,
    token: string,
    parameters: Record<string, string>,
    extra: { userAgent?: string; remoteIp?: string; location?: LocationHeaders } = {},
  ): ReturnType<Portal['connect']> {
    return this.portal.connect(
      {
        role,
        parameters: new Map(Object.entries({ token, ...parameters })),
        userAgent:
          extra.userAgent ?? (role === 'relay' ? 'relay/1.5.0' : 'Ubuntu/22.4.0 connlib/1.5.8 (x86_64; 5.15.0)'),
        remoteIp: IpAddress.of(extra.remoteIp ?? '203.0.113.7'),
        location: extra.location,
      },
      this.now,
    )
  }

  connect(
    role: Role,
    token: string,
    parameters: Record<string, string>,
    extra: { userAgent?: string; remoteIp?: string; location?: LocationHeaders } = {},
  ): TestPeer {
    const known = new Set(this.portal.rows(`${role}s`).map(row => row.id))
    const result = this.request(role, token, parameters, extra)
    if (result.type === 'refused') throw new Error(`${result.status} ${result.body}`)
    const rows: readonly { id: string; externalId?: string }[] = this.portal.rows(`${role}s`)
    const row =
      rows.find(({ id }) => !known.has(id)) ??
      rows.find(({ externalId }) => externalId === parameters['external_id']) ??
      rows[0]!
    const peer = new TestPeer(this, role, result.peer, row.id, parameters['public_key'] ?? '')
    this.#peers.set(result.peer, peer)
    return peer
  }

  /** Connects a client and joins it, unless it shall not. */
  client(
    options: {
      name?: string
      version?: string
      join?: boolean
      key?: string
      token?: string
      remoteIp?: string
      location?: LocationHeaders
      parameters?: Record<string, string>
    } = {},
  ): TestPeer {
    const {
      name = 'laptop',
      version = '1.5.8',
      join = true,
      key = this.freshKey(),
      token = this.clientToken.text,
      parameters,
      ...extra
    } = options
    const userAgent = `Ubuntu/22.4.0 connlib/${version}`
    const peer = this.connect(
      'client',
      token,
      { external_id: name, name, public_key: key, ...parameters },
      { userAgent, ...extra },
    )
    if (join) peer.join()
    return peer
  }

  /** Connects a gateway and joins it, unless it shall not. */
  gateway(
    options: {
      name?: string
      version?: string
      join?: boolean
      key?: string
      token?: string
      location?: LocationHeaders
    } = {},
  ): TestPeer {
    const {
      name = 'gw',
      version = '1.5.0',
      join = true,
      key = this.freshKey(),
      token = this.gatewayToken.text,
      ...extra
    } = options
    const userAgent = `Ubuntu/22.4.0 connlib/${version}`
    const peer = this.connect('gateway', token, { external_id: name, name, public_key: key }, { userAgent, ...extra })
    if (join) peer.join()
    return peer
  }

  /** Connects a relay and joins it, unless it shall not. */
  relay(
    options: {
      ipv4?: string
      ipv6?: string
      port?: string
      secret?: string
      join?: boolean
      location?: LocationHeaders
    } = {},
  ): TestPeer {
    const { secret = 'a'.repeat(64), join = true, location, ...parameters } = options
    const address = options.ipv4 === undefined && options.ipv6 === undefined ? { ipv4: '203.0.113.101' } : {}
    const known = new Set(this.portal.rows('relays').map(row => row.id))
    const peer = this.connect(
      'relay',
      this.relayToken.text,
      { ...address, ...parameters },
      location ? { location } : {},
    )
    if (join) peer.join({ stamp_secret: secret })
    if (known.has(peer.id)) return this.#rename(peer, parameters.ipv4 ?? '203.0.113.101')
    return peer
  }

  #rename(peer: TestPeer, ipv4: string): TestPeer {
    const row = this.portal.rows('relays').find(relay => relay.ipv4 === ipv4)!
    const renamed = new TestPeer(this, 'relay', peer.peer, row.id, '')
    this.#peers.set(peer.peer, renamed)
    return renamed
  }

  /** Makes a resource at the site and a policy for the group. */
  resource(
    options: Partial<Parameters<Portal['admin']['createResource']>[0]> & { conditions?: any[]; policy?: boolean } = {},
  ): Resource {
    const { conditions = [], policy = true, ...columns } = options
    const accountId = this.account.id
    const resource = this.act(() =>
      this.portal.admin.createResource(
        { accountId, name: 'Wiki', type: 'cidr', address: '172.20.0.0/16', siteIds: [this.site.id], ...columns },
        this.now,
      ),
    )
    if (policy) this.policy(resource.id, { conditions })
    return resource
  }

  policy(resourceId: string, options: { groupId?: string; conditions?: any[] } = {}): string {
    const { groupId = this.group.id, conditions = [] } = options
    const input = { accountId: this.account.id, groupId, resourceId, conditions }
    return this.act(() => this.portal.admin.createPolicy(input, this.now)).id
  }

  /** Runs an administrator's command. */
  do<R>(work: (admin: Portal['admin'], now: Instant) => R): R {
    return this.act(() => work(this.portal.admin, this.now))
  }

  /** Has a client reach a resource: returns what both sides were told. */
  flow(client: TestPeer, gateway: TestPeer, resourceId: string): { created: any; authorize: any } {
    client.take()
    gateway.take()
    client.say('create_flow', { resource_id: resourceId, connected_gateway_ids: [] })
    const authorize = gateway.takeOnly('authorize_flow')
    gateway.say('flow_authorized', { ref: authorize.ref })
    return { created: client.takeOnly('flow_created'), authorize }
  }

  minute(): void {
    this.sleep(seconds(61))
  }
}
