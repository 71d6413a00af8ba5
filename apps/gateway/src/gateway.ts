import type { PhoenixChannel, PhoenixEvent } from '@sallyport/phoenix-channel'
import { describeFailure } from '@sallyport/phoenix-channel'
import { parsePortalToGateway } from '@sallyport/portal-protocol'
import { add, type Instant, type Logger, type Millis, seconds, unreachable } from '@sallyport/sans-io'
import { OperatorError } from '@sallyport/service'
import type { GatewayTunnel, GatewayTunnelEvent, TunConfig } from '@sallyport/tunnel'

/** What a {@link Gateway} asks of the world. */
export interface GatewayPorts {
  now(): Instant
  /** Runs the portal's channel. */
  runChannel(onEvent: (event: PhoenixEvent) => void): {
    connect(url: string): void
    push(event: string, payload: unknown): number
    close(): void
    stop(): void
  }
  /** Runs the tunnel between its device and its sockets. */
  runTunnel(onEvent: (event: GatewayTunnelEvent) => void): {
    /** Called after each command given to the tunnel. */
    drain(): void
    /** Resolves when all datagrams have left, or to `false` when that takes too long. */
    flush(limit: Millis): Promise<boolean>
  }
  /** Sets addresses and routes of the TUN device. Throws if that can't be. */
  configure(config: TunConfig): void
}

/** What a {@link Gateway} is made of. */
export interface GatewayParts {
  readonly tunnel: GatewayTunnel
  readonly channel: PhoenixChannel
  readonly ports: GatewayPorts
  readonly logger: Logger
  /** The URL that logs in. Secret. */
  readonly loginUrl: string
}

/** How long goodbyes may take to leave. */
const FLUSH_TIMEOUT = seconds(1)

/** How often at most the portal is asked for relays by connecting to it anew. */
const RELAYS_PAUSE = seconds(5)

/** The portal's channel and the tunnel, brought together. */
export class Gateway {
  /** Resolves when the shutdown is complete; rejects, then too, when something has gone wrong for good. */
  readonly done: Promise<void>
  readonly #parts: GatewayParts
  readonly #channel: ReturnType<GatewayPorts['runChannel']>
  readonly #tunnel: ReturnType<GatewayPorts['runTunnel']>
  readonly #settle: { resolve(): void; reject(error: unknown): void }
  #isStopping = false
  #nextRelayRequest = 0 as Instant
  #onChannelClosed = (): void => {}

  /** Connects to the portal at once. */
  constructor(parts: GatewayParts) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.done = promise
    this.#settle = { resolve, reject }
    this.#parts = parts
    this.#tunnel = parts.ports.runTunnel(event => this.#handleTunnelEvent(event))
    this.#channel = parts.ports.runChannel(event => this.#handleChannelEvent(event))
    this.#channel.connect(parts.loginUrl)
  }

  /** Ends gracefully; {@link done} tells when. Harmless when called again. */
  stop(): void {
    this.#shutDown(undefined)
  }

  /** Ends because of something that we can't go on with. */
  fail(error: unknown): void {
    this.#shutDown(error)
  }

  #handleTunnelEvent(event: GatewayTunnelEvent): void {
    switch (event.type) {
      case 'send-portal':
        this.#channel.push(event.message.event, event.message.payload)
        break
      case 'interface-changed':
        this.#configure(event.config)
        break
      case 'connection-state':
        this.#parts.logger.info({ client: event.client, state: event.state }, 'connection to a client')
        break
      case 'path-changed': {
        const { client, path, localType: local, remoteType: remote } = event
        this.#parts.logger.info({ client, path, local, remote }, 'path selected')
        break
      }
      case 'relays-wanted':
        this.#requestRelays()
        break
      default:
        unreachable(event)
    }
  }

  #configure(config: TunConfig): void {
    if (this.#isStopping) return
    try {
      this.#parts.ports.configure(config)
      this.#parts.logger.info({ ipv4: config.ipv4, ipv6: config.ipv6 }, 'tunnel is set up')
    } catch (cause) {
      this.fail(new OperatorError('TUN device can not be set up', { cause }))
    }
  }

  /** The portal lists relays only when we join, so joining again is how to ask for them. */
  #requestRelays(): void {
    const now = this.#parts.ports.now()
    if (this.#isStopping || now < this.#nextRelayRequest) return
    this.#nextRelayRequest = add(now, RELAYS_PAUSE)
    this.#parts.logger.info({}, 'no relay is known: connecting to the portal anew')
    this.#channel.connect(this.#parts.loginUrl)
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
        if (event.error !== undefined) logger.warn({ ref: event.ref, error: event.error }, 'portal refused a message')
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
        this.fail(new OperatorError(describeFailure(event.failure)))
        break
      case 'closed':
        this.#onChannelClosed()
        break
      default:
        unreachable(event)
    }
  }

  #handleMessage(event: string, payload: unknown): void {
    if (this.#isStopping) return
    const result = parsePortalToGateway(event, payload)
    if ('defect' in result) {
      this.#parts.logger.warn({ ...result.defect }, 'ignored a message of the portal')
      return
    }
    this.#parts.tunnel.handlePortalMessage(result.message, this.#parts.ports.now())
    this.#tunnel.drain()
  }

  #shutDown(error: unknown): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#windUp().then(
      () => (error === undefined ? this.#settle.resolve() : this.#settle.reject(error)),
      failure => this.#settle.reject(error ?? failure),
    )
  }

  /** The portal comes first: when clients lose us and ask it again, it must not send them here. */
  async #windUp(): Promise<void> {
    const { logger, ports, tunnel } = this.#parts
    await this.#closeChannel()
    tunnel.shutdown(ports.now())
    this.#tunnel.drain()
    if (!(await this.#tunnel.flush(FLUSH_TIMEOUT))) throw new OperatorError('goodbyes could not be sent in time')
    logger.info({}, 'goodbye')
  }

  async #closeChannel(): Promise<void> {
    const { state } = this.#parts.channel
    if (state !== 'closed' && state !== 'failed') {
      const closed = new Promise<void>(resolve => {
        this.#onChannelClosed = resolve
      })
      this.#channel.close()
      await closed
    }
    this.#channel.stop()
  }
}
