import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { sleep, waitFor } from '../lab/command.ts'
import type { Lab } from '../lab/lab.ts'
import type { LabProcess } from '../lab/process.ts'
import { PAGE } from '../tools/page.ts'
import { ADDRESSES, buildNetwork, type Families, type Network, type NetworkOptions } from './network.ts'
import { script } from './script.ts'

/** What the portal's bootstrap answers. */
export interface Bootstrap {
  readonly accountId: string
  readonly groupId: string
  readonly siteId: string
  readonly resourceId: string
  readonly policyId: string
  readonly gatewayToken: string
  readonly relayToken: string
  readonly clientToken: string
}

/** How a client reached a gateway, as its log tells. */
export interface Path {
  readonly gatewayId: string
  readonly path: 'direct' | 'relayed'
  /** The kind of candidate at the client's end: `host`, `srflx`, `prflx` or `relay`. */
  readonly local: string
  /** The kind of candidate at the gateway's end. */
  readonly remote: string
}

const GATEWAY_IDS = ['6d1c9d4e-0000-4000-8000-000000000001', '6d1c9d4e-0000-4000-8000-000000000002']
const PORTAL_PORT = 8080

/** Where hosts of these families find the portal. */
const portalUrl = (families: Families | undefined): string =>
  `ws://${families === 'v6' ? `[${ADDRESSES.portalV6}]` : ADDRESSES.portal}:${PORTAL_PORT}/`

/** The whole product in a lab: portal, relay, two gateways, a client and a private web server. */
export class World {
  readonly lab: Lab
  readonly network: Network
  readonly folder: string
  bootstrap!: Bootstrap
  portal!: LabProcess
  readonly relays: LabProcess[] = []
  readonly gateways: [LabProcess | undefined, LabProcess | undefined] = [undefined, undefined]
  client!: LabProcess
  readonly #options: NetworkOptions

  private constructor(lab: Lab, network: Network, options: NetworkOptions) {
    this.lab = lab
    this.network = network
    this.#options = options
    this.folder = mkdtempSync(join(lab.logFolder, 'world-'))
  }

  /** Builds the network and starts the web server; nothing of ours runs yet. */
  static async build(lab: Lab, options: NetworkOptions = {}): Promise<World> {
    const world = new World(lab, await buildNetwork(lab, options), options)
    const servers = [ADDRESSES.server, ADDRESSES.serverV6].map(address =>
      world.network.private.spawn(
        `server-${address.replaceAll(':', '_')}`,
        script('e2e/tools/page-server.ts', address, '80'),
      ),
    )
    await Promise.all(servers.map(server => server.waitForLine(/listening/)))
    return world
  }

  /** Builds everything and starts portal, relay, the first gateway (or both) and the client. */
  static async start(lab: Lab, options: NetworkOptions & { readonly gateways?: 1 | 2 } = {}): Promise<World> {
    const world = await World.build(lab, options)
    await world.startPortal()
    await world.startRelay()
    if (options.relays === 2) await world.startRelay(1)
    await Promise.all([world.startGateway(0), options.gateways === 2 ? world.startGateway(1) : undefined])
    await world.startClient()
    return world
  }

  /** Starts the portal; the first time with a new database, an account, a site, a resource and tokens. */
  async startPortal(): Promise<void> {
    const database = join(this.folder, 'portal.sqlite')
    const isNew = this.bootstrap === undefined
    if (isNew) {
      const answer = await this.network.internet.run(
        script(
          'apps/portal/src/main.ts',
          'bootstrap',
          '--json',
          '--database',
          database,
          '--resource',
          ADDRESSES.privateRange,
          ADDRESSES.privateRangeV6,
        ),
      )
      this.bootstrap = JSON.parse(answer) as Bootstrap
    }
    this.portal = this.network.internet.spawn(
      'portal',
      script(
        'apps/portal/src/main.ts',
        'serve',
        '--database',
        database,
        '--listen',
        `[::]:${PORTAL_PORT}`,
        '--admin-socket',
        this.adminSocket,
      ),
    )
    await this.portal.waitForLine(/listening/)
  }

  /** Where the portal's admin commands go. */
  get adminSocket(): string {
    return join(this.folder, 'admin.sock')
  }

