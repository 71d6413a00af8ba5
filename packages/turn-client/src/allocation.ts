import {
  add,
  BoundedQueue,
  type Datagram,
  earliest,
  type Instant,
  type IpFamily,
  type Logger,
  type Millis,
  millis,
  type Random,
  type SansIo,
  type SocketAddress,
  type StunCrypto,
  seconds,
  silentLogger,
  TimerTable,
  type Transmit,
  unreachable,
} from '@sallyport/sans-io'
import { attributeOf, attributesOf, newTransactionId, parseStun, type StunMessage } from '@sallyport/stun'
import type { AllocationEvent, FreeReason } from './allocation-event.ts'
import { Authentication, type Challenge, type TurnCredentials } from './authentication.ts'
import { Backoff, type BackoffPolicy, PROBE_BACKOFF, REQUEST_BACKOFF } from './backoff.ts'
import { BufferedBindings } from './buffered-bindings.ts'
import { ChannelBindings } from './channel-bindings.ts'
import { LearnedAddresses, type TurnCandidate } from './learned-addresses.ts'
import {
  type AuthenticatedRequest,
  encodeBinding,
  encodeRequest,
  METHODS,
  type TurnDialect,
  type TurnRequest,
} from './request.ts'
import { type ServerAddresses, ServerAddressRace } from './server-address-race.ts'
import { type SentCopy, type Transaction, Transactions } from './transactions.ts'

/** How often an allocation shows NATs and servers on the way that it is alive, by a BINDING. */
export const KEEP_ALIVE_INTERVAL: Millis = seconds(25)

/** How long it waits before it asks again for a REFRESH that the server refused for the time being. */
export const REFRESH_RETRY_INTERVAL: Millis = seconds(5)

/** What an {@link Allocation} is made of. */
export interface AllocationOptions {
  readonly server: ServerAddresses
  readonly credentials: TurnCredentials
  /** Our name, for the server's logs: fewer than 128 characters. */
  readonly software: string
  readonly crypto: StunCrypto
  readonly random: Random
  readonly logger?: Logger
  /** `firezone` by default. */
  readonly dialect?: TurnDialect
}

/**
 * The client's side of one TURN allocation (RFC 8656) over UDP: kept alive for as long as it lives, channels only.
 *
 * ```
 *  racing ── first BINDING response ──▶ allocating ── ALLOCATE ──▶ 401 (nonce) ── ALLOCATE ──▶ allocated
 *    │ nobody answers                     │    ▲                                          │ half-time: REFRESH
 *    ▼                                    ▼    └──────────── 437 ◀────────────────────────┤ 25 s: BINDING
 *  can be freed ◀─── refused ─────── suspended                    server silent: can be freed
 * ```
 *
 * Addresses that are learned on the way come out as events. Data doesn't pass through here: who sends or receives
 * ChannelData asks {@link channelTo} and {@link receiveOn} for the number or the peer.
 */
export class Allocation implements SansIo<Datagram, Transmit, AllocationEvent> {
  readonly #options: AllocationOptions
  readonly #dialect: TurnDialect
  readonly #logger: Logger
  readonly #race: ServerAddressRace
  readonly #learned = new LearnedAddresses()
  readonly #transactions = new Transactions()
  readonly #channels = new ChannelBindings()
  readonly #buffered = new BufferedBindings()
  readonly #timers = new TimerTable<'keep-alive' | 'refresh' | 'expiry'>()
  readonly #transmits = new BoundedQueue<Transmit>(MAX_QUEUED)
  readonly #events = new BoundedQueue<AllocationEvent>(MAX_QUEUED, 'drop-oldest')
  /** `undefined` once the server has refused our credentials. */
  #authentication: Authentication | undefined
  #failure: 'protocol' | 'released' | undefined
  #isAllocated = false
  #heardAt: Instant | undefined
  /** How often in a row the server had another idea of our allocation than we. */
  #mismatches = 0

  /**
   * Starts by asking all addresses of the server at once.
   *
   * @throws `InvalidCredentialsError` if the credentials don't fit in STUN's attributes.
   */
  constructor(options: AllocationOptions, now: Instant) {
    this.#options = options
    this.#dialect = options.dialect ?? 'firezone'
    this.#logger = options.logger ?? silentLogger
    this.#race = new ServerAddressRace(options.server)
    this.#authentication = new Authentication(options.credentials, options.crypto)
    this.#startRace(now)
  }

