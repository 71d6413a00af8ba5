import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@sallyport/sans-io'
import { WebSocket } from 'ws'
import { type Bootstrap, bootstrap } from '../src/bootstrap.ts'
import { type RunningPortal, type ServeOptions, serve } from '../src/serve.ts'

/** A message from the portal. */
export interface Frame {
  readonly topic: string
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: JSON, and each test looks at its own part of it
  readonly payload: any
  readonly ref: unknown
}

/** A real portal on loopback with a database in a folder of its own. */
export class TestPortal {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sallyport-portal-'))
  readonly database: string = join(this.folder, 'portal.sqlite')
  readonly socket: string = join(this.folder, 'admin.sock')
  bootstrap!: Bootstrap
  running!: RunningPortal
  readonly #options: Partial<ServeOptions>
  readonly #peers: TestSocket[] = []

  private constructor(options: Partial<ServeOptions>) {
    this.#options = options
  }

  static async start(options: Partial<ServeOptions> = {}): Promise<TestPortal> {
    const portal = new TestPortal(options)
    await portal.open()
    const { host } = portal.running
    portal.bootstrap = host.run((_, now) =>
      bootstrap(
        host.portal,
        {
          account: 'Acme',
          slug: 'acme',
          admin: 'Ada',
          site: 'HQ',
          resources: ['172.20.0.0/16', 'wiki.acme.example'],
          clientExpiresAt: Date.now() + 86_400_000,
        },
        now,
      ),
    )
    return portal
  }

  async open(): Promise<void> {
    const { database, socket: adminSocket } = this
    const fixed = { database, adminSocket, listen: '127.0.0.1:0', logger: silentLogger }
    this.running = await serve({ ...fixed, ...this.#options })
  }

  get url(): string {
    return `http://${this.running.address}`
  }

  /** The URL of a client's or gateway's WebSocket. */
  peerUrl(role: 'client' | 'gateway', changes: Record<string, string> = {}): string {
    const token = role === 'client' ? this.bootstrap.clientToken : this.bootstrap.gatewayToken
    const public_key = Buffer.alloc(32, `${role}${changes['external_id'] ?? ''}`).toString('base64')
    const query = new URLSearchParams({ token, external_id: role, name: role, public_key, ...changes })
    return `ws://${this.running.address}/${role}/websocket?${query}`
  }

  relayUrl(): string {
    const query = new URLSearchParams({ token: this.bootstrap.relayToken, ipv4: '203.0.113.101' })
    return `ws://${this.running.address}/relay/websocket?${query}`
  }

  /** Connects and joins a peer. */
  async peer(role: 'client' | 'gateway', changes: Record<string, string> = {}): Promise<TestSocket> {
    const socket = await this.connect(this.peerUrl(role, changes))
    socket.push(role, 'phx_join', null)
    await socket.next('phx_reply')
    return socket
  }

  async connect(url: string): Promise<TestSocket> {
    const socket = await TestSocket.open(url)
    this.#peers.push(socket)
    return socket
  }

  async end(): Promise<void> {
    for (const peer of this.#peers) peer.ws.terminate()
    await this.running.close()
    rmSync(this.folder, { recursive: true })
  }
}

/** A WebSocket whose messages are taken one after the other. */
export class TestSocket {
  readonly ws: WebSocket
  pings = 0
  #frames: Frame[] = []
  #wake: () => void = () => {}
  #ref = 0

  private constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('message', data => {
      this.#frames.push(JSON.parse(String(data)))
      this.#wake()
    })
    ws.on('ping', () => this.pings++)
    ws.on('close', () => this.#wake())
    ws.on('error', () => {})
  }

  static async open(url: string): Promise<TestSocket> {
    const ws = new WebSocket(url, { headers: { 'user-agent': 'Debian/12 connlib/1.5.8' } })
    const socket = new TestSocket(ws)
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve)
      ws.once('error', reject)
    })
    return socket
  }

  push(topic: string, event: string, payload: unknown): number {
    const ref = this.#ref++
    this.ws.send(JSON.stringify({ topic, event, payload, ref }))
    return ref
  }

  /** Takes messages until one is this event, and returns its payload. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON, and each test looks at its own part of it
  async next(event: string): Promise<any> {
    for (;;) {
      const frame = this.#frames.shift()
      if (frame?.event === event) return frame.payload
      if (frame !== undefined) continue
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error(`closed while waiting for ${event}`)
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
  }

  /** Waits until it is closed and returns the close code. */
  async closed(): Promise<number> {
    if (this.ws.readyState === WebSocket.CLOSED) return 0
    return new Promise(resolve => this.ws.once('close', resolve))
  }
}

/** Tries to open a WebSocket that is refused; returns the HTTP answer. */
export async function refused(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string; retryAfter: string | undefined }> {
  const ws = new WebSocket(url, { headers: { 'user-agent': 'Debian/12 connlib/1.5.8', ...headers } })
  return new Promise((resolve, reject) => {
    ws.on('open', () => reject(new Error('accepted')))
    ws.on('error', () => {})
    ws.on('unexpected-response', (_, response) => {
      let body = ''
      response.on('data', chunk => (body += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode!, body, retryAfter: response.headers['retry-after'] }),
      )
    })
  })
}
