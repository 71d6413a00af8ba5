import { BoundedQueue } from '@sallyport/sans-io'
import { equalTunConfigs, type TunConfig } from './tun-config.ts'

/** What every tunnel tells its owner. */
export type TunnelEvent<Message> =
  /** To be pushed to the portal. */
  | { readonly type: 'send-portal'; readonly message: Message }
  /** The TUN device is to be set up like this. Replaces an earlier one that was not polled yet. */
  | { readonly type: 'interface-changed'; readonly config: TunConfig }
  /** No relay is known: join the portal's channel again, its `init` brings some. */
  | { readonly type: 'relays-wanted' }

/** More than any burst between two drains. */
const MAX_EVENTS = 16_384

/** What a tunnel has to tell: events in order, then our candidates by the batch, then the newest configuration. */
export class Outbox<Message, Event> {
  readonly #events = new BoundedQueue<TunnelEvent<Message> | Event>(MAX_EVENTS)
  readonly #takeCandidates: () => readonly Message[]
  #config: TunConfig | undefined
  #announcesConfig = false

  /** @param takeCandidates - Returns messages about our candidates for one more peer; none when all are told. */
  constructor(takeCandidates: () => readonly Message[]) {
    this.#takeCandidates = takeCandidates
  }

  /** How the TUN device is to be set up. */
  get config(): TunConfig | undefined {
    return this.#config
  }

  /** Tells how the TUN device is to be set up, if that is new. */
  configure(config: TunConfig): void {
    if (equalTunConfigs(config, this.#config)) return
    this.#config = config
    this.#announcesConfig = true
  }

  /** Sends a message to the portal. What doesn't fit is lost: an owner that polls nothing hears nothing. */
  tellPortal(message: Message): void {
    this.#events.push({ type: 'send-portal', message })
  }

  /** Tells the owner. */
  emit(event: TunnelEvent<Message> | Event): void {
    this.#events.push(event)
  }

  /** Takes the next event, or `undefined`. */
  poll(): TunnelEvent<Message> | Event | undefined {
    if (this.#events.length === 0) for (const message of this.#takeCandidates()) this.tellPortal(message)
    const event = this.#events.shift()
    if (event !== undefined || !this.#announcesConfig || this.#config === undefined) return event
    this.#announcesConfig = false
    return { type: 'interface-changed', config: this.#config }
  }
}