  /** Runs `sallyport-portal admin …` and returns what it printed, as JSON. */
  async admin<T = unknown>(...args: readonly string[]): Promise<T> {
    const answer = await this.network.internet.run(
      script('apps/portal/src/main.ts', 'admin', '--socket', this.adminSocket, '--json', ...args),
    )
    return JSON.parse(answer) as T
  }

  /** Starts relay 0 or 1 and waits until the portal knows it. */
  async startRelay(index: 0 | 1 = 0): Promise<void> {
    const relay = this.network.relays[index]!.spawn(
      index === 0 ? 'relay' : 'relay-2',
      script('apps/relay/src/main.ts'),
      {
        env: {
          FIREZONE_API_URL: portalUrl('dual'),
          FIREZONE_TOKEN: this.bootstrap.relayToken,
          PUBLIC_IP4_ADDR: index === 0 ? ADDRESSES.relay : ADDRESSES.relay2,
          PUBLIC_IP6_ADDR: index === 0 ? ADDRESSES.relayV6 : ADDRESSES.relay2V6,
          HEALTH_CHECK_ADDR: '127.0.0.1:8091',
          LOG_FORMAT: 'json',
        },
      },
    )
    this.relays[index] = relay
    await relay.waitForLine(/"connected to the portal"/)
  }

  /** The only relay, or the first of two. */
  get relay(): LabProcess {
    return this.relays[0]!
  }

  /** Which relay a relayed path of the client's leads through, or the first of two. */
  relayOf(path: Path): 0 | 1 {
    const host = path.local === 'relay' ? this.client : this.gateways[0]!
    const [id] = host.lines
      .flatMap(line =>
        /"(?:connecting to peer|moving connection.*)"/.test(line)
          ? [(JSON.parse(line) as { relay: string }).relay]
          : [],
      )
      .slice(-1)
    const online = this.portal.lines.filter(line => line.includes('"role":"relay"') && line.includes('"peer online"'))
    const ids = online.map(line => (JSON.parse(line) as { id: string }).id)
    const index = ids.indexOf(id ?? '')
    if (index !== 0 && index !== 1) throw new Error(`no relay has the id ${id}: ${ids}`)
    return index
  }

