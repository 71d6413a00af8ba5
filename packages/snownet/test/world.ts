import { makeUdpPacket } from '@sallyport/ip-packet'
import {
  type Crypto,
  type Datagram,
  type DataPlane,
  type Instant,
  IpAddress,
  type Logger,
  type Millis,
  millis,
  minutes,
  type PacketBuffer,
  type SansIo,
  type Transmit,
  utf8,
  type WallClock,
} from '@sallyport/sans-io'
import {
  fastCrypto,
  type Host,
  type NatBehaviour,
  type NatKind,
  RelayHost,
  type RelayHostOptions,
  type Router,
  runTunnelled,
  SimulatedNetwork,
  type Tunnelled,
} from '@sallyport/testkit'
import {
  type ConnectionId,
  Node,
  type NodeEvent,
  type NodeOptions,
  type NodeRole,
  type PathKind,
  type RelayId,
} from '../src/index.ts'

const CALENDAR = 1_758_585_600_000 as WallClock

export const id = (text: string): ConnectionId => text as ConnectionId

/** Where a peer lives: in the internet, or behind a NAT. */
export interface Home {
  readonly addresses?: readonly string[]
  readonly nat?: NatKind | NatBehaviour
  readonly port?: number
}

/** A simulated internet with a portal that takes candidates from one peer to the other. */
export class World {
  readonly network: SimulatedNetwork
  readonly relays: Map<RelayId, RelayHost> = new Map()
  readonly peers: Peer[] = []
  /** How long a message takes from one peer to the other, through the portal. */
  signallingDelay: Millis = millis(30)
  /** When false, candidates are lost, also those under way. */
  signalling: boolean = true
  /** How many datagrams have reached peers. */
  delivered: number = 0

  readonly crypto: Crypto

  constructor(seed: number = 1, crypto: Crypto = fastCrypto) {
    this.network = new SimulatedNetwork(seed)
    this.crypto = crypto
  }

  addRelay(name: string, options: RelayHostOptions): RelayHost {
    const relay = new RelayHost(this.network, name, { crypto: this.crypto, ...options })
    this.relays.set(name as RelayId, relay)
    return relay
  }

  /** Returns names as ids of relays. */
  names(...names: string[]): RelayId[] {
    return names as RelayId[]
  }

  /** Adds a node, which knows all relays that there are. */
  addPeer(name: string, role: NodeRole, home: Home, options: Partial<NodeOptions> = {}): Peer {
    const number = this.peers.length + 1
    const { nat, port = 52_625, addresses = [nat === undefined ? `192.0.2.${number}` : `10.0.${number}.2`] } = home
    const router = nat === undefined ? undefined : this.network.addRouter(name, { address: `203.0.113.${number}`, nat })
    const host = this.network.addHost(name, { addresses, ...(router && { on: router }) })
    return this.addPeerOn(name, role, { host, router, port }, options)
  }

  /** Adds a node on a host that exists. */
  addPeerOn(
    name: string,
    role: NodeRole,
    place: { host: Host; router?: Router | undefined; port?: number },
    options: Partial<NodeOptions> = {},
  ): Peer {
    const peer = new Peer(this, name, role, place, options)
    this.peers.push(peer)
    if (this.relays.size > 0) peer.useRelays([...this.relays.keys()])
    return peer
  }

