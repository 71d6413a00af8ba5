import { ufragsOf } from '@sallyport/ice'
import type { Crypto, Instant, Logger, SocketAddress, Transmit } from '@sallyport/sans-io'
import { parseStun, transactionKey } from '@sallyport/stun'
import { receiveHandshake } from '@sallyport/wireguard'
import type { ConnectionTable } from './connection-table.ts'
import type { Incarnation } from './incarnation.ts'
import type { Relay } from './relay-pool.ts'

/** What a {@link ControlInbox} works with. */
export interface ControlInboxOptions {
  readonly crypto: Crypto
  readonly logger: Logger
  readonly connections: ConnectionTable
  /** Who we are at present. */
  incarnation(): Incarnation
  /** Takes up what relays have said. */
  followRelays(now: Instant): void
  send(transmit: Transmit): void
  /** Counts a datagram that is of no use to anybody. */
  drop(): void
}

/** Hands what is no packet to whom it is for: answers of relays, connectivity checks, handshakes. */
export class ControlInbox {
  readonly #options: ControlInboxOptions

  constructor(options: ControlInboxOptions) {
    this.#options = options
  }

  /** Takes a STUN message from a relay, or a connectivity check that came directly or through a relay. */
  handleStun(
    relay: Relay | undefined,
    local: SocketAddress,
    remote: SocketAddress,
    payload: Uint8Array,
    now: Instant,
  ): void {
    const { connections } = this.#options
    const { relays, context } = this.#options.incarnation()
    if (relay?.allocation.handlesServer(remote) === true) {
      if (relays.handleInput(relay, { local, remote, payload }, now)) this.#options.followRelays(now)
      else this.#miss('unknown transaction', remote)
      return
    }
    const message = parseStun(payload)
    if (typeof message === 'string') return void this.#miss(message, remote)
    const input = { local, remote, message }
    if (message.class === 'success' || message.class === 'error') {
      const asker = context.transactions.find(transactionKey(message.transactionId))
      const isAlive = asker !== undefined && connections.at(asker.handle) === asker
      if (!isAlive || !asker.handleCheck(input, now)) this.#miss('unasked answer', remote)
      return
    }
    const ufrags = ufragsOf(message)
    if (ufrags === undefined) return void this.#miss('no ufrags', remote)
    for (const connection of connections.withUfrag(ufrags.receiver)) if (connection.handleCheck(input, now)) return
    this.#miss('unknown agent', remote)
  }

  /** Takes a WireGuard handshake message that came directly or through a relay. */
  handleHandshake(
    relay: Relay | undefined,
    local: SocketAddress,
    remote: SocketAddress,
    message: Uint8Array,
    now: Instant,
  ): void {
    const { crypto, connections } = this.#options
    const { identity, rateLimiter } = this.#options.incarnation()
    const received = receiveHandshake({ crypto, identity, rateLimiter }, message, remote.ip, now)
    if (received.type === 'turned-away') return void this.#miss(received.defect, remote)
    if (received.type === 'under-load') {
      if (received.cookieReply !== undefined) this.#answer(relay, local, remote, received.cookieReply, now)
      return void this.#miss('under load', remote)
    }
    const connection =
      received.type === 'initiation'
        ? connections.withPublicKey(received.initiation.publicKey)
        : connections.withIndex(received.receiverIndex >>> 8)
    if (connection === undefined) return void this.#miss('unknown peer', remote)
    const defect = connection.tunnel.handleReceived(received, now)
    if (defect !== undefined) this.#miss(defect, remote)
    connection.drain(now)
  }

  /** Sends something back to where a datagram came from. */
  #answer(
    relay: Relay | undefined,
    local: SocketAddress,
    remote: SocketAddress,
    payload: Uint8Array,
    now: Instant,
  ): void {
    const { relays } = this.#options.incarnation()
    const transmit = relay === undefined ? { local, remote, payload } : relays.wrap(relay, remote, payload, now)
    if (transmit !== undefined) this.#options.send(transmit)
  }

  #miss(reason: string, remote: SocketAddress): void {
    this.#options.drop()
    this.#options.logger.debug({ remote: remote.key, reason }, 'datagram dropped')
  }
}
