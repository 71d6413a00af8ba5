import { makeUdpPacket, PacketHeader } from '@sallyport/ip-packet'
import {
  type AuthorizeFlow,
  type ClientId,
  type ClientToPortal,
  type CreateFlow,
  type Filter,
  type GatewayId,
  type GatewayToPortal,
  keyOf,
  type PortalToClient,
  type PortalToGateway,
  parsePortalToClient,
  parsePortalToGateway,
  type ResourceId,
  type SiteId,
} from '@sallyport/portal-protocol'
import { IpAddress, type Logger, millis, parseUtf8, toHex, utf8, type WallClock } from '@sallyport/sans-io'
import { Node } from '@sallyport/snownet'
import {
  fastCrypto,
  type Host,
  type NatKind,
  RelayHost,
  type Router,
  runTunnelled,
  SimulatedNetwork,
  type Tunnelled,
} from '@sallyport/testkit'
import {
  ClientTunnel,
  type ClientTunnelEvent,
  GatewayTunnel,
  type GatewayTunnelEvent,
  type TunConfig,
} from '../src/index.ts'
import { uuid } from './support.ts'

/** How long a message takes to or from the portal. */
const PORTAL_DELAY = millis(15)
/** The calendar's time when the world begins. */
const GENESIS = 1_758_585_600_000 as WallClock

/** Where a machine lives. */
export interface Home {
  readonly nat?: NatKind
}

/** A resource that the portal of this world knows. */
export interface Place {
  readonly id: ResourceId
  readonly address: string
  readonly filters?: readonly Filter[]
  /** When access to it ends, in milliseconds of this world; never by default. */
  readonly until?: number
}

/** A simulated internet with a portal, relays, gateways in one site, and clients. */
export class World {
  readonly network: SimulatedNetwork
  readonly portal: StubPortal
  readonly site: SiteId = uuid(0x51) as SiteId
  /** Whether the portal has relays to offer. */
  hasRelays = true
  readonly #relays: readonly RelayHost[]
  #hosts = 0

  constructor(seed = 1) {
    this.network = new SimulatedNetwork(seed)
    this.portal = new StubPortal(this)
    this.#relays = [new RelayHost(this.network, 'relay', { addresses: ['198.51.100.10', '2001:db8:ff::10'] })]
  }

  addClient(home: Home = {}): Client {
    return new Client(this, this.#plugIn(home), ++this.#hosts)
  }

  addGateway(home: Home = {}): Gateway {
    return new Gateway(this, this.#plugIn(home), ++this.#hosts)
  }

  /** Starts a gateway that was stopped again, as another process. */
  restart({ host, number }: Gateway): Gateway {
    return new Gateway(this, { host }, number)
  }

  /** Starts a client that was stopped again, as another process. */
  restartClient({ host, number }: Client): Client {
    return new Client(this, { host }, number)
  }

  /** What the portal tells about relays, in the form of the wire. */
  relayObjects(): readonly object[] {
    if (!this.hasRelays) return []
    return this.#relays.flatMap((relay, i) => {
      const { v4, v6, username, password } = relay.newUser()
      const object = { type: 'turn', id: uuid(0xe0 + i), username, password, expires_at: 2_000_000_000 }
      return [v4, v6].filter(addr => addr !== undefined).map(addr => ({ ...object, addr: addr.key }))
    })
  }

  /** Lets time pass until `done`; throws when it doesn't come true. Returns how long it took. */
  until(done: () => boolean, limit = 120_000): number {
    const start = this.network.now
    if (!this.network.runUntil(done, millis(limit))) throw new Error(`it never came (seed ${this.network.seed})`)
    return this.network.now - start
  }

  #plugIn({ nat }: Home): { host: Host; router: Router | undefined } {
    const n = this.#hosts + 1
    if (nat === undefined)
      return { host: this.network.addHost(`host ${n}`, { addresses: [`192.0.2.${n}`] }), router: undefined }
    const router = this.network.addRouter(`router ${n}`, { address: `203.0.113.${n}`, nat })
    return { host: this.network.addHost(`host ${n}`, { addresses: [`10.200.${n}.2`], on: router }), router }
  }
}