  /** Starts gateway 0 or 1 and waits until the portal knows it. */
  async startGateway(
    index: 0 | 1,
    options: { readonly env?: Record<string, string>; readonly prefix?: readonly string[] } = {},
  ): Promise<LabProcess> {
    const gateway = this.network.gateways[index].spawn(
      `gateway-${index + 1}`,
      [...(options.prefix ?? []), ...script('apps/gateway/src/main.ts', '--masquerade')],
      {
        env: {
          FIREZONE_API_URL: portalUrl(this.#options.gatewayFamilies),
          FIREZONE_TOKEN: this.bootstrap.gatewayToken,
          FIREZONE_ID: GATEWAY_IDS[index]!,
          FIREZONE_NAME: `gateway-${index + 1}`,
          ...options.env,
        },
      },
    )
    this.gateways[index] = gateway
    await gateway.waitForLine(/"connected to the portal"/)
    return gateway
  }

  /** Starts the client and waits until its interface is up. */
  async startClient(
    options: { readonly prefix?: readonly string[]; readonly args?: readonly string[] } = {},
  ): Promise<LabProcess> {
    const command = [...(options.prefix ?? []), ...this.clientCommand(), ...(options.args ?? [])]
    this.client = this.network.client.spawn('client', command, { env: this.clientEnv() })
    await this.client.waitForLine(/"interface configured"/)
    return this.client
  }

  /** The words that start the client. */
  clientCommand(): string[] {
    return script('apps/client/src/main.ts', '--dns-control', 'disabled')
  }

  /** The environment that the client is started in. */
  clientEnv(): Record<string, string> {
    return {
      FIREZONE_API_URL: portalUrl(this.#options.clientFamilies),
      FIREZONE_TOKEN: this.bootstrap.clientToken,
      FIREZONE_ID: 'c11e27aa-0000-4000-8000-000000000001',
      FIREZONE_NAME: 'laptop',
    }
  }

  /** Fetches from the private web server as the client's user would; `undefined` where that failed. */
  fetch(
    path = '/',
    options: { readonly timeoutMs?: number; readonly host?: string } = {},
  ): Promise<string | undefined> {
    const timeoutMs = options.timeoutMs ?? 10_000
    const host = options.host ?? ADDRESSES.server
    const url = `http://${host.split(':').length > 2 ? `[${host}]` : host}${path}`
    return this.network.client.attempt(['curl', '-sS', '-f', '--max-time', String(timeoutMs / 1000), url], {
      timeoutMs: timeoutMs + 5000,
    })
  }

  /** Fetches the page and throws if it isn't the private one. Returns how long it took, in milliseconds. */
  async fetchPage(options: { readonly timeoutMs?: number; readonly host?: string } = {}): Promise<number> {
    const start = performance.now()
    const body = await this.fetch('/', options)
    if (body !== PAGE) throw new Error(`the private page did not load: ${JSON.stringify(body)}`)
    return performance.now() - start
  }

  /** Asks for the page again and again until it loads; returns after how many milliseconds it did. */
  async timeToPage(limitMs: number): Promise<number> {
    const start = performance.now()
    const tries: Promise<void>[] = []
    let loaded: number | undefined
    await waitFor(
      'the private page to load again',
      () => {
        if (loaded !== undefined) return true
        const attempt = this.fetch('/', { timeoutMs: Math.min(3000, limitMs) }).then(body => {
          if (body === PAGE) loaded ??= performance.now() - start
        })
        tries.push(attempt)
        return undefined
      },
      limitMs,
      100,
    )
    await Promise.all(tries)
    return loaded!
  }

  /** The latest path that the client's log tells of. */
  async path(timeoutMs = 10_000): Promise<Path> {
    return await waitFor('the client to tell its path', () => this.paths().at(-1), timeoutMs)
  }

  /**
   * Waits for the expected kind of path, and returns it; throws if it is another one.
   *
   * A connection comes up on the first path that works and moves to a better one: a direct path may take a moment, and a
   * relayed one has to stay.
   */
  async settledPath(expected: Path['path']): Promise<Path> {
    await this.path()
    if (expected === 'relayed') await sleep(2000)
    else await waitFor('a direct path', () => this.paths().at(-1)?.path === 'direct', 10_000).catch(() => {})
    const path = await this.path()
    if (path.path !== expected) throw new Error(`the path is ${JSON.stringify(path)}, not ${expected}`)
    return path
  }

  /** All paths that the client's log tells of, oldest first. */
  paths(): Path[] {
    return this.client.lines.filter(line => line.includes('"path selected"')).map(line => JSON.parse(line) as Path)
  }

  /** The client's requests for access, oldest first, as its log tells. */
  intents(): string[] {
    return this.client.lines.filter(line => line.includes('"asking for access"'))
  }

  /** Round-trip times to an address from the client, in milliseconds. */
  async ping(address: string = ADDRESSES.server, count = 10): Promise<{ sent: number; received: number; avg: number }> {
    const answer = await this.network.client.run(script('e2e/tools/ping.ts', address, String(count)), {
      timeoutMs: 60_000,
    })
    return JSON.parse(answer) as { sent: number; received: number; avg: number }
  }

  /** TCP throughput from the client to the private network for some seconds, in bits per second. */
  async throughput(seconds: number): Promise<number> {
    const server = this.network.private.spawn('iperf3-server', [
      'iperf3',
      '-s',
      '-1',
      '--forceflush',
      '-B',
      ADDRESSES.server,
    ])
    await server.waitForLine(/Server listening/)
    const report = await this.network.client.run(['iperf3', '-c', ADDRESSES.server, '-t', String(seconds), '-J'], {
      timeoutMs: seconds * 1000 + 15_000,
    })
    await server.end('SIGTERM')
    const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } }
    return end.sum_received.bits_per_second
  }

  /** Which gateway a path leads to. */
  async gatewayOf(path: Path): Promise<0 | 1> {
    const gateways = await this.admin<readonly { id: string; name: string }[]>('gateway', 'list')
    const name = gateways.find(({ id }) => id === path.gatewayId)?.name
    if (name !== 'gateway-1' && name !== 'gateway-2') throw new Error(`the portal knows no gateway ${path.gatewayId}`)
    return name === 'gateway-1' ? 0 : 1
  }
}
