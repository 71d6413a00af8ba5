import { add, type Instant, type Millis, millis, type SocketAddress, type Transmit } from '@sallyport/sans-io'
import type { Relay, RelayPool } from './relay-pool.ts'

/** How long a path through our relay is silent until we ask the relay whether it is still there. */
const SUSPICION_AFTER: Millis = millis(750)

/** The one relay that a connection uses: what is sent through it, and when it is suspected to be gone. */
export class RelayUse {
  readonly #pool: RelayPool
  #relay: Relay
  /** The silence because of which the relay was asked already. */
  #suspectedSilence: Instant | undefined

  constructor(pool: RelayPool, relay: Relay) {
    this.#pool = pool
    this.#relay = relay
  }

  /** The relay. */
  get relay(): Relay {
    return this.#relay
  }

  /** Whether it is still known. */
  get isKnown(): boolean {
    return this.#pool.get(this.#relay.id) === this.#relay
  }

  /** Goes on with another one. */
  moveTo(relay: Relay): void {
    this.#relay = relay
  }

  /** Asks for a channel to `peer`, if the relay is still known. Returns whether it is. */
  bindChannel(peer: SocketAddress, now: Instant): boolean {
    if (!this.isKnown) return false
    this.#pool.bindChannel(this.#relay, peer, now)
    return true
  }

  /** Returns the datagram that brings `payload` to `peer`. Without a channel, or when the relay is gone, it is lost. */
  wrap(peer: SocketAddress, payload: Uint8Array, now: Instant): Transmit | undefined {
    return this.isKnown ? this.#pool.wrap(this.#relay, peer, payload, now) : undefined
  }

  /** When the relay has to be asked whether it is still there, if the path through it is silent since then. */
  suspicionAt(silentSince: Instant | undefined): Instant | undefined {
    if (silentSince === undefined || silentSince === this.#suspectedSilence || !this.isKnown) return undefined
    return add(silentSince, SUSPICION_AFTER)
  }

  /** Asks the relay, if that is due: once for each silence. */
  suspect(silentSince: Instant | undefined, now: Instant): void {
    const at = this.suspicionAt(silentSince)
    if (at === undefined || now < at) return
    this.#suspectedSilence = silentSince
    this.#pool.suspect(this.#relay, now)
  }
}