/** A portal that lets everybody in to everything, through the first gateway that is online. */
export class StubPortal {
  readonly places: Map<ResourceId, Place> = new Map()
  readonly clients: Map<ClientId, Client> = new Map()
  /** In the order in which they are chosen. */
  readonly gateways: Map<GatewayId, Gateway> = new Map()
  /** What clients have asked for. */
  readonly wishes: CreateFlow[] = []
  /** Whether messages arrive. */
  isUp = true
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  fromClient(client: Client, message: ClientToPortal): void {
    this.#later(() => {
      const { payload } = message
      switch (message.event) {
        case 'create_flow':
          this.wishes.push(message.payload)
          return this.#createFlow(client, message.payload)
        case 'broadcast_ice_candidates':
        case 'broadcast_invalidated_ice_candidates': {
          const event = message.event === 'broadcast_ice_candidates' ? 'ice_candidates' : 'invalidate_ice_candidates'
          for (const id of message.payload.gateway_ids)
            this.toGateway(this.gateways.get(id), event, { ...payload, client_id: client.id })
        }
      }
    })
  }

  fromGateway(gateway: Gateway, message: GatewayToPortal): void {
    this.#later(() => {
      const { payload } = message
      switch (message.event) {
        case 'flow_authorized':
          return this.#flowAuthorized(gateway, message.payload.ref)
        case 'broadcast_ice_candidates':
        case 'broadcast_invalidated_ice_candidates': {
          const event = message.event === 'broadcast_ice_candidates' ? 'ice_candidates' : 'invalidate_ice_candidates'
          for (const id of message.payload.client_ids)
            this.toClient(this.clients.get(id), event, { ...payload, gateway_id: gateway.id })
        }
      }
    })
  }

  /** Sends a message by way of the wire's text. */
  toClient(client: Client | undefined, event: PortalToClient['event'], payload: unknown): void {
    const text = JSON.stringify(payload)
    this.#later(() => {
      const parsed = parsePortalToClient(event, JSON.parse(text))
      if ('defect' in parsed) throw new Error(JSON.stringify(parsed.defect))
      client?.tell(parsed.message)
    })
  }

  /** Sends a message by way of the wire's text. */
  toGateway(gateway: Gateway | undefined, event: PortalToGateway['event'], payload: unknown): void {
    const text = JSON.stringify(payload)
    this.#later(() => {
      const parsed = parsePortalToGateway(event, JSON.parse(text))
      if ('defect' in parsed) throw new Error(JSON.stringify(parsed.defect))
      gateway?.tell(parsed.message)
    })
  }

  /** Adds a resource and tells all clients. */
  add(place: Place): void {
    this.places.set(place.id, place)
    for (const client of this.clients.values())
      this.toClient(client, 'resource_created_or_updated', this.resourceFor(place))
  }

  /** Removes a resource: clients and gateways are told. */
  remove(id: ResourceId): void {
    if (!this.places.delete(id)) return
    for (const client of this.clients.values()) {
      this.toClient(client, 'resource_deleted', id)
      for (const gateway of this.gateways.values())
        this.toGateway(gateway, 'reject_access', { client_id: client.id, resource_id: id })
    }
  }

  resourceFor(place: Place): object {
    return {
      type: 'cidr',
      id: place.id,
      name: place.address,
      address: place.address,
      gateway_groups: [{ id: this.#world.site, name: 'Berlin' }],
    }
  }

  #later(action: () => void): void {
    if (this.isUp) this.#world.network.clock.in(PORTAL_DELAY, action)
  }

  #createFlow(client: Client, wish: CreateFlow): void {
    const place = this.places.get(wish.resource_id)
    const online = [...this.gateways.values()].filter(gateway => gateway.isOnline)
    const gateway = online.find(({ id }) => wish.connected_gateway_ids.includes(id)) ?? online[0]
    if (place === undefined || gateway === undefined) {
      const reason = place === undefined ? 'not_found' : 'offline'
      this.toClient(client, 'flow_creation_failed', { resource_id: wish.resource_id, reason })
      return
    }
    const { secrets } = this.#secretsOf(client, gateway)
    this.toGateway(gateway, 'authorize_flow', {
      ref: `${client.id} ${place.id}`,
      resource: {
        type: 'cidr',
        id: place.id,
        name: place.address,
        address: place.address,
        filters: place.filters ?? [],
      },
      client: {
        id: client.id,
        public_key: keyOf(client.tunnel.publicKey),
        preshared_key: secrets.preshared_key,
        ipv4: client.ipv4,
        ipv6: client.ipv6,
      },
      client_ice_credentials: secrets.client_ice_credentials,
      gateway_ice_credentials: secrets.gateway_ice_credentials,
      expires_at: place.until === undefined ? null : Math.floor((GENESIS + place.until) / 1000),
    })
  }

  #flowAuthorized(gateway: Gateway, ref: string): void {
    const [clientId, resourceId] = ref.split(' ') as [ClientId, ResourceId]
    const client = this.clients.get(clientId)!
    const { secrets } = this.#secretsOf(client, gateway)
    this.toClient(client, 'flow_created', {
      ...secrets,
      resource_id: resourceId,
      gateway_id: gateway.id,
      gateway_group_id: this.#world.site,
      gateway_public_key: keyOf(gateway.tunnel.publicKey),
      gateway_ipv4: gateway.ipv4,
      gateway_ipv6: gateway.ipv6,
    })
  }

  /** Equal for equal keys, so that a connection that exists is kept. */
  #secretsOf(client: Client, gateway: Gateway) {
    const keys = `${toHex(client.tunnel.publicKey)} ${toHex(gateway.tunnel.publicKey)}`
    const text = (label: string) => toHex(fastCrypto.sha256(utf8(`${label} ${keys}`)))
    const credentials = (label: string) => ({ username: text(label).slice(0, 4), password: text(label).slice(4, 26) })
    const secrets: Pick<AuthorizeFlow, 'client_ice_credentials' | 'gateway_ice_credentials'> & {
      preshared_key: string
    } = {
      preshared_key: keyOf(fastCrypto.sha256(utf8(`psk ${keys}`))),
      client_ice_credentials: credentials('client'),
      gateway_ice_credentials: credentials('gateway'),
    }
    return { secrets }
  }
}

