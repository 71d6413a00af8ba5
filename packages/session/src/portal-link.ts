import type { PhoenixChannel, PhoenixEvent, PhoenixFailure } from '@sallyport/phoenix-channel'
import type { ParseResult } from '@sallyport/portal-protocol'
import { add, type Instant, type Logger, seconds, unreachable } from '@sallyport/sans-io'
import type { ChannelLoop } from './ports.ts'

/** How often at most the portal is asked for relays by connecting to it anew. */
const RELAYS_PAUSE = seconds(5)

/** What a {@link PortalLink} is made of. */
export interface PortalLinkParts<Message> {
  readonly channel: PhoenixChannel
  /** Runs the channel. */
  run(channel: PhoenixChannel, onEvent: (event: PhoenixEvent) => void): ChannelLoop
  /** Returns the URL that logs in at this moment. Secret. */
  loginUrl(): string
  /** Returns the time of a clock that never jumps. */
  now(): Instant
  /** Makes sense of what the portal says. */
  parse(event: string, payload: unknown): ParseResult<Message>
  /** Learns what the portal says, until the link is closed. */
  onMessage(message: Message): void
  /** Learns that the portal won't have us or can't be reached, for good. */
  onFailed(failure: PhoenixFailure): void
  readonly logger: Logger
}

/** How a client or a gateway talks with the portal. */
export class PortalLink<Message> {
  readonly #parts: PortalLinkParts<Message>
  readonly #loop: ChannelLoop
  #nextRelayRequest = 0 as Instant
  #closed: Promise<void> | undefined
  #onChannelClosed = (): void => {}

  /** Connects at once. */
  constructor(parts: PortalLinkParts<Message>) {
    this.#parts = parts
    this.#loop = parts.run(parts.channel, event => this.#handleEvent(event))
    this.#loop.connect(parts.loginUrl())
  }

  /** Connects anew, with the login of this moment. */
  reconnect(): void {
    if (this.#closed === undefined) this.#loop.connect(this.#parts.loginUrl())
  }

  /** Asks for relays, which the portal lists only when we join: connects anew, unless that was done just before. */
  requestRelays(): void {
    const now = this.#parts.now()
    if (this.#closed !== undefined || now < this.#nextRelayRequest) return
    this.#nextRelayRequest = add(now, RELAYS_PAUSE)
    this.#parts.logger.info({}, 'no relay is known: connecting to the portal anew')
    this.reconnect()
  }

  /** Tells the portal something, as soon as the channel is joined. */
  push(message: { readonly event: string; readonly payload: unknown }): void {
    if (this.#closed === undefined) this.#loop.push(message.event, message.payload)
  }

  /** Closes the channel with a handshake. Resolves when that is done; from the call on, nothing is heard any more. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { state } = this.#parts.channel
    if (state !== 'closed' && state !== 'failed') {
      const closed = new Promise<void>(resolve => {
        this.#onChannelClosed = resolve
      })
      this.#loop.close()
      await closed
    }
    this.#loop.stop()
  }

  #handleEvent(event: PhoenixEvent): void {
    const { logger, now, onFailed } = this.#parts
    switch (event.type) {
      case 'joined':
        logger.info({}, 'connected to the portal')
        break
      case 'message':
        this.#handleMessage(event.event, event.payload)
        break
      case 'reply':
        if (event.error !== undefined) logger.warn({ ref: event.ref, error: event.error }, 'portal refused a message')
        break
      case 'heartbeat':
        break
      case 'disconnected':
        logger.info(
          { reason: event.reason, retryInMs: Math.max(0, Math.round(event.retryAt - now())) },
          'connection to the portal is lost',
        )
        break
      case 'failed':
        this.#onChannelClosed()
        onFailed(event.failure)
        break
      case 'closed':
        this.#onChannelClosed()
        break
      default:
        unreachable(event)
    }
  }

  #handleMessage(event: string, payload: unknown): void {
    if (this.#closed !== undefined) return
    const { logger, parse, onMessage } = this.#parts
    const result = parse(event, payload)
    if ('defect' in result) {
      logger.warn({ ...result.defect }, 'ignored a message of the portal')
      return
    }
    for (const { type, what } of result.skipped)
      if (type === 'bad-element') logger.warn({ resource: what }, 'skipped a resource that makes no sense')
      else logger.debug({ resource: what }, 'skipped a resource of an unknown type')
    onMessage(result.message)
  }
}