  /** What the portal does when a client asks for a gateway: tells both, the gateway first. */
  introduce(client: Peer, gateway: Peer): void {
    const seed = `${client.name}${client.key} ${gateway.name}${gateway.key}`
    const presharedKey = fastCrypto.sha256(utf8(`psk ${seed}`))
    const [clientCredentials, gatewayCredentials] = ['client', 'gateway'].map(side => {
      const hash = [...fastCrypto.sha256(utf8(`${side} ${seed}`))]
        .map(byte => byte.toString(16).padStart(2, '0'))
        .join('')
      return { ufrag: hash.slice(0, 4), password: hash.slice(4, 26) }
    }) as [{ ufrag: string; password: string }, { ufrag: string; password: string }]
    const now = this.network.now
    gateway.node.upsertConnection(
      id(client.name),
      {
        peerPublicKey: client.node.publicKey,
        presharedKey,
        localCredentials: gatewayCredentials,
        remoteCredentials: clientCredentials,
      },
      now,
    )
    gateway.running.drive.drain()
    client.node.upsertConnection(
      id(gateway.name),
      {
        peerPublicKey: gateway.node.publicKey,
        presharedKey,
        localCredentials: clientCredentials,
        remoteCredentials: gatewayCredentials,
      },
      now,
    )
    client.running.drive.drain()
  }

  /** Lets time pass until both have established a session and a path. Returns how long it took. */
  connect(client: Peer, gateway: Peer): number {
    const start = this.network.now
    const isUp = (): boolean => client.isConnectedTo(gateway) && gateway.isConnectedTo(client)
    // Whoever has lost too many datagrams fails, and is introduced again when the next packet comes.
    for (let attempt = 0; attempt < 10 && !isUp(); attempt++) {
      this.introduce(client, gateway)
      this.network.runUntil(
        () => isUp() || (client.pathTo(gateway) === undefined && client.stateTo(gateway) === undefined),
        minutes(1),
      )
    }
    if (!isUp()) throw new Error(`not connected (seed ${this.network.seed})`)
    return this.network.now - start
  }

  signal(from: Peer, event: NodeEvent): void {
    if (!this.signalling || (event.type !== 'candidate-added' && event.type !== 'candidate-removed')) return
    this.network.clock.in(this.signallingDelay, () => {
      const to = this.peers.find(peer => peer.name === event.connection)
      if (to === undefined || !this.signalling) return
      const now = this.network.now
      if (event.type === 'candidate-added') to.node.addRemoteCandidate(id(from.name), event.candidate, now)
      else to.node.removeRemoteCandidate(id(from.name), event.candidate, now)
      to.running.drive.drain()
    })
  }
}

/** A node on a host, with a TUN device. */
export class Peer implements SansIo<Datagram, Transmit, NodeEvent>, DataPlane {
  readonly name: string
  readonly node: Node
  readonly host: Host
  readonly running: Tunnelled
  readonly router: Router | undefined
  readonly events: NodeEvent[] = []
  /** What has been sent one by one, the last 100. */
  readonly lastSent: Transmit[] = []
  /** How many have been sent one by one. */
  sentCount: number = 0
  /** What has arrived, if somebody wants it. */
  recorded: Datagram[] | undefined
  /** The paths that data took, oldest first. */
  get pathsSeen(): PathKind[] {
    return this.events.filter(event => event.type === 'path-changed').map(event => event.path)
  }
  /** What arrived for the TUN device: the sender and the packet. */
  readonly received: { from: string; packet: Uint8Array }[] = []
  readonly #world: World
  #target = -1
  #sequence = 0

  constructor(
    world: World,
    name: string,
    role: NodeRole,
    { host, router, port = 52_625 }: { host: Host; router?: Router | undefined; port?: number },
    options: Partial<NodeOptions>,
  ) {
    this.#world = world
    this.name = name
    this.host = host
    this.router = router
    const { network } = world
    this.node = new Node(
      {
        role,
        crypto: world.crypto,
        random: network.random(),
        calendar: { instant: network.now, wallClock: CALENDAR },
        logger: this.#logger(),
        ...options,
      },
      network.now,
    )
    this.running = runTunnelled(host, this, {
      port,
      onEvent: event => {
        this.events.push(event)
        world.signal(this, event)
      },
      onPacket: (packet, peer) => this.received.push({ from: this.node.idOf(peer) ?? '?', packet }),
    })
  }

  /** A text that changes with our key. */
  get key(): string {
    return this.node.publicKey.join('.')
  }