/** A client with its TUN device. */
export class Client {
  readonly id: ClientId
  readonly ipv4: IpAddress
  readonly ipv6: IpAddress
  readonly tunnel: ClientTunnel
  readonly running: Tunnelled
  readonly host: Host
  readonly events: ClientTunnelEvent[] = []
  /** What arrived for applications. */
  readonly received: Uint8Array[] = []
  config: TunConfig | undefined
  /** Which host this is. */
  readonly number: number
  readonly #world: World

  constructor(world: World, { host }: { host: Host }, n: number) {
    this.#world = world
    this.number = n
    this.host = host
    this.id = uuid(0xc000 + n) as ClientId
    this.ipv4 = IpAddress.of(`100.64.1.${n}`)
    this.ipv6 = IpAddress.of(`fd00:2021:1111::1:${n}`)
    this.tunnel = punctual(new ClientTunnel({ node: newNode(world, 'client'), logger }))
    this.running = runTunnelled(host, this.tunnel, {
      onEvent: event => this.#handle(event),
      onPacket: packet => this.received.push(packet),
    })
    this.join()
  }

  /** Joins the portal's channel, as after each loss of it. */
  join(): void {
    const { portal } = this.#world
    portal.clients.set(this.id, this)
    portal.toClient(this, 'init', {
      interface: { ipv4: this.ipv4, ipv6: this.ipv6 },
      resources: [...portal.places.values()].map(place => portal.resourceFor(place)),
      relays: this.#world.relayObjects(),
    })
  }

  tell(message: PortalToClient): void {
    this.tunnel.handlePortalMessage(message, this.host.now)
    this.running.drive.drain()
  }

  /** Sends a datagram as an application does; the bytes are fresh each time. */
  send(destination: string, text: string, port = 7): void {
    const to = IpAddress.of(destination)
    const source = to.family === 4 ? this.ipv4 : this.ipv6
    this.running.send(
      makeUdpPacket({ source, destination: to, sourcePort: 40_000, destinationPort: port, payload: utf8(text) }),
    )
  }

  /** Whether the echo of `text` has come back. */
  heard(text: string): boolean {
    return this.received.some(packet => textOf(packet) === text)
  }

  /** Sends `text` every 200 ms until its echo is back. Returns how long that took. */
  exchange(destination: string, text: string, limit = 60_000): number {
    const start = this.#world.network.now
    for (let i = 0; !this.heard(text) && i * 200 < limit; i++) {
      this.send(destination, text)
      this.#world.network.runUntil(() => this.heard(text), millis(200))
    }
    if (!this.heard(text)) throw new Error(`no echo of ${text} (seed ${this.#world.network.seed})`)
    return this.#world.network.now - start
  }

  statusOf(id: ResourceId): string | undefined {
    return this.tunnel.resources.find(({ resource }) => resource.id === id)?.status
  }

  #handle(event: ClientTunnelEvent): void {
    this.events.push(event)
    if (event.type === 'send-portal') this.#world.portal.fromClient(this, event.message)
    if (event.type === 'interface-changed') this.config = event.config
    if (event.type === 'relays-wanted') this.join()
  }
}

