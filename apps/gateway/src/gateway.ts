import { describeFailure, type PhoenixChannel, type PhoenixEvent } from '@sallyport/phoenix-channel'
import { type PortalToGateway, parsePortalToGateway } from '@sallyport/portal-protocol'
import { type Instant, type IpAddress, type Logger, type Millis, seconds, unreachable } from '@sallyport/sans-io'
import { OperatorError } from '@sallyport/service'
import { type ChannelLoop, PortalLink, pathForLog } from '@sallyport/session'
import type { GatewayTunnel, GatewayTunnelEvent, ResolveRequest, TunConfig } from '@sallyport/tunnel'

/** What a {@link Gateway} asks of the world. */
export interface GatewayPorts {
  now(): Instant
  /** Runs the portal's channel. */
  runChannel(channel: PhoenixChannel, onEvent: (event: PhoenixEvent) => void): ChannelLoop
  /** Runs the tunnel between its device and its sockets. */
  runTunnel(onEvent: (event: GatewayTunnelEvent) => void): {
    /** Called after each command given to the tunnel. */
    drain(): void
    /** Resolves when all datagrams have left, or to `false` when that takes too long. */
    flush(limit: Millis): Promise<boolean>
  }
  /** Sets addresses and routes of the TUN device. Throws if that can't be. */
  configure(config: TunConfig): void
  /** Returns the addresses of a name, of both families; `undefined` if nobody could tell. */
  resolve(name: string): Promise<readonly IpAddress[] | undefined>
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

/** The portal's channel and the tunnel, brought together. */
export class Gateway {
  /** Resolves when the shutdown is complete; rejects, then too, when something has gone wrong for good. */
  readonly done: Promise<void>
  readonly #parts: GatewayParts
  readonly #portal: PortalLink<PortalToGateway>
  readonly #tunnel: ReturnType<GatewayPorts['runTunnel']>
  readonly #settle: { resolve(): void; reject(error: unknown): void }
  #isStopping = false

  /** Connects to the portal at once. */
  constructor(parts: GatewayParts) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.done = promise
    this.#settle = { resolve, reject }
    this.#parts = parts
    this.#tunnel = parts.ports.runTunnel(event => this.#handleTunnelEvent(event))
    this.#portal = new PortalLink({
      channel: parts.channel,
      logger: parts.logger,
      run: (channel, onEvent) => parts.ports.runChannel(channel, onEvent),
      loginUrl: () => parts.loginUrl,
      now: () => parts.ports.now(),
      parse: parsePortalToGateway,
      onMessage: message => {
        parts.tunnel.handlePortalMessage(message, parts.ports.now())
        this.#tunnel.drain()
      },
      onFailed: failure => this.fail(new OperatorError(describeFailure(failure))),
    })
  }

  /** Ends gracefully; {@link done} tells when. Harmless when called again. */
  stop(): void {
    this.#shutDown(undefined)
  }

  /** Goes on from other addresses, because the network has changed: clients learn them and stay connected. */
  relocate(): void {
    if (this.#isStopping) return
    this.#parts.logger.info({}, 'network has changed: finding out our addresses')
    this.#parts.tunnel.relocate(this.#parts.ports.now())
    this.#tunnel.drain()
    this.#portal.reconnect() // its connection is still bound to an address that may be gone
  }

  /** Ends because of something that we can't go on with. */
  fail(error: unknown): void {
    this.#shutDown(error)
  }

  #handleTunnelEvent(event: GatewayTunnelEvent): void {
    switch (event.type) {
      case 'send-portal':
        this.#portal.push(event.message)
        break
      case 'interface-changed':
        this.#configure(event.config)
        break
      case 'resolve-domain':
        void this.#resolve(event.request)
        break
      case 'connection-state':
        this.#parts.logger.info({ client: event.client, state: event.state }, 'connection to a client')
        break
      case 'path-changed':
        this.#parts.logger.info({ client: event.client, ...pathForLog(event) }, 'path selected')
        break
      case 'relays-wanted':
        this.#portal.requestRelays()
        break
      default:
        unreachable(event)
    }
  }

  async #resolve(request: ResolveRequest): Promise<void> {
    const { ports, tunnel } = this.#parts
    const addresses = await ports.resolve(request.domain.text).catch(() => undefined)
    if (this.#isStopping) return
    tunnel.handleDomainResolved(request, addresses, ports.now())
    this.#tunnel.drain()
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
    await this.#portal.close()
    tunnel.shutdown(ports.now())
    this.#tunnel.drain()
    if (!(await this.#tunnel.flush(FLUSH_TIMEOUT))) throw new OperatorError('goodbyes could not be sent in time')
    logger.info({}, 'goodbye')
  }
}
