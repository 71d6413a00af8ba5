import {
  add,
  BoundedQueue,
  type Datagram,
  earliest,
  type Instant,
  type Logger,
  type Millis,
  millis,
  type Random,
  randomElement,
  type SocketAddress,
  type StunCrypto,
  type Transmit,
} from '@sallyport/sans-io'
import { CHANNEL_DATA_HEADER_LENGTH, writeChannelDataHeader } from '@sallyport/stun'
import {
  Allocation,
  InvalidCredentialsError,
  type ServerAddresses,
  type TurnCandidate,
  type TurnCredentials,
} from '@sallyport/turn-client'
import type { RelayId } from './ids.ts'

/** A relay as the portal describes it: where it is, and as whom we may use it. */
export interface RelayServer extends ServerAddresses, TurnCredentials {
  readonly id: RelayId
}

/** A relay and our allocation on it. */
export interface Relay {
  readonly id: RelayId
  readonly server: RelayServer
  readonly allocation: Allocation
}

/** What changes about the addresses that relays have taught us. */
export interface RelayPoolEvent {
  readonly type: 'new-candidate' | 'invalid-candidate'
  readonly relay: Relay
  readonly candidate: TurnCandidate
}

/** What a {@link RelayPool} works with. */
export interface RelayPoolOptions {
  readonly crypto: StunCrypto
  readonly random: Random
  readonly logger: Logger
  /** Our name, for the relays' logs. */
  readonly software: string
}

const MAX_QUEUED = 8192

/** How long a relay has to answer while a path through it is silent: time for a second request. */
const VERDICT_AFTER: Millis = millis(1500)

/** The relays that we may use: an allocation is kept on each of them, and each connection is given one. */
export class RelayPool {
  readonly #options: RelayPoolOptions
  readonly #byId = new Map<RelayId, Relay>()
  readonly #byAddress = new Map<string, Relay>()
  /** Relays that may be gone, and since when. */
  readonly #suspects = new Map<Relay, Instant>()
  readonly #transmits = new BoundedQueue<Transmit>(MAX_QUEUED)
  readonly #events = new BoundedQueue<RelayPoolEvent>(MAX_QUEUED)
  #stunBytes = 0
  /** What {@link pollTimeout} answers, unless something has changed since: it is asked after every batch of packets. */
  #deadline: Instant | undefined
  #hasChanged = true
  #generation = 0

  constructor(options: RelayPoolOptions) {
    this.#options = options
  }

  /** How many relays are known. */
  get size(): number {
    return this.#byId.size
  }

  /** Grows whenever a relay comes or goes. */
  get generation(): number {
    return this.#generation
  }

  /** Bytes of STUN that were sent to relays. */
  get stunBytes(): number {
    return this.#stunBytes
  }

  /** Returns the relay of that id, or `undefined` if it is gone. */
  get(id: RelayId): Relay | undefined {
    return this.#byId.get(id)
  }

  /** Returns the relay that has `address`, by its {@link SocketAddress.key}. */
  at(address: string): Relay | undefined {
    return this.#byAddress.get(address)
  }