/** A gateway with its TUN device, behind which an echo server has every address. */
export class Gateway {
  readonly id: GatewayId
  readonly ipv4: IpAddress
  readonly ipv6: IpAddress
  readonly tunnel: GatewayTunnel
  readonly running: Tunnelled
  readonly host: Host
  readonly events: GatewayTunnelEvent[] = []
  /** What arrived for the private network. */
  readonly received: Uint8Array[] = []
  /** Whether the portal knows that it is there. */
  isOnline = true
  /** Which host this is. */
  readonly number: number
  readonly #world: World

  constructor(world: World, { host }: { host: Host }, n: number) {
    this.#world = world
    this.number = n
    this.host = host
    this.id = uuid(0xa000 + n) as GatewayId
    this.ipv4 = IpAddress.of(`100.64.0.${n}`)
    this.ipv6 = IpAddress.of(`fd00:2021:1111::${n}`)
    const calendar = { instant: world.network.now, wallClock: GENESIS }
    this.tunnel = punctual(new GatewayTunnel({ node: newNode(world, 'gateway'), calendar, logger }))
    this.running = runTunnelled(host, this.tunnel, {
      onEvent: event => this.#handle(event),
      onPacket: packet => this.#receive(packet),
    })
    this.join()
  }

  /** Joins the portal's channel with the access that the portal thinks still holds. */
  join(authorizations: readonly object[] = []): void {
    const { portal } = this.#world
    const relays = this.#world.relayObjects()
    portal.gateways.set(this.id, this)
    portal.toGateway(this, 'init', {
      interface: { ipv4: this.ipv4, ipv6: this.ipv6 },
      relays,
      authorizations,
      config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
    })
  }

  tell(message: PortalToGateway): void {
    this.tunnel.handlePortalMessage(message, this.host.now)
    this.running.drive.drain()
  }

  /** Leaves as a gateway does that is told to stop: the portal first, then a goodbye to every client. */
  stop(): void {
    this.isOnline = false
    this.tunnel.shutdown(this.host.now)
    this.running.drive.drain()
    this.running.stop()
  }

  /** Vanishes without a word. */
  crash(): void {
    this.isOnline = false
    this.running.stop()
  }

  #handle(event: GatewayTunnelEvent): void {
    this.events.push(event)
    if (event.type === 'send-portal') this.#world.portal.fromGateway(this, event.message)
    if (event.type === 'relays-wanted') this.join()
  }

  #receive(packet: Uint8Array): void {
    this.received.push(packet)
    const echo = echoOf(packet)
    if (echo !== undefined) this.#world.network.clock.in(millis(1), () => void this.running.send(echo))
  }
}

/** The networks of a machine's TUN device, as text. */
export const covers = (config: TunConfig | undefined, address: string): boolean =>
  config?.routes.some(route => route.contains(IpAddress.of(address))) ?? false

/** The text that a UDP packet carries. */
export function textOf(packet: Uint8Array): string | undefined {
  const header = new PacketHeader()
  if (header.parse(packet, 0, packet.length) !== undefined || header.protocol !== 17) return undefined
  return parseUtf8(packet.subarray(header.payloadOffset))
}

function echoOf(packet: Uint8Array): Uint8Array | undefined {
  const header = new PacketHeader()
  if (header.parse(packet, 0, packet.length) !== undefined || header.protocol !== 17) return undefined
  const { sourceOffset, destinationOffset, addressLength, payloadOffset } = header
  return makeUdpPacket({
    source: IpAddress.fromBytes(packet.subarray(destinationOffset, destinationOffset + addressLength)),
    destination: IpAddress.fromBytes(packet.subarray(sourceOffset, sourceOffset + addressLength)),
    sourcePort: header.destinationPort,
    destinationPort: header.sourcePort,
    payload: packet.subarray(payloadOffset),
  })
}

function newNode(world: World, role: 'client' | 'gateway'): Node {
  const calendar = { instant: world.network.now, wallClock: GENESIS }
  return new Node({ role, crypto: fastCrypto, random: world.network.random(), calendar, logger }, world.network.now)
}

/** A machine that fails the story when it wants to be woken in the past. */
function punctual<Machine extends ClientTunnel | GatewayTunnel>(machine: Machine): Machine {
  const handleTimeout = machine.handleTimeout.bind(machine)
  machine.handleTimeout = now => {
    handleTimeout(now)
    const next = machine.pollTimeout()
    if (next !== undefined && next <= now) throw new Error(`woken at ${now}, wants to be woken at ${next}`)
  }
  return machine
}

/** Whatever is logged as an error fails the story. */
const logger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(fields, message) {
    throw new Error(`${message} ${JSON.stringify(fields)}`)
  },
}
