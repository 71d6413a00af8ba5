import { IceAgent, type IceInput, type IcePath } from '@sallyport/ice'
import { add, copyBytes, earliest, type Instant, type Millis, seconds, type Transmit } from '@sallyport/sans-io'
import { transactionKey } from '@sallyport/stun'
import type { TurnCandidate } from '@sallyport/turn-client'
import { Tunnel } from '@sallyport/wireguard'
import { CandidateExchange } from './candidate-exchange.ts'
import { CheckSender } from './check-sender.ts'
import { areSame, type ConnectionContext, type ConnectionOptions, type ConnectionSetup } from './connection-options.ts'
import {
  CANDIDATE_TIMEOUT,
  type ConnectionState,
  connecting,
  DISCONNECT_GRACE,
  type FailureReason,
  idleAt,
  nominated,
  socketOf,
} from './connection-state.ts'
import type { ConnectionId } from './ids.ts'
import { PeerSocket } from './peer-socket.ts'
import type { Relay } from './relay-pool.ts'
import { RelayUse } from './relay-use.ts'

/** After a handshake that nobody but a new path asked for, the next such one has to wait this long. */
const PROACTIVE_HANDSHAKE_INTERVAL: Millis = seconds(20)

/** How often ICE may ask to be called again at one instant. */
const MAX_ROUNDS = 256

/** One peer: an ICE agent that finds a path, a WireGuard tunnel that uses it, and a state. Knows no other peer. */
export class Connection {
  readonly id: ConnectionId
  /** What the packet path calls it. */
  readonly handle: number
  /** The upper 24 bits of its WireGuard indices. */
  readonly index: number
  readonly options: ConnectionOptions
  readonly tunnel: Tunnel
  readonly #context: ConnectionContext
  readonly #agent: IceAgent
  readonly #candidates: CandidateExchange
  readonly #createdAt: Instant
  readonly #relay: RelayUse
  readonly #checks: CheckSender
  #state: ConnectionState = connecting()
  #disconnectedAt: Instant | undefined
  #proactiveHandshakeAt: Instant | undefined
  #isEstablished = false
  /** When {@link handleTimeout} is next due. */
  deadline: Instant | undefined
  /** Whether the packet path has used it since it was last drained. */
  isTouched = false

