import { portableCrypto } from '@sallyport/crypto'
import {
  add,
  type Datagram,
  type Instant,
  type Millis,
  millis,
  parseUtf8,
  type Random,
  randomBelow,
  SocketAddress,
  seededRandom,
  utf8,
} from '@sallyport/sans-io'
import { parseChannelData, parseStun, writeChannelDataHeader } from '@sallyport/stun'
import { Allocation, type AllocationEvent, type AllocationOptions } from '@sallyport/turn-client'
import { relayPassword, TurnServer, type TurnServerEvent, type TurnServerOptions } from '../src/index.ts'
import { NOW, newBatch, RELAY, RELAY6, relayed, SECRET, TODAY, USER, USERNAME, V4, V6 } from './harness.ts'

/** Where the client's datagrams come from. */
export const HOST: SocketAddress = SocketAddress.of('192.168.1.23:52625')
export const HOST6: SocketAddress = SocketAddress.of('[2001:db8:2::23]:52625')
/** What the client's NAT makes of it. */
export const MAPPED: SocketAddress = SocketAddress.of('203.0.113.7:40001')

/** What the imaginary wire does to datagrams. */
export interface Wire {
  /** Returns whether a datagram is lost. */
  loses(datagram: Datagram, direction: 'to-server' | 'to-client'): boolean
  /** One way. */
  delay: Millis
}

type InFlight = { readonly at: Instant; readonly to: 'server' | 'client'; readonly datagram: Datagram }

/** One client and one server on an imaginary wire, with a NAT in front of the client, and a clock that jumps. */
export class Pair {
  now: Instant = NOW
  server: TurnServer
  client: Allocation
  readonly wire: Wire = newWire()
  readonly clientEvents: AllocationEvent[] = []
  readonly openPorts: Set<string> = new Set()
  /** All STUN requests that the client has sent, by method and time since the start. */
  readonly requests: { readonly at: number; readonly method: number; readonly to: SocketAddress }[] = []
  readonly received: { readonly peer: string; readonly text: string }[] = []
  #flight: InFlight[] = []

  constructor(options: { server?: Partial<TurnServerOptions>; client?: Partial<AllocationOptions> } = {}) {
    this.server = this.newServer(options.server)
    this.client = this.newClient(options.client)
  }

  newClient(options: Partial<AllocationOptions> = {}): Allocation {
    return new Allocation(
      {
        server: { v4: RELAY, v6: RELAY6 },
        credentials: { username: USERNAME, password: relayPassword(USER, SECRET, portableCrypto), realm: 'firezone' },
        software: 'test',
        crypto: portableCrypto,
        random: seededRandom(1),
        ...options,
      },
      this.now,
    )
  }

  newServer(options: Partial<TurnServerOptions> = {}): TurnServer {
    return new TurnServer({
      addresses: { v4: V4, v6: V6 },
      secret: SECRET,
      crypto: portableCrypto,
      random: seededRandom(2),
      calendar: { instant: NOW, wallClock: TODAY },
      ...options,
    })
  }

  /** The server's process is replaced: it knows nothing of its clients, and has another secret if one is given. */
  restartServer(options: Partial<TurnServerOptions> = {}): void {
    this.openPorts.clear()
    this.server = this.newServer({ random: seededRandom(3), ...options })
  }