  useRelays(names: readonly RelayId[], remove: readonly RelayId[] = []): void {
    const add = names.map(name => ({ id: name, ...this.#world.relays.get(name)!.newUser() }))
    this.node.updateRelays(new Set(remove), add, this.#world.network.now)
    this.running.drive.drain()
  }

  /** Sends a packet that nobody sent before, and returns it. */
  send(to: Peer, text = `${this.name} ${this.#sequence++}`): Uint8Array {
    const packet = packetOf(text)
    this.sendBytes(to, packet.slice())
    return packet
  }

  sendBytes(to: Peer, packet: Uint8Array, segmentSize = 0): number {
    this.#target = this.node.handleOf(id(to.name))
    return this.running.send(packet, segmentSize)
  }

  isConnectedTo(other: Peer): boolean {
    return this.pathTo(other) !== undefined && this.has('connection-established', other)
  }

  pathTo(other: Peer): string | undefined {
    return this.node.statusOf(id(other.name))?.path
  }

  stateTo(other: Peer): string | undefined {
    return this.node.statusOf(id(other.name))?.state
  }

  idOf(other: Peer): ConnectionId {
    return id(other.name)
  }

  get packets(): Uint8Array[] {
    return this.received.map(({ packet }) => packet)
  }

  /** Takes what the node wants to send: it does not leave. */
  takeTransmits(): Transmit[] {
    const all: Transmit[] = []
    for (let out = this.node.pollTransmit(); out !== undefined; out = this.node.pollTransmit()) all.push(out)
    this.running.drive.drain()
    return all
  }

  #logger(): Logger {
    return {
      debug() {},
      info() {},
      warn() {},
      error(fields, message) {
        throw new Error(`${message} ${JSON.stringify(fields)}`)
      },
    }
  }

  has(type: NodeEvent['type'], other: Peer): boolean {
    return this.eventsOf(type, other).length > 0
  }

  eventsOf(type: NodeEvent['type'], other: Peer): NodeEvent[] {
    return this.events.filter(event => event.type === type && event.connection === other.name)
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    for (let i = 0; i < trains.count; i++) this.node.encapsulate(this.#target, trains, i, datagrams, now)
  }
  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    this.#world.delivered += datagrams.count
    for (let i = 0; i < datagrams.count; i++)
      this.recorded?.push({
        local: datagrams.local[i]!,
        remote: datagrams.remote[i]!,
        payload: datagrams.bytesOf(i).slice(),
      })
    this.node.decapsulate(datagrams, packets, now)
  }
  handleInput(input: Datagram, now: Instant): boolean {
    return this.node.handleInput(input, now)
  }
  handleTimeout(now: Instant): void {
    this.node.handleTimeout(now)
    const next = this.node.pollTimeout()
    if (next !== undefined && next <= now) throw new Error(`${this.name} wants to be woken in the past`)
  }
  pollTransmit(): Transmit | undefined {
    const transmit = this.node.pollTransmit()
    if (transmit === undefined) return undefined
    this.sentCount++
    if (this.lastSent.push(transmit) > 100) this.lastSent.shift()
    return transmit
  }
  pollEvent(): NodeEvent | undefined {
    return this.node.pollEvent()
  }
  pollTimeout(): Instant | undefined {
    return this.node.pollTimeout()
  }
}

/** An IP packet that carries `text`. */
export const packetOf = (text: string, ecn = 0): Uint8Array =>
  makeUdpPacket({
    source: IpAddress.of('100.64.0.1'),
    destination: IpAddress.of('100.64.0.2'),
    sourcePort: 1,
    ecn,
    destinationPort: 2,
    payload: utf8(text),
  })

/** What peers say when they leave: IPv6, next header 255, from and to nobody, event 2. */
export const GOODBYE: Uint8Array = Uint8Array.of(
  0x60,
  0,
  0,
  0,
  0,
  8,
  0xff,
  ...new Array<number>(33).fill(0),
  2,
  ...new Array<number>(7).fill(0),
)
