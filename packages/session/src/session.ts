import type { PhoenixChannel, PhoenixEvent } from '@sallyport/phoenix-channel'
import { parsePortalToClient, type ResourceId } from '@sallyport/portal-protocol'
import { add, type Instant, type Logger, type Millis, seconds, unreachable } from '@sallyport/sans-io'
import type { ClientTunnel, ClientTunnelEvent } from '@sallyport/tunnel'
import { EventStream } from './event-stream.ts'
import type { SessionFailure } from './events.ts'
import type { ChannelLoop, SessionPorts, TunnelLoop } from './ports.ts'

/** How long goodbyes may take to leave. */
export const FLUSH_TIMEOUT: Millis = seconds(1)

/** How often at most the portal is asked for relays by connecting to it anew. */
const RELAYS_PAUSE = seconds(5)

/** What a session is made of. */
export interface SessionParts<Device> {
  readonly tunnel: ClientTunnel
  readonly channel: PhoenixChannel
  readonly ports: SessionPorts<Device>
  readonly logger: Logger
  /** Returns the URL that logs in with the tunnel's key of the moment. */
  loginUrl(): string
}

/** A client that is signed in. Made by {@link connect}. */
export class Session<Device> {
  /** What happens. Ends when the shutdown is complete. */
  readonly events: EventStream = new EventStream(() => this.stop())
  readonly #parts: SessionParts<Device>
  readonly #channel: ChannelLoop
  readonly #tunnel: TunnelLoop<Device>
  #nextRelayRequest = 0 as Instant
  #shutdown: Promise<void> | undefined
  #onChannelClosed = (): void => {}