  /** Draws a relay: one that relays for us as far as we know, or else any, because at the start none has answered. */
  sample(): Relay | undefined {
    const relays = [...this.#byId.values()]
    const good = relays.filter(relay => relay.allocation.isAllocated && !this.#suspects.has(relay))
    return randomElement(this.#options.random, good.length > 0 ? good : relays)
  }

  /**
   * Takes up what the portal says. A relay that is named again with other credentials or addresses has been restarted:
   * its allocation is replaced. Whoever isn't in `add` is asked for a sign of life.
   */
  update(remove: ReadonlySet<RelayId>, add: readonly RelayServer[], now: Instant): void {
    for (const id of remove) this.#drop(id, now)
    const named = new Set<RelayId>()
    for (const server of add) {
      named.add(server.id)
      if (this.#byId.get(server.id)?.allocation.isFor(server, server) === true) continue
      this.#drop(server.id, now)
      this.#add(server, now)
    }
    for (const relay of this.#byId.values()) {
      if (named.has(relay.id)) continue
      relay.allocation.refresh(now)
      this.#drain(relay)
    }
  }

  /** Gives all allocations back, at most one datagram each, and forgets the relays. */
  release(now: Instant): void {
    for (const id of [...this.#byId.keys()]) this.#drop(id, now)
  }

  /** Finds out which addresses we have where all relays are concerned: ours may have changed. */
  relocate(now: Instant): void {
    for (const relay of this.#byId.values()) {
      relay.allocation.relocate(now)
      this.#drain(relay)
    }
  }

  /** Makes sure that `relay` still knows us; it is forgotten in 8 s otherwise. */
  verify(relay: Relay, now: Instant): void {
    if (this.#byId.get(relay.id) !== relay) return
    relay.allocation.verify(now)
    this.#drain(relay)
  }

  /**
   * A path through `relay` has fallen silent. All relays are asked for a sign of life: if one of the others answers in
   * time and this one doesn't, it is gone. If none does, it is probably us who are cut off, and nothing is decided.
   */
  suspect(relay: Relay, now: Instant): void {
    if (this.#byId.get(relay.id) !== relay || this.#suspects.has(relay)) return
    this.#suspects.set(relay, now)
    this.#hasChanged = true
    for (const each of this.#byId.values()) this.verify(each, now)
  }

  /** Feeds a STUN message that came from a relay. Returns whether it answered a request. */
  handleInput(relay: Relay, datagram: Datagram, now: Instant): boolean {
    const recognised = relay.allocation.handleInput(datagram, now)
    this.#drain(relay)
    this.#reap(relay)
    return recognised
  }

  /** Advances all allocations; those that are of no more use are forgotten. */
  handleTimeout(now: Instant): void {
    for (const relay of this.#byId.values()) {
      relay.allocation.handleTimeout(now)
      this.#drain(relay)
      this.#reap(relay)
    }
    for (const [relay, since] of this.#suspects) if (now >= add(since, VERDICT_AFTER)) this.#judge(relay, since, now)
  }

  /**
   * Returns the datagram that brings `payload` to `peer` through `relay`: ChannelData (RFC 8656 §12.4).
   *
   * Without a channel there is none, and a channel is asked for.
   */
  wrap(relay: Relay, peer: SocketAddress, payload: Uint8Array, now: Instant): Transmit | undefined {
    const server = relay.allocation.activeServer
    const channel = relay.allocation.channelTo(peer, now)
    if (server === undefined || channel === undefined) {
      this.bindChannel(relay, peer, now)
      return undefined
    }
    const framed = new Uint8Array(CHANNEL_DATA_HEADER_LENGTH + payload.length)
    writeChannelDataHeader(framed, 0, channel, payload.length)
    framed.set(payload, CHANNEL_DATA_HEADER_LENGTH)
    return { local: undefined, remote: server, payload: framed }
  }

  /** Asks `relay` for a channel to `peer`, unless there is one or there will be. */
  bindChannel(relay: Relay, peer: SocketAddress, now: Instant): void {
    relay.allocation.bindChannel(peer, now)
    this.#drain(relay)
  }

  /** Returns whether any relay has shown us this address of ours. */
  stillKnows({ kind, address }: TurnCandidate): boolean {
    for (const { allocation } of this.#byId.values())
      for (const known of allocation.candidates()) if (known.kind === kind && known.address.equals(address)) return true
    return false
  }

  /** Returns what a connection that uses `relay` has for candidates: those of all relays, relayed ones only of its own. */
  *candidatesFor(relay: RelayId): Iterable<TurnCandidate> {
    for (const { id, allocation } of this.#byId.values())
      for (const candidate of allocation.candidates()) if (candidate.kind !== 'relay' || id === relay) yield candidate
  }

  /** Takes the next datagram for a relay. */
  pollTransmit(): Transmit | undefined {
    const transmit = this.#transmits.shift()
    if (transmit !== undefined) this.#stunBytes += transmit.payload.length
    return transmit
  }

  /** Takes the next change of our addresses. */
  pollEvent(): RelayPoolEvent | undefined {
    return this.#events.shift()
  }

  /** Peeks at when {@link handleTimeout} is next due. */
  pollTimeout(): Instant | undefined {
    if (!this.#hasChanged) return this.#deadline
    this.#hasChanged = false
    this.#deadline = undefined
    for (const { allocation } of this.#byId.values())
      this.#deadline = earliest(this.#deadline, allocation.pollTimeout())
    for (const since of this.#suspects.values()) this.#deadline = earliest(this.#deadline, add(since, VERDICT_AFTER))
    return this.#deadline
  }

  #add(server: RelayServer, now: Instant): void {
    const { crypto, random, logger, software } = this.#options
    try {
      const credentials = { username: server.username, password: server.password, realm: server.realm }
      const allocation = new Allocation({ server, credentials, software, crypto, random, logger }, now)
      const relay = { id: server.id, server, allocation }
      this.#generation++
      this.#byId.set(server.id, relay)
      for (const address of [server.v4, server.v6]) if (address !== undefined) this.#byAddress.set(address.key, relay)
      this.#drain(relay)
    } catch (error) {
      if (!(error instanceof InvalidCredentialsError)) throw error
      logger.debug({ relay: server.id }, 'skipping a relay whose credentials are too long')
    }
  }

  #judge(relay: Relay, since: Instant, now: Instant): void {
    this.#suspects.delete(relay)
    this.#hasChanged = true
    const hasAnswered = ({ allocation: { heardAt } }: Relay): boolean => heardAt !== undefined && heardAt >= since
    if (hasAnswered(relay) || ![...this.#byId.values()].some(hasAnswered)) return
    this.#options.logger.info({ relay: relay.id }, 'relay has fallen silent, others have not')
    this.#drop(relay.id, now)
  }

  #drop(id: RelayId, now: Instant): void {
    const relay = this.#byId.get(id)
    if (relay === undefined) return
    relay.allocation.free(now)
    this.#drain(relay)
    this.#forget(relay)
  }

  #reap(relay: Relay): void {
    const reason = relay.allocation.canBeFreed()
    if (reason === undefined) return
    this.#options.logger.info({ relay: relay.id, reason }, 'disconnecting from relay')
    this.#forget(relay)
  }

  #forget(relay: Relay): void {
    this.#generation++
    this.#byId.delete(relay.id)
    this.#suspects.delete(relay)
    this.#hasChanged = true
    for (const address of [relay.server.v4, relay.server.v6])
      if (address !== undefined && this.#byAddress.get(address.key) === relay) this.#byAddress.delete(address.key)
  }

  #drain(relay: Relay): void {
    this.#hasChanged = true
    const { allocation } = relay
    for (let event = allocation.pollEvent(); event !== undefined; event = allocation.pollEvent())
      this.#events.push({ type: event.type, relay, candidate: event.candidate })
    for (let out = allocation.pollTransmit(); out !== undefined; out = allocation.pollTransmit())
      this.#transmits.push(out)
  }
}
