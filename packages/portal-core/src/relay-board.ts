import { relayObjects } from '@sallyport/portal-protocol'
import { add, type Instant, IpAddress, type Millis, seconds } from '@sallyport/sans-io'
import { type PortalContext, unixSeconds } from './context.ts'
import { chooseRelays } from './relay-choice.ts'
import type { ClientSession, GatewaySession, RelaySession } from './session.ts'
import { turnCredentials } from './turn-credentials.ts'

/** How long a relay that left is expected back before its users are told: it may have lost its WebSocket only. */
export const RELAY_LEAVE_DEBOUNCE: Millis = seconds(3)

/**
 * When the credentials of gateways expire: 2038-01-01T00:00:00Z, in Unix milliseconds.
 *
 * A fixed point, since other credentials would make a gateway throw its allocations away at each reconnect. What really
 * ends them is the relay's stamp secret, which dies with the relay's process.
 */
export const GATEWAY_CREDENTIALS_EXPIRY = 2_145_916_800_000

type RelayUser = ClientSession | GatewaySession
type RelayView = ReturnType<typeof relayObjects>[number]

/** Who uses which relay, and what they are told when relays come and go. */
export class RelayBoard {
  readonly #context: PortalContext

  constructor(context: PortalContext) {
    this.#context = context
  }

  /** Chooses relays for a peer and returns them as it gets to see them. */
  assign(user: RelayUser): readonly RelayView[] {
    const { sessions, random } = this.#context
    const { given, held } = user.relays
    const chosen = chooseRelays(sessions.onlineRelays(), user.coordinates, new Set(given.keys()), random)
    for (const id of given.keys()) if (!held.has(id)) given.delete(id)
    for (const relay of chosen) given.set(relay.id, relay.stampSecret)
    return chosen.flatMap(relay => this.#view(relay, user))
  }

  /** Tells those whom it concerns that a relay came. */
  relayJoined(relay: RelaySession): void {
    for (const user of this.#users()) {
      const { given, held } = user.relays
      const secret = given.get(relay.id)
      const wasHeld = this.#release(user, relay.id)
      if (secret === relay.stampSecret) continue // it was away for a moment, its allocations live on
      if (secret !== undefined) this.#tell(user, [relay.id])
      else if (!wasHeld && [...given.keys()].every(id => held.has(id))) this.#tell(user, [])
    }
  }

  /** Starts to wait for a relay that left. */
  relayLeft(relay: RelaySession, now: Instant): void {
    if (this.#context.sessions.isOnline(relay.id)) return
    for (const user of this.#users()) {
      if (!user.relays.given.has(relay.id)) continue
      user.relays.held.add(relay.id)
      this.#context.timers.set(`relay:${user.peer}:${relay.id}`, add(now, RELAY_LEAVE_DEBOUNCE))
    }
  }

  /** Tells a peer that a relay has not come back. */
  giveUp(user: RelayUser, relayId: string): void {
    if (this.#release(user, relayId)) this.#tell(user, [relayId])
  }

  /** Forgets a peer that left. */
  userLeft(user: RelayUser): void {
    for (const id of [...user.relays.held]) this.#release(user, id)
  }

  #tell(user: RelayUser, disconnectedIds: readonly string[]): void {
    for (const id of disconnectedIds) user.relays.given.delete(id)
    this.#context.send(user.peer, 'relays_presence', {
      disconnected_ids: disconnectedIds,
      connected: this.assign(user),
    })
  }

  #release(user: RelayUser, relayId: string): boolean {
    this.#context.timers.stop(`relay:${user.peer}:${relayId}`)
    return user.relays.held.delete(relayId)
  }

  #users(): RelayUser[] {
    const { sessions } = this.#context
    return [...sessions.joined('client'), ...sessions.joined('gateway')]
  }

  #view(session: RelaySession, user: RelayUser): readonly RelayView[] {
    const relay = this.#context.db.get('relays', session.id)!
    const expiresAt = unixSeconds(user.role === 'client' ? user.expiresAt : GATEWAY_CREDENTIALS_EXPIRY)
    const { username, password } = turnCredentials(this.#context.crypto, user.publicKey, session.stampSecret, expiresAt)
    const server = {
      id: relay.id as Parameters<typeof relayObjects>[0]['id'],
      ipv4: relay.ipv4 === null ? undefined : IpAddress.of(relay.ipv4),
      ipv6: relay.ipv6 === null ? undefined : IpAddress.of(relay.ipv6),
      port: relay.port,
    }
    return relayObjects(server, { username, password, expires_at: expiresAt as RelayView['expires_at'] })
  }
}