  /** Connects to the portal at once. */
  constructor(parts: SessionParts<Device>) {
    this.#parts = parts
    this.#tunnel = parts.ports.runTunnel(
      parts.tunnel,
      event => this.#handleTunnelEvent(event),
      error => this.#fail({ type: 'tunnel', error }),
    )
    this.#channel = parts.ports.runChannel(parts.channel, event => this.#handleChannelEvent(event))
    this.#channel.connect(parts.loginUrl())
  }

  /** Hands over the TUN device, which belongs to the session from here on. */
  setDevice(device: Device): void {
    if (this.#shutdown === undefined) this.#tunnel.setDevice(device)
  }

  /** Switches exactly these resources off. */
  setDisabledResources(ids: ReadonlySet<ResourceId>): void {
    this.#command(now => this.#parts.tunnel.setDisabledResources(ids, now))
  }

  /**
   * Starts over because the network has changed: with a new key, on new sockets, with a new connection to the portal.
   *
   * Relays know our allocations by their source address, so nothing of the old network may be used on the next.
   */
  reset(reason: string): void {
    if (this.#shutdown !== undefined) return
    this.#parts.logger.info({ reason }, 'resetting the session')
    this.#command(now => this.#parts.tunnel.reset(now))
    this.#tunnel.rebind()
    this.#channel.connect(this.#parts.loginUrl())
  }

  /** Stops gracefully. Resolves when the shutdown is complete; harmless when called again. Never rejects. */
  stop(): Promise<void> {
    this.#shutdown ??= this.#shutDown(undefined)
    return this.#shutdown
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #command(action: (now: Instant) => void): void {
    if (this.#shutdown !== undefined) return
    action(this.#parts.ports.now())
    this.#tunnel.drain()
  }

  #fail(failure: SessionFailure): void {
    this.#shutdown ??= this.#shutDown(failure)
  }

  #handleTunnelEvent(event: ClientTunnelEvent): void {
    switch (event.type) {
      case 'send-portal':
        if (event.message.event === 'create_flow')
          this.#parts.logger.info({ resourceId: event.message.payload.resource_id }, 'asking for access')
        this.#channel.push(event.message.event, event.message.payload)
        break
      case 'interface-changed':
      case 'resources-changed':
        if (this.#shutdown === undefined) this.events.push(event)
        break
      case 'connection-state':
        this.#parts.logger.info({ gateway: event.gateway, state: event.state }, 'connection to a gateway')
        break
      case 'path-changed':
        this.#parts.logger.info(
          {
            gatewayId: event.gateway,
            path: event.path === 'peer-to-peer' ? 'direct' : 'relayed',
            local: event.localType,
            remote: event.remoteType,
          },
          'path selected',
        )
        break
      case 'relays-wanted':
        this.#requestRelays()
        break
      default:
        unreachable(event)
    }
  }

  /** The portal lists relays only when we join, so joining again is how to ask for them. */
  #requestRelays(): void {
    const now = this.#parts.ports.now()
    if (this.#shutdown !== undefined || now < this.#nextRelayRequest) return
    this.#nextRelayRequest = add(now, RELAYS_PAUSE)
    this.#parts.logger.info({}, 'no relay is known: connecting to the portal anew')
    this.#channel.connect(this.#parts.loginUrl())
  }

  #handleChannelEvent(event: PhoenixEvent): void {
    const { logger, ports } = this.#parts
    switch (event.type) {
      case 'joined':
        logger.info({}, 'connected to the portal')
        break
      case 'message':
        this.#handleMessage(event.event, event.payload)
        break
      case 'reply':
        if (event.error !== undefined) logger.debug({ ref: event.ref, error: event.error }, 'portal refused a message')
        break
      case 'heartbeat':
        break
      case 'disconnected':
        logger.info(
          { reason: event.reason, retryInMs: Math.round(event.retryAt - ports.now()) },
          'connection to the portal is lost',
        )
        break
      case 'failed':
        this.#onChannelClosed()
        this.#fail({ type: 'portal', failure: event.failure })
        break
      case 'closed':
        this.#onChannelClosed()
        break
      default:
        unreachable(event)
    }
  }

  #handleMessage(event: string, payload: unknown): void {
    const { logger, tunnel } = this.#parts
    const result = parsePortalToClient(event, payload)
    if ('defect' in result) {
      logger.warn({ ...result.defect }, 'ignored a message of the portal')
      return
    }
    for (const { type, what } of result.skipped)
      if (type === 'bad-element') logger.warn({ resource: what }, 'skipped a resource that makes no sense')
      else logger.debug({ resource: what }, 'skipped a resource of an unknown type')
    this.#command(now => tunnel.handlePortalMessage(result.message, now))
  }

  /** Goodbyes go out first; the end of the stream comes last, so whoever waits for it knows. */
  async #shutDown(failure: SessionFailure | undefined): Promise<void> {
    const { logger, ports, tunnel } = this.#parts
    await Promise.resolve() // a failure may be told from inside a loop: let that come to its end
    let ending = failure
    await this.#step('say goodbye', async () => {
      tunnel.shutdown(ports.now())
      this.#tunnel.drain()
      if (!(await this.#tunnel.flush(FLUSH_TIMEOUT))) ending ??= { type: 'flush-timeout' }
    })
    await this.#step('restore DNS and routes', () => ports.restore?.())
    await this.#step('close the tunnel', () => this.#tunnel.close())
    await this.#step('close the channel', () => this.#closeChannel())
    logger.info({}, 'session has ended')
    if (ending !== undefined) this.events.push({ type: 'disconnected', failure: ending })
    this.events.end()
  }

  async #closeChannel(): Promise<void> {
    const state = this.#parts.channel.state
    if (state !== 'closed' && state !== 'failed') {
      const closed = new Promise<void>(resolve => {
        this.#onChannelClosed = resolve
      })
      this.#channel.close()
      await closed
    }
    this.#channel.stop()
  }

  /** Whatever goes wrong in one step of a shutdown, the others are still taken. */
  async #step(what: string, action: () => void | Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      this.#parts.logger.warn({ error }, `failed to ${what}`)
    }
  }
}