  /** Takes a STUN response from the server. Returns false for all that isn't the answer to a request of ours. */
  handleInput({ local, remote, payload }: Datagram, now: Instant): boolean {
    if (!this.#race.includes(remote)) return false
    const message = parseStun(payload)
    if (typeof message === 'string' || (message.class !== 'success' && message.class !== 'error')) return false
    const found = this.#transactions.find(message.transactionId, remote)
    if (found === undefined || METHODS[found.transaction.request.type] !== message.method) return false

    const { transaction, copy } = found
    const { request } = transaction
    if (request.type === 'binding') {
      if (message.class === 'error') return true // anybody may have sent it: the next copy may do better
      this.#transactions.end(transaction)
      this.#handleBound(message, local, remote, now)
    } else if (!this.#isAuthentic(message, copy)) {
      this.#logger.debug({ server: remote.key, request: request.type }, 'ignoring a response with a bad integrity')
    } else {
      this.#transactions.end(transaction)
      this.#heardAt = now
      if (message.class === 'success') this.#handleSuccess(request, message, local, now)
      else this.#handleError(transaction, copy, message, now)
    }
    return true
  }

  handleTimeout(now: Instant): void {
    if (this.#failure !== undefined) return
    const due = new Set(this.#timers.takeDue(now))
    if (due.has('expiry')) this.#invalidate()
    if (due.has('keep-alive') && this.#isAllocated) {
      this.#timers.set('keep-alive', add(now, KEEP_ALIVE_INTERVAL))
      this.#request({ type: 'binding' }, now)
    }
    for (const transaction of this.#transactions.due(now)) this.#trigger(transaction, now)
    if (due.has('refresh') && this.#isAllocated && !this.#transactions.some(({ type }) => type === 'refresh'))
      this.#request({ type: 'refresh' }, now)
    for (const { number, peer } of this.#channels.dueForRefresh(now))
      if (!this.#isBinding(peer)) this.#request({ type: 'channel-bind', channel: number, peer }, now)
  }

  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift()
  }

  pollEvent(): AllocationEvent | undefined {
    return this.#events.shift()
  }

  pollTimeout(): Instant | undefined {
    return this.#failure === undefined ? earliest(this.#timers.next, this.#transactions.next) : undefined
  }

  /**
   * Asks the server for a channel to `peer`, unless there is one already.
   *
   * Before the server has allocated, the wish is remembered (the last 100). Without an address of the peer's family on
   * the server, or when all 4096 numbers are taken, nothing happens.
   */
  bindChannel(peer: SocketAddress, now: Instant): void {
    if (this.#failure !== undefined || this.isSuspended) return
    if (!this.#isAllocated) {
      this.#buffered.add(peer)
      return
    }
    if (this.#channels.isBound(peer, now) || this.#isBinding(peer)) return
    if (this.relayedAddress(peer.family) === undefined) return
    const channel = this.#channels.assign(peer, now)
    if (channel !== undefined) this.#request({ type: 'channel-bind', channel, peer }, now)
    else this.#logger.warn({ server: this.activeServer?.key }, 'all channel numbers are taken')
  }

  /**
   * Returns the number of a channel through which data can be sent to `peer`, or `undefined`: then call
   * {@link bindChannel}. Data goes to {@link activeServer}.
   */
  channelTo(peer: SocketAddress, now: Instant): number | undefined {
    return this.#channels.channelTo(peer, now)
  }

  /** Returns who has sent what came in through `channel`, or `undefined` if nobody can have. Keeps it in use. */
  receiveOn(channel: number, now: Instant): SocketAddress | undefined {
    const peer = this.#channels.peerOf(channel)
    if (peer === undefined) return undefined
    this.#channels.noteReceived(channel, now)
    this.#heardAt = now
    return peer
  }

  /** Returns the peer of a channel that the server has confirmed, or `undefined`. */
  peerOf(channel: number): SocketAddress | undefined {
    return this.#channels.peerOf(channel)
  }

  /** Finds out whether the server is still there: within a second if it was, else from the very beginning. */
  refresh(now: Instant): void {
    if (this.#failure !== undefined) return
    this.#mismatches = 0
    if (this.#isAllocated) this.#request({ type: 'refresh' }, now, PROBE_BACKOFF)
    else if (this.isSuspended && this.#authentication !== undefined) this.#startRace(now)
  }

  /**
   * Makes sure that the server still knows us, with more patience than {@link refresh}: it is given up after 8 s.
   *
   * A server that was restarted answers BINDINGs as before; only what is signed shows that it has forgotten us.
   */
  verify(now: Instant): void {
    const isUnderWay = this.#transactions.some(({ type }) => type === 'refresh')
    if (this.#failure === undefined && this.#isAllocated && !isUnderWay) this.#request({ type: 'refresh' }, now)
  }

  /**
   * Finds out where we are, because our own addresses may have changed: asks all addresses of the server, which tells
   * new candidates and takes those back that are no longer ours. Where the server doesn't know us from there, it
   * allocates anew. Until then things stay as they are.
   */
  relocate(now: Instant): void {
    if (this.#failure !== undefined || this.#authentication === undefined) return
    this.#mismatches = 0
    if (!this.#isAllocated) {
      this.#transactions.clear() // what is in flight has left from somewhere else
      this.#startRace(now)
      return
    }
    this.#transactions.endAll(({ type }) => type === 'binding' || type === 'refresh')
    this.#race.reopen()
    for (const address of this.#race.addresses) this.#send({ type: 'binding' }, address, now)
  }

  /** Gives the allocation back, once and without waiting for an answer. Nothing but {@link pollTransmit} is left. */
  free(now: Instant): void {
    if (this.#failure !== undefined) return
    const isPossible = this.#isAllocated || this.#transactions.some(({ type }) => type === 'allocate')
    this.#invalidate()
    if (isPossible) this.#request({ type: 'free' }, now)
    this.#transactions.clear()
    this.#failure = 'released'
  }

  /** Why the owner should forget this allocation, or `undefined` while it works or may come to. */
  canBeFreed(): FreeReason | undefined {
    if (this.#failure !== undefined) return this.#failure
    if (this.#events.length > 0 || this.#transmits.length > 0 || this.#transactions.size > 0) return undefined
    if (this.activeServer === undefined) return 'no-response'
    return this.#authentication === undefined ? 'authentication' : undefined
  }

  /** Whether nothing goes on until {@link refresh}: the server has refused to allocate. */
  get isSuspended(): boolean {
    return !this.#isAllocated && this.#transactions.size === 0 && this.#transmits.length === 0
  }

  /** Whether the server relays for us, as far as we know. */
  get isAllocated(): boolean {
    return this.#isAllocated
  }

  /** The address of the server that we talk to, or `undefined` while none has answered. */
  get activeServer(): SocketAddress | undefined {
    return this.#race.active
  }

  /**
   * When the server has last shown that it knows us, by an answer that was signed with our key or by data from a
   * channel; `undefined` if it never has.
   */
  get heardAt(): Instant | undefined {
    return this.#heardAt
  }

  /** Returns whether `address` is one of the server's. */
  handlesServer(address: SocketAddress): boolean {
    return this.#race.includes(address)
  }

  /** Returns whether this is an allocation on that server with those credentials. */
  isFor(server: ServerAddresses, credentials: TurnCredentials): boolean {
    const own = this.#options
    return (
      own.server.v4?.key === server.v4?.key &&
      own.server.v6?.key === server.v6?.key &&
      own.credentials.username === credentials.username &&
      own.credentials.password === credentials.password &&
      own.credentials.realm === credentials.realm
    )
  }

  /** Returns our address of that family on the server, or `undefined`. */
  relayedAddress(family: IpFamily): SocketAddress | undefined {
    return this.#learned.get('relay', family)?.address
  }

  /** Returns all candidates that are valid at present: host, then server-reflexive, then relayed. */
  candidates(): TurnCandidate[] {
    return this.#learned.all()
  }

  #startRace(now: Instant): void {
    this.#race.restart()
    for (const address of this.#race.addresses) this.#send({ type: 'binding' }, address, now)
  }

  #handleBound(message: StunMessage, local: SocketAddress, remote: SocketAddress, now: Instant): void {
    let hasMoved = this.#learn({ kind: 'host', address: local })
    const mapped = attributeOf(message, 'xor-mapped-address')
    if (mapped !== undefined && mapped.family === remote.family && isUsable(mapped))
      hasMoved = this.#learn({ kind: 'srflx', address: mapped, base: local }) || hasMoved
    if (this.#race.answered(remote)) {
      this.#logger.debug({ server: remote.key }, 'server has answered')
      this.#request({ type: this.#isAllocated ? 'refresh' : 'allocate' }, now)
    } else if (hasMoved && this.activeServer?.equals(remote) === true) {
      // Allocations are known by our address (RFC 8656 §2.2): a NAT that has restarted makes ours unreachable.
      this.verify(now)
    }
  }

  #handleSuccess(request: AuthenticatedRequest, message: StunMessage, local: SocketAddress, now: Instant): void {
    switch (request.type) {
      case 'allocate':
        this.#handleAllocated(message, local, now)
        break
      case 'refresh':
        this.#handleRefreshed(attributeOf(message, 'lifetime'), now)
        break
      case 'free':
        this.#request({ type: 'allocate' }, now)
        break
      case 'channel-bind':
        this.#channels.confirm(request.channel, now)
        break
      default:
        unreachable(request)
    }
  }

  #handleAllocated(message: StunMessage, local: SocketAddress, now: Instant): void {
    const lifetime = attributeOf(message, 'lifetime')
    const relayed = attributesOf(message, 'xor-relayed-address')
    if (lifetime === undefined || relayed.length === 0) {
      this.#logger.warn({ server: this.activeServer?.key }, 'the server allocates neither address nor time')
      return
    }
    this.#isAllocated = true
    this.#setLifetime(lifetime, now)
    this.#timers.set('keep-alive', add(now, KEEP_ALIVE_INTERVAL))
    for (const family of [4, 6] as const) {
      const address = relayed.find(each => each.family === family)
      if (address !== undefined) this.#learn({ kind: 'relay', address, local })
    }
    for (const peer of this.#buffered.takeAll()) this.bindChannel(peer, now)
  }

  #handleRefreshed(lifetime: number | undefined, now: Instant): void {
    this.#mismatches = 0
    if (lifetime === undefined) {
      this.#timers.set('refresh', add(now, REFRESH_RETRY_INTERVAL))
    } else if (lifetime > 0) {
      this.#setLifetime(lifetime, now)
    } else {
      this.#invalidate()
      this.#request({ type: 'allocate' }, now)
    }
  }

  #handleError(answered: Transaction, { hadNonce }: SentCopy, message: StunMessage, now: Instant): void {
    const { request, challenges } = answered
    const code = attributeOf(message, 'error-code')?.code
    this.#logger.debug({ server: this.activeServer?.key, request: request.type, code }, 'the server refuses')
    if ((code === 401 || code === 438) && challenges < MAX_CHALLENGES) {
      const challenge = this.#authentication!.handleChallenge(message, code, hadNonce)
      if (challenge === 'retry') this.#request(request, now, REQUEST_BACKOFF, challenges + 1)
      else this.#handleRejection(challenge)
    } else if (code === 420) {
      this.#invalidate()
      this.#failure = 'protocol'
    } else if (code === 437 && this.#mismatches < MAX_MISMATCHES) {
      this.#mismatches++
      this.#invalidate(({ type }) => type !== 'binding') // those may tell of the other family
      if (request.type === 'channel-bind') this.#buffered.add(request.peer)
      // an allocation of which we know nothing has to go first: it may lack a family, or belong to an earlier run
      this.#request({ type: request.type === 'allocate' ? 'free' : 'allocate' }, now)
    } else if (request.type === 'channel-bind') {
      this.#channels.drop(request.channel)
    } else if (request.type === 'refresh') {
      this.#timers.set('refresh', add(now, REFRESH_RETRY_INTERVAL))
    } else {
      this.#buffered.clear()
      this.#logger.warn({ server: this.activeServer?.key, code }, 'the server refuses to relay')
    }
  }

  #handleRejection(challenge: Exclude<Challenge, 'retry'>): void {
    this.#logger.warn({ server: this.activeServer?.key, reason: challenge }, 'the server refuses our credentials')
    if (challenge === 'foreign-realm') return
    this.#authentication = undefined
    this.#invalidate()
  }

  /** Sends `transaction` once more, or gives it up, and with it the server if that was the one we talk to. */
  #trigger(transaction: Transaction, now: Instant): void {
    if (!this.#transactions.has(transaction)) return // another one, due at the same time, has ended it
    const { destination, transactionId } = transaction.copies.at(-1)!
    if (transaction.backoff.trigger(now) === 'resend') {
      const isBinding = transaction.request.type === 'binding'
      const to = isBinding ? destination : this.activeServer
      const copy = to && this.#transmit(transaction.request, to, isBinding ? transactionId : undefined)
      if (copy !== undefined && !isBinding) this.#transactions.sentAgain(transaction, copy)
      return
    }
    this.#transactions.end(transaction)
    if (this.activeServer?.family !== destination.family) {
      // The slower address of two, a lost race, or a family that we don't have any more.
      if (transaction.request.type === 'binding') this.#forgetFamily(destination.family)
      return
    }
    if (this.#isAllocated && this.#heardAt !== undefined && this.#heardAt > transaction.backoff.startedAt) {
      this.#giveUp(transaction.request, now)
      return
    }
    this.#logger.debug({ server: destination.key, request: transaction.request.type }, 'the server has fallen silent')
    this.#race.restart()
    this.#invalidate()
  }

  /** All copies of a request or their answers were lost, while other things were not: the server is alive. */
  #giveUp(request: TurnRequest, now: Instant): void {
    if (request.type === 'refresh') this.#timers.set('refresh', add(now, REFRESH_RETRY_INTERVAL))
    else if (request.type === 'channel-bind') this.#channels.drop(request.channel)
  }

  #forgetFamily(family: IpFamily): void {
    for (const candidate of this.#learned.takeOwn(family)) this.#events.push({ type: 'invalid-candidate', candidate })
  }

  /** The allocation is gone: forgets all that belongs to it, including requests (all of them, or some). */
  #invalidate(ends: (request: TurnRequest) => boolean = () => true): void {
    for (const candidate of this.#learned.takeRelayed()) this.#events.push({ type: 'invalid-candidate', candidate })
    this.#isAllocated = false
    this.#channels.clear()
    this.#transactions.endAll(ends)
    for (const name of ['keep-alive', 'refresh', 'expiry'] as const) this.#timers.stop(name)
  }

  #setLifetime(lifetimeSeconds: number, now: Instant): void {
    if (!this.#isAllocated) return
    this.#timers.set('refresh', add(now, millis(lifetimeSeconds * 500)))
    this.#timers.set('expiry', add(now, seconds(lifetimeSeconds)))
  }

  /** Tells of a candidate that is new. Returns whether it takes the place of another one. */
  #learn(candidate: TurnCandidate): boolean {
    const change = this.#learned.learn(candidate)
    if (change === undefined) return false
    this.#events.push({ type: 'new-candidate', candidate: change.added })
    if (change.removed === undefined) return false
    this.#events.push({ type: 'invalid-candidate', candidate: change.removed })
    return true
  }

  #isBinding(peer: SocketAddress): boolean {
    return this.#transactions.some(request => request.type === 'channel-bind' && request.peer.equals(peer))
  }

  #isAuthentic(message: StunMessage, { hadNonce }: SentCopy): boolean {
    if (this.#authentication === undefined) return false
    if (message.integrityOffset !== undefined || this.#dialect === 'firezone')
      return this.#authentication.verifies(message)
    const code = attributeOf(message, 'error-code')?.code
    return code === 438 || (code === 401 && !hadNonce)
  }

  /** Sends a request to the address that we talk to, if there is one. */
  #request(request: TurnRequest, now: Instant, policy: BackoffPolicy = REQUEST_BACKOFF, challenges = 0): void {
    if (this.activeServer !== undefined) this.#send(request, this.activeServer, now, policy, challenges)
  }

  #send(request: TurnRequest, to: SocketAddress, now: Instant, policy = REQUEST_BACKOFF, challenges = 0): void {
    const copy = this.#transmit(request, to)
    if (copy !== undefined) this.#transactions.begin(request, copy, new Backoff(policy, now), challenges)
  }

  #transmit(request: TurnRequest, destination: SocketAddress, sameId?: Uint8Array): SentCopy | undefined {
    const { software, random } = this.#options
    const transactionId = sameId ?? newTransactionId(random)
    const auth = this.#authentication
    let payload: Uint8Array
    if (request.type === 'binding') payload = encodeBinding(transactionId, software)
    else if (auth === undefined) return undefined
    else payload = encodeRequest(request, { transactionId, software, dialect: this.#dialect }, auth)
    this.#transmits.push({ local: undefined, remote: destination, payload })
    return { transactionId, destination, hadNonce: auth?.hasNonce === true }
  }
}

/** Refreshing all 4096 channels at once fits; what doesn't is sent again soon. */
const MAX_QUEUED = 4200

/** A server that answers nothing but challenges isn't asked for ever. */
const MAX_CHALLENGES = 8

/** A server that can't make up its mind about our allocation isn't asked for ever. */
const MAX_MISMATCHES = 8

const isUsable = (address: SocketAddress): boolean => address.port !== 0 && address.ip.bytes.some(byte => byte !== 0)
