import type { PhoenixChannel } from '@sallyport/phoenix-channel'
import { type PortalToClient, parsePortalToClient, type ResourceId } from '@sallyport/portal-protocol'
import { type Instant, type IpAddress, type Logger, type Millis, seconds, unreachable } from '@sallyport/sans-io'
import type { ClientTunnel, ClientTunnelEvent, DnsRecordAssignment, HostQuery } from '@sallyport/tunnel'
import { EventStream } from './event-stream.ts'
import type { SessionFailure } from './events.ts'
import { pathForLog } from './path-for-log.ts'
import { PortalLink } from './portal-link.ts'
import type { SessionPorts, TunnelLoop } from './ports.ts'

/** How long goodbyes may take to leave. */
export const FLUSH_TIMEOUT: Millis = seconds(1)

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
  readonly #portal: PortalLink<PortalToClient>
  readonly #tunnel: TunnelLoop<Device>
  #dnsRecords: readonly DnsRecordAssignment[] = []
  #shutdown: Promise<void> | undefined

  /** Connects to the portal at once. */
  constructor(parts: SessionParts<Device>) {
    this.#parts = parts
    this.#tunnel = parts.ports.runTunnel(
      parts.tunnel,
      event => this.#handleTunnelEvent(event),
      error => this.#fail({ type: 'tunnel', error }),
    )
    const { channel, logger, ports, tunnel } = parts
    this.#portal = new PortalLink({
      channel,
      logger,
      run: (channel, onEvent) => ports.runChannel(channel, onEvent),
      loginUrl: () => parts.loginUrl(),
      now: () => ports.now(),
      parse: parsePortalToClient,
      onMessage: message => this.#command(now => tunnel.handlePortalMessage(message, now)),
      onFailed: failure => this.#fail({ type: 'portal', failure }),
    })
  }

  /** Hands over the TUN device, which belongs to the session from here on. */
  setDevice(device: Device): void {
    if (this.#shutdown === undefined) this.#tunnel.setDevice(device)
  }

  /** Takes the DNS servers that the machine would ask without us. */
  setSystemDns(servers: readonly IpAddress[]): void {
    this.#command(() => this.#parts.tunnel.setSystemDns(servers))
  }

  /** Which addresses stand for names: to be given to the next session, since applications may go on using them. */
  get dnsRecords(): readonly DnsRecordAssignment[] {
    return this.#dnsRecords
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
    this.#portal.reconnect()
  }

  /** Stops gracefully. Resolves when the shutdown is complete; harmless when called again. Never rejects. */
  stop(): Promise<void> {
    this.#shutdown ??= this.#shutDown(undefined)
    return this.#shutdown
  }

  /** {@link stop}, for `await using`. */
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
        this.#portal.push(event.message)
        break
      case 'interface-changed':
      case 'resources-changed':
        if (this.#shutdown === undefined) this.events.push(event)
        break
      case 'dns-query':
        void this.#queryDns(event.query)
        break
      case 'dns-records-changed':
        this.#dnsRecords = event.records
        break
      case 'connection-state':
        this.#parts.logger.info({ gateway: event.gateway, state: event.state }, 'connection to a gateway')
        break
      case 'path-changed':
        this.#parts.logger.info({ gatewayId: event.gateway, ...pathForLog(event) }, 'path selected')
        break
      case 'relays-wanted':
        this.#portal.requestRelays()
        break
      default:
        unreachable(event)
    }
  }

  async #queryDns({ id, message, servers }: HostQuery): Promise<void> {
    const response = await this.#parts.ports.queryDns(message, servers).catch(error => {
      this.#parts.logger.debug({ error }, 'a DNS query has failed')
      return undefined
    })
    this.#command(() => this.#parts.tunnel.handleDnsResponse(id, response))
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
    await this.#step('close the channel', () => this.#portal.close())
    logger.info({}, 'session has ended')
    if (ending !== undefined) this.events.push({ type: 'disconnected', failure: ending })
    this.events.end()
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
