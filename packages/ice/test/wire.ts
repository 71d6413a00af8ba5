import { portableCrypto } from '@sallyport/crypto'
import { add, type Instant, type Millis, millis, SocketAddress, seededRandom, type Transmit } from '@sallyport/sans-io'
import { parseStun, type StunMessage } from '@sallyport/stun'
import {
  type Candidate,
  formatCandidate,
  hostCandidate,
  IceAgent,
  type IceCredentials,
  type IceEvent,
  type IceOptions,
  parseCandidate,
  relayedCandidate,
  serverReflexiveCandidate,
} from '../src/index.ts'

export const ALICE: IceCredentials = { ufrag: '3amc', password: 'alices password 012345' }
export const BOB: IceCredentials = { ufrag: 'dfvk', password: 'bobs password 01234567' }

/** Where a datagram comes out: from whom it seems to be, and to which local address it is delivered. */
export interface Delivery {
  readonly source: SocketAddress
  readonly destination: SocketAddress
}

/** Decides what becomes of a datagram: the network with its NATs and firewalls. `undefined` loses it. */
export type Route = (transmit: Transmit, sender: 'alice' | 'bob', now: Instant) => Delivery | undefined

/** A network that takes every datagram to where it is addressed. */
export const openInternet: Route = ({ local, remote }) => ({ source: local!, destination: remote })

/** One agent with everything that it has said. */
export class Peer {
  readonly agent: IceAgent
  readonly log: { readonly at: Instant; readonly event: IceEvent }[] = []
  /** When each check was sent, and how. */
  readonly checks: { readonly at: Instant; readonly transmit: Transmit; readonly message: StunMessage }[] = []

  constructor(agent: IceAgent) {
    this.agent = agent
  }

  get events(): IceEvent[] {
    return this.log.map(({ event }) => event)
  }

  get nominations(): string[] {
    return this.events.flatMap(event => (event.type === 'nominated' ? [`${event.local} ${event.remote}`] : []))
  }

  get states(): string[] {
    return this.events.flatMap(event => (event.type === 'state-changed' ? [event.state] : []))
  }
}

/** Two agents and an imaginary wire between them: datagrams take 20 ms, and time jumps. */
export class Wire {
  now: Instant
  route: Route
  readonly alice: Peer
  readonly bob: Peer
  readonly latency: Millis = millis(20)
  #inFlight: { readonly at: Instant; readonly to: Peer; readonly delivery: Delivery; readonly payload: Uint8Array }[] =
    []

  constructor(route: Route = openInternet, options: Partial<IceOptions> = {}, now: Instant = 0 as Instant) {
    this.now = now
    this.route = route
    const common = { crypto: portableCrypto, ...options }
    this.alice = new Peer(
      new IceAgent(
        { controlling: true, localCredentials: ALICE, remoteCredentials: BOB, random: seededRandom(1), ...common },
        now,
      ),
    )
    this.bob = new Peer(
      new IceAgent(
        { controlling: false, localCredentials: BOB, remoteCredentials: ALICE, random: seededRandom(2), ...common },
        now,
      ),
    )
  }

  /** Gives a candidate to one side and signals it to the other. */
  signal(from: 'alice' | 'bob', candidate: Candidate): void {
    const local = this[from].agent.addLocalCandidate(candidate, this.now)
    if (local !== undefined) this.other(from).agent.addRemoteCandidate(asReceived(local), this.now)
  }

  other(name: 'alice' | 'bob'): Peer {
    return name === 'alice' ? this.bob : this.alice
  }

  /** Signals a candidate that does not go through the agent of whoever has it. */
  signalOnly(from: 'alice' | 'bob', candidate: Candidate): void {
    this.other(from).agent.addRemoteCandidate(asReceived(candidate), this.now)
  }

  /** Withdraws a candidate of one side and tells the other. */
  withdraw(from: 'alice' | 'bob', candidate: Candidate): void {
    this[from].agent.invalidateLocalCandidate(candidate, this.now)
    this.other(from).agent.invalidateRemoteCandidate(asReceived(candidate), this.now)
  }

  /** When one side was last disconnected. */
  disconnectedAt(name: 'alice' | 'bob'): Instant | undefined {
    return this[name].log.findLast(({ event }) => event.type === 'state-changed' && event.state === 'disconnected')?.at
  }

  /** Lets time pass until `duration` is over or nothing is going to happen. */
  run(duration: number): void {
    const until = add(this.now, millis(duration))
    for (let steps = 0; ; steps++) {
      if (steps > 100_000) throw new Error('the agents spin')
      this.#collect('alice')
      this.#collect('bob')
      const deadlines = [
        this.alice.agent.pollTimeout(),
        this.bob.agent.pollTimeout(),
        ...this.#inFlight.map(({ at }) => at),
      ].filter(at => at !== undefined)
      const next = Math.max(this.now, Math.min(...deadlines)) as Instant
      if (deadlines.length === 0 || next > until) break
      this.now = next
      this.#deliver()
      for (const { agent } of [this.alice, this.bob]) {
        if ((agent.pollTimeout() ?? Number.POSITIVE_INFINITY) > this.now) continue
        agent.handleTimeout(this.now)
        const wakeAt = agent.pollTimeout()
        if (wakeAt !== undefined && wakeAt <= this.now) throw new Error('the next deadline is not later than now')
      }
    }
    this.now = until
  }

  #deliver(): void {
    const due = this.#inFlight.filter(({ at }) => at <= this.now)
    this.#inFlight = this.#inFlight.filter(({ at }) => at > this.now)
    for (const { to, delivery, payload } of due) {
      const message = parseStun(payload)
      if (typeof message === 'string') throw new Error(`an agent sent ${message}`)
      to.agent.handleInput({ local: delivery.destination, remote: delivery.source, message }, this.now)
    }
  }

  #collect(name: 'alice' | 'bob'): void {
    const peer = this[name]
    for (let event: IceEvent | undefined; (event = peer.agent.pollEvent()) !== undefined; )
      peer.log.push({ at: this.now, event })
    for (let transmit: Transmit | undefined; (transmit = peer.agent.pollTransmit()) !== undefined; ) {
      const message = parseStun(transmit.payload)
      if (typeof message !== 'string' && message.class === 'request')
        peer.checks.push({ at: this.now, transmit, message })
      const delivery = this.route(transmit, name, this.now)
      if (delivery === undefined) continue
      const at = add(this.now, this.latency)
      this.#inFlight.push({ at, to: this.other(name), delivery, payload: transmit.payload })
    }
  }
}

export const address = (text: string): SocketAddress => SocketAddress.of(text)

/** Returns the host candidate of an address. */
export function host(at: SocketAddress | string): Candidate {
  return made(hostCandidate(asAddress(at)))
}

/** Returns the server-reflexive candidate of an address. */
export function reflexive(at: SocketAddress | string, base: SocketAddress | string): Candidate {
  return made(serverReflexiveCandidate(asAddress(at), asAddress(base)))
}

/** Returns the relayed candidate of an address. */
export function relayed(at: SocketAddress | string, via: SocketAddress | string): Candidate {
  return made(relayedCandidate(asAddress(at), asAddress(via)))
}

/** Returns how the peer sees a candidate: only its text travels. */
export function asReceived(candidate: Candidate): Candidate {
  return made(parseCandidate(formatCandidate(candidate)))
}

function made(candidate: Candidate | string): Candidate {
  if (typeof candidate === 'string') throw new Error(`no candidate: ${candidate}`)
  return candidate
}

const asAddress = (at: SocketAddress | string): SocketAddress => (typeof at === 'string' ? address(at) : at)