  constructor(context: ConnectionContext, setup: ConnectionSetup, options: ConnectionOptions, now: Instant) {
    const { crypto, random, logger, timing, isClient } = context
    this.#context = context
    this.id = setup.id
    this.handle = setup.handle
    this.index = setup.tunnel.localIndex
    this.options = options
    this.#relay = new RelayUse(context.relays, setup.relay)
    this.#createdAt = now
    this.tunnel = new Tunnel(setup.tunnel, now)
    this.#agent = new IceAgent(
      {
        controlling: isClient,
        localCredentials: options.localCredentials,
        remoteCredentials: options.remoteCredentials,
        crypto,
        random,
        logger,
        timing: timing.active,
      },
      now,
    )
    this.#candidates = new CandidateExchange(this.#agent)
    this.#checks = new CheckSender(this.#candidates, this.#relay, transmit => context.send(transmit))
    this.#tell(context.relays.candidatesFor(setup.relay.id), now)
    this.handleTimeout(now)
  }

  /** Where it is in its life. */
  get state(): ConnectionState {
    return this.#state
  }

  /** The relay that it uses. */
  get relay(): Relay {
    return this.#relay.relay
  }

  /** Why it has failed, or `undefined`. */
  get failure(): FailureReason | undefined {
    return this.#state.type === 'failed' ? this.#state.reason : undefined
  }

  /** Bytes of connectivity checks and their answers that we have sent: directly, and through our relay with headers. */
  get stunBytes(): { readonly direct: number; readonly relayed: number } {
    return this.#checks.bytes
  }

  /** Returns whether this is a connection between the same two processes. */
  isFor(options: ConnectionOptions): boolean {
    return areSame(this.options, options)
  }

  /** Tells all of our candidates again: the peer may have forgotten them, or never heard of them. */
  repeatCandidates(): void {
    for (const candidate of this.#candidates.repeat())
      this.#context.emit({ type: 'candidate-added', connection: this.id, candidate })
  }

  /** Somebody wants this connection again: the peer may have forgotten our candidates and our session. */
  reuse(now: Instant): void {
    this.noteActivity(now)
    this.#candidates.tell(this.#context.relays.candidatesFor(this.relay.id), now)
    this.repeatCandidates()
    this.#startHandshake(now)
    this.handleTimeout(now)
  }

  /** Takes up an address of ours. */
  addAddress(address: TurnCandidate, now: Instant): void {
    this.#tell([address], now)
    this.#advanceIce(now)
    this.drain(now)
  }

  /** Gives up an address of ours. */
  removeAddress(address: TurnCandidate, now: Instant): void {
    const candidate = this.#candidates.takeBack(address, now)
    if (candidate !== undefined) this.#context.emit({ type: 'candidate-removed', connection: this.id, candidate })
    this.#advanceIce(now)
    this.drain(now)
  }

  /** Goes on with another relay: its own is gone. */
  moveTo(relay: Relay, now: Instant): void {
    this.#relay.moveTo(relay)
    this.#tell(this.#context.relays.candidatesFor(relay.id), now)
    this.#advanceIce(now)
    this.drain(now)
  }

  /** Takes a candidate of the peer's, and asks our relay for a channel to it unless it is a host's. */
  addRemoteCandidate(line: string, now: Instant): void {
    const candidate = this.#candidates.hear(line, now)
    if (candidate === undefined) {
      this.#context.logger.debug({ connection: this.id, line }, 'ignoring what is no candidate')
      return
    }
    if (candidate.type !== 'host' && this.#relay.bindChannel(candidate.address, now)) this.noteActivity(now)
    this.#advanceIce(now)
    this.drain(now)
  }

  /** Takes back a candidate of the peer's. */
  removeRemoteCandidate(line: string, now: Instant): void {
    this.#candidates.unhear(line, now)
    this.#advanceIce(now)
    this.drain(now)
  }

  /** Takes a connectivity check, or the answer to one. Returns whether it is for this connection, and authentic. */
  handleCheck(input: IceInput, now: Instant): boolean {
    if (!this.#agent.handleInput(input, now)) return false
    this.#advanceIce(now)
    this.drain(now)
    return true
  }

  /** A packet was sent or received: the connection is in use. */
  noteActivity(now: Instant): void {
    const state = this.#state
    if (state.type === 'connected') state.lastActivity = now
    else if (state.type === 'idle') {
      this.#state = { type: 'connected', socket: state.socket, lastActivity: now }
      this.#agent.setTiming(this.#context.timing.active, now)
      this.#context.logger.debug({ connection: this.id }, 'connection is active')
    }
  }

  /**
   * Sends a packet. While a client connects, packets wait for a path, while a gateway does, they don't.
   *
   * Returns whether it was sent or kept.
   */
  sendPacket(packet: Uint8Array, now: Instant): boolean {
    const state = this.#state
    if (state.type === 'connecting' && this.#context.isClient) {
      state.packets.push(copyBytes(packet))
      return true
    }
    if (socketOf(state) === undefined) return false
    this.noteActivity(now)
    const datagram = this.#context.bench.seal(this.tunnel, packet, now)
    if (datagram !== undefined) this.#sendDatagram(datagram, now)
    this.drain(now)
    return true
  }

  /** Says goodbye if there is a path. Returns whether there was: only then somebody has to know. */
  close(goodbye: Uint8Array, now: Instant): boolean {
    if (socketOf(this.#state) === undefined) return false
    this.sendPacket(goodbye, now)
    return true
  }

  /** Advances everything that is due. */
  handleTimeout(now: Instant): void {
    this.#advanceIce(now)
    const idle = this.#idleAt
    if (idle !== undefined && now >= idle) this.#becomeIdle(now)
    const disconnected = this.#disconnectedAt
    if (!this.#candidates.areMutual && now >= add(this.#createdAt, CANDIDATE_TIMEOUT)) this.#fail('no-candidates')
    else if (disconnected !== undefined && now >= add(disconnected, DISCONNECT_GRACE)) this.#fail('ice-disconnected')
    else if (socketOf(this.#state) !== undefined) this.tunnel.handleTimeout(now)
    this.drain(now)
  }

  /** Moves on what the agent and the tunnel have to say, and finds out when to be called again. */
  drain(now: Instant): void {
    this.isTouched = false
    for (let event = this.#agent.pollEvent(); event !== undefined; event = this.#agent.pollEvent()) {
      if (event.type === 'nominated') this.#usePath(event, now)
      else if (event.state === 'disconnected') this.#disconnectedAt = now
      else this.#disconnectedAt = undefined
    }
    for (let out = this.#agent.pollTransmit(); out !== undefined; out = this.#agent.pollTransmit())
      this.#sendCheck(out, now)
    for (let event = this.tunnel.pollEvent(); event !== undefined; event = this.tunnel.pollEvent())
      if (event.type === 'expired') this.#fail('tunnel-expired')
      else this.#noteEstablished()
    for (let out = this.tunnel.pollTransmit(); out !== undefined; out = this.tunnel.pollTransmit())
      this.#sendDatagram(out, now)
    this.#relay.suspect(this.#relayedSilence, now)
    this.deadline = this.#nextDeadline()
  }

  /** Idling slows the checks down. Where ICE has no working path, they have to find one. */
  get #idleAt(): Instant | undefined {
    const { state } = this.#agent
    return state === 'connected' || state === 'completed' ? idleAt(this.#state) : undefined
  }

  /** Since when the path through our relay has been silent, while packets use it. */
  get #relayedSilence(): Instant | undefined {
    return this.#state.type === 'connected' && this.#state.socket.isRelayed ? this.#agent.silentSince : undefined
  }

  #nextDeadline(): Instant | undefined {
    if (this.#state.type === 'failed') return undefined
    return earliest(
      this.#agent.pollTimeout(),
      this.#idleAt,
      this.#relay.suspicionAt(this.#relayedSilence),
      this.#candidates.areMutual ? undefined : add(this.#createdAt, CANDIDATE_TIMEOUT),
      this.#disconnectedAt === undefined ? undefined : add(this.#disconnectedAt, DISCONNECT_GRACE),
      this.#state.type === 'connecting' ? undefined : this.tunnel.pollTimeout(),
    )
  }

  /** Without pacing the agent asks to be called again at once until all that is due has been done. */
  #advanceIce(now: Instant): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const at = this.#agent.pollTimeout()
      if (at === undefined || at > now) return
      this.#agent.handleTimeout(now)
    }
  }

  #becomeIdle(now: Instant): void {
    if (this.#state.type !== 'connected') return
    this.#state = { type: 'idle', socket: this.#state.socket }
    this.#agent.setTiming(this.#context.timing.idle, now)
    this.#context.logger.debug({ connection: this.id }, 'connection is idle')
  }

  #fail(reason: FailureReason): void {
    if (this.#state.type === 'failed') return
    this.#context.logger.info({ connection: this.id, reason }, 'connection failed')
    this.#state = { type: 'failed', reason }
  }

  #usePath(path: IcePath, now: Instant): void {
    const before = this.#state
    const { remoteType, validLocalType: localType } = path
    const socket = new PeerSocket(path.local, path.remote, path.localType === 'relay', remoteType === 'relay')
    if (before.type === 'failed' || socketOf(before)?.equals(socket) === true) return
    this.#state = nominated(before, socket, now)
    this.#context.logger.debug({ connection: this.id, path: socket.kind }, 'path nominated')
    this.#context.emit({ type: 'path-changed', connection: this.id, path: socket.kind, localType, remoteType })
    if (before.type === 'connecting') {
      for (let out = before.datagrams.shift(); out !== undefined; out = before.datagrams.shift())
        this.#sendDatagram(out, now)
      for (let packet = before.packets.shift(); packet !== undefined; packet = before.packets.shift())
        this.sendPacket(packet, now)
    }
    this.#startHandshake(now)
  }

  /** A new path is tried with a handshake, by the controlling side: so both know that it carries WireGuard. */
  #startHandshake(now: Instant): void {
    if (!this.#context.isClient || socketOf(this.#state) === undefined || this.tunnel.isHandshakeInFlight) return
    const last = this.#proactiveHandshakeAt
    if (last !== undefined && now < add(last, PROACTIVE_HANDSHAKE_INTERVAL)) return
    this.#proactiveHandshakeAt = now
    this.tunnel.startHandshake(now)
  }

  #noteEstablished(): void {
    if (this.#isEstablished) return
    this.#isEstablished = true
    this.#context.emit({ type: 'connection-established', connection: this.id })
  }

  #tell(addresses: Iterable<TurnCandidate>, now: Instant): void {
    for (const candidate of this.#candidates.tell(addresses, now))
      this.#context.emit({ type: 'candidate-added', connection: this.id, candidate })
  }

  /** Sends a WireGuard datagram on the nominated path, never "back to where something came from". */
  #sendDatagram(payload: Uint8Array, now: Instant): void {
    const state = this.#state
    if (state.type === 'connecting') state.datagrams.push(payload)
    if (state.type !== 'connected' && state.type !== 'idle') return
    const { local, remote, isRelayed } = state.socket
    const transmit = isRelayed ? this.#relay.wrap(remote, payload, now) : { local, remote, payload }
    if (transmit !== undefined) this.#context.send(transmit)
  }

  #sendCheck(check: Transmit, now: Instant): void {
    const { payload } = check
    if (payload[0] === 0) this.#context.transactions.note(transactionKey(payload.subarray(8, 20)), this, now)
    this.#checks.send(check, now)
  }
}
