import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type Cidr,
  IDLE_TIMEOUT_SECONDS,
  MAX_FRAME_BYTES,
  type PeerId,
  type Refusal,
  type Role,
} from '@sallyport/portal-core'
import type { Logger } from '@sallyport/sans-io'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { PortalHost } from '../portal-host.ts'
import { connectRequestOf } from './connect-request.ts'

/** How {@link PeerSockets} works. */
export interface PeerSocketsOptions {
  readonly host: PortalHost
  readonly logger: Logger
  /** Load balancers that say where a request really came from. */
  readonly trustedProxies?: readonly Cidr[]
  /** How many peers may be connected at once. */
  readonly maxPeers?: number | undefined
}

/** What a peer that doesn't read may have waiting before it is cut off, in bytes. */
const MAX_BUFFERED = 8 << 20

/**
 * The WebSockets of clients, gateways and relays.
 *
 * A peer is let in, or refused with an HTTP status, before its WebSocket exists. No pings are sent: peers of the target
 * version take an empty one for a broken message.
 */
export class PeerSockets {
  readonly #options: PeerSocketsOptions
  readonly #server: WebSocketServer
  readonly #sockets = new Map<PeerId, WebSocket>()
  #isOpen = true

  constructor(options: PeerSocketsOptions) {
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      WebSocket: PeerSocket,
    })
    options.host.onTransmit(transmit => {
      const socket = this.#sockets.get(transmit.peer)
      if (socket === undefined) return
      if (transmit.type === 'close') this.#close(transmit.peer, socket)
      else this.#send(socket, transmit.text)
    })
  }

  /** Handles a request to upgrade; `stream` is its connection. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => stream.destroy())
    const { host, maxPeers = Number.POSITIVE_INFINITY, trustedProxies = [] } = this.#options
    const wanted = connectRequestOf(request, trustedProxies)
    if (wanted === undefined) {
      refuse(stream, { status: 404, body: 'Not Found' })
      return
    }
    if (!this.#isOpen || this.#sockets.size >= maxPeers) {
      refuse(stream, { status: 503, body: 'Service Unavailable', retryAfter: 5 })
      return
    }
    const result = host.run((server, now) => server.connect(wanted, now))
    if (result.type === 'refused') {
      refuse(stream, result)
      return
    }
    const { peer } = result
    let isUpgraded = false
    const abandon = (): void => {
      if (!isUpgraded) this.#gone(peer)
    }
    stream.once('close', abandon)
    this.#server.handleUpgrade(request, stream, head, socket => {
      isUpgraded = true
      this.#open(peer, wanted.role, socket as PeerSocket)
    })
  }

  /** Closes all sockets and lets nobody in any more. Peers come back by themselves. */
  async close(): Promise<void> {
    this.#isOpen = false
    const closed = [...this.#sockets.values()].map(
      socket => new Promise<void>(done => socket.once('close', () => done())),
    )
    for (const [peer, socket] of [...this.#sockets]) {
      socket.close(1001, 'portal is shutting down')
      this.#gone(peer)
    }
    await Promise.race([Promise.all(closed), new Promise<void>(done => setTimeout(done, 500).unref())])
    for (const socket of this.#server.clients) socket.terminate()
  }

  #open(peer: PeerId, role: Role, socket: PeerSocket): void {
    this.#sockets.set(peer, socket)
    const idle = setTimeout(() => socket.terminate(), IDLE_TIMEOUT_SECONDS[role] * 1000)
    socket.on('message', data => {
      idle.refresh()
      if (this.#sockets.get(peer) !== socket) return
      this.#options.host.run((server, now) => server.handleText(peer, textOf(data), now))
    })
    socket.on('ping', () => idle.refresh())
    socket.on('pong', () => idle.refresh())
    socket.on('error', error => this.#options.logger.debug({ peer, reason: error.message }, 'socket failed'))
    const end = (): void => {
      clearTimeout(idle)
      this.#gone(peer)
    }
    socket.onClosing = end
    socket.on('close', end)
  }

  #send(socket: WebSocket, text: string): void {
    if (socket.readyState !== WebSocket.OPEN) return
    socket.send(text)
    if (socket.bufferedAmount > MAX_BUFFERED) socket.terminate()
  }

  #close(peer: PeerId, socket: WebSocket): void {
    this.#sockets.delete(peer)
    socket.close(1000, 'closed by the portal')
  }

  #gone(peer: PeerId): void {
    this.#sockets.delete(peer)
    this.#options.host.run((server, now) => server.disconnect(peer, now))
  }
}

/**
 * A WebSocket that tells at once when its peer starts to close it.
 *
 * A gateway that is going waits for the answer to its Close frame and takes it as a promise that nobody is sent to it
 * any more; the `close` event would come only after the connection is torn down.
 */
class PeerSocket extends WebSocket {
  /** Called when either side starts to close, possibly again later. */
  onClosing: () => void = () => {}

  override close(code?: number, data?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN || this.readyState === WebSocket.CLOSING) this.onClosing()
    super.close(code, data)
  }
}

/** Whatever kind of frame it came in: real peers may use either. */
const textOf = (data: RawData): string =>
  (Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)).toString()

function refuse(stream: Duplex, refusal: Omit<Refusal, 'type' | 'status'> & { status: number }): void {
  const { status, body, retryAfter } = refusal
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Refused'}`,
    'connection: close',
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`]),
  ]
  stream.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  422: 'Unprocessable Entity',
  503: 'Service Unavailable',
}