  /** Lets `length` pass. */
  run(length: Millis): void {
    const end = add(this.now, length)
    for (let step = 0; ; step++) {
      if (step > 100_000) throw new Error('spinning')
      this.#drain()
      const next = Math.min(
        ...[this.client.pollTimeout(), this.server.pollTimeout(), ...this.#flight.map(({ at }) => at)].filter(
          at => at !== undefined,
        ),
      )
      if (!(next <= end)) break
      this.now = Math.max(this.now, next) as Instant
      this.#flight = this.#flight.filter(entry => {
        if (entry.at > this.now) return true
        this.#deliver(entry)
        return false
      })
      if ((this.client.pollTimeout() ?? Number.POSITIVE_INFINITY) <= this.now) this.client.handleTimeout(this.now)
      if ((this.server.pollTimeout() ?? Number.POSITIVE_INFINITY) <= this.now) this.server.handleTimeout(this.now)
    }
    this.now = end
  }

  /** The client sends text to `peer`. Returns what the relay then sends, if it comes to that. */
  send(peer: SocketAddress, text: string): ReturnType<typeof relayed> {
    const channel = this.client.channelTo(peer, this.now)
    if (channel === undefined) {
      this.client.bindChannel(peer, this.now)
      this.#drain()
      return []
    }
    const payload = utf8(text)
    const datagram = new Uint8Array(4 + payload.length)
    writeChannelDataHeader(datagram, 0, channel, payload.length)
    datagram.set(payload, 4)
    const { datagrams, out } = newBatch()
    const index = datagrams.appendCopy(datagram)
    datagrams.remote[index] = this.#fromClient(this.client.activeServer!)
    datagrams.local[index] = this.client.activeServer
    this.server.handleClientDatagrams(datagrams, out, this.now)
    return relayed(out)
  }

  /** `peer` sends text to the client's relayed address; it is noted in {@link received} if it gets through. */
  receive(peer: SocketAddress, text: string): void {
    const port = this.client.relayedAddress(peer.family)!.port
    const { datagrams, out } = newBatch()
    datagrams.remote[datagrams.appendCopy(utf8(text))] = peer
    this.server.handlePeerDatagrams(port, datagrams, out)
    for (const { hex } of relayed(out)) {
      const message = parseChannelData(Uint8Array.from(hex.match(/../g)!, byte => Number.parseInt(byte, 16)))
      if (typeof message === 'string') throw new Error(message)
      const from = this.client.receiveOn(message.channel, this.now)
      if (from !== undefined) this.received.push({ peer: from.key, text: parseUtf8(message.payload)! })
    }
  }

  /** Takes the events that the client has told so far, as text. */
  takeEvents(): string[] {
    return this.clientEvents
      .splice(0)
      .map(({ type, candidate }) => `${type === 'new-candidate' ? '+' : '-'}${candidate.kind} ${candidate.address.key}`)
  }

  #drain(): void {
    for (let event = this.client.pollEvent(); event !== undefined; event = this.client.pollEvent())
      this.clientEvents.push(event)
    for (let event = this.server.pollEvent(); event !== undefined; event = this.server.pollEvent())
      this.#handleServerEvent(event)
    for (let out = this.client.pollTransmit(); out !== undefined; out = this.client.pollTransmit()) {
      const message = parseStun(out.payload)
      if (typeof message !== 'string')
        this.requests.push({ at: this.now - NOW, method: message.method, to: out.remote })
      this.#launch('server', { local: out.remote, remote: this.#fromClient(out.remote), payload: out.payload })
    }
    for (let out = this.server.pollTransmit(); out !== undefined; out = this.server.pollTransmit())
      this.#launch('client', {
        local: out.remote.family === 4 ? HOST : HOST6,
        remote: out.local!,
        payload: out.payload,
      })
  }

  #handleServerEvent(event: TurnServerEvent): void {
    if (event.type === 'open-port') this.openPorts.add(`${event.port}/${event.family}`)
    if (event.type === 'close-port') this.openPorts.delete(`${event.port}/${event.family}`)
  }

  #launch(to: 'server' | 'client', datagram: Datagram): void {
    if (this.wire.loses(datagram, `to-${to}`)) return
    this.#flight.push({ at: add(this.now, this.wire.delay), to, datagram })
  }

  #deliver({ to, datagram }: InFlight): void {
    if (to === 'server') this.server.handleInput(datagram, this.now)
    else this.client.handleInput(datagram, this.now)
  }

  #fromClient(to: SocketAddress): SocketAddress {
    return to.family === 4 ? MAPPED : HOST6
  }
}

/** A wire that loses that share of datagrams. */
export function lossy(share: number, seed: number): Wire['loses'] {
  const random: Random = seededRandom(seed)
  return () => randomBelow(random, 1_000) < share * 1_000
}

const newWire = (): Wire => ({ loses: () => false, delay: millis(20) })
