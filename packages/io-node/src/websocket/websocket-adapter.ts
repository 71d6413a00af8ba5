import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import tls from 'node:tls'
import { type PhoenixInput, type PhoenixTransmit, parseRetryAfter } from '@sallyport/phoenix-channel'
import { type IpAddress, parseUtf8, unreachable } from '@sallyport/sans-io'
import { type RawData, WebSocket } from 'ws'
import { wallClock } from '../clock.ts'
import { connectTcp } from './tcp-connect.ts'

/** How a WebSocket reaches its server. */
export interface WebSocketOptions {
  /** The server's addresses, tried one after the other: names are not resolved here. */
  readonly addresses: readonly IpAddress[]
  /** The firewall mark of what the connection sends (`SO_MARK`), which keeps it out of our own tunnel. Linux only. */
  readonly mark?: number | undefined
  /** Certificates of authorities to trust instead of Node's own, in PEM. */
  readonly ca?: string | undefined
}

/** Carries out what a Phoenix channel transmits, and reports back through `onInput`. */
export class WebSocketAdapter {
  readonly #options: WebSocketOptions
  readonly #onInput: (input: PhoenixInput) => void
  #connection: Connection | undefined

  constructor(options: WebSocketOptions, onInput: (input: PhoenixInput) => void) {
    this.#options = options
    this.#onInput = onInput
  }

  /** Carries out `transmit`. */
  send(transmit: PhoenixTransmit): void {
    switch (transmit.type) {
      case 'connect':
        this.#connection?.drop()
        this.#connection = new Connection(transmit, this.#options, this.#onInput)
        break
      case 'send':
        this.#connection?.socket?.send(transmit.text)
        break
      case 'pong':
        this.#connection?.socket?.pong(transmit.payload, true)
        break
      case 'close':
        this.#connection?.socket?.close(transmit.code)
        break
      case 'drop':
        this.#connection?.drop()
        this.#connection = undefined
        break
      default:
        unreachable(transmit)
    }
  }
}

/** One connection, from the attempt to its end. Silent after {@link drop} and after the report of its end. */
class Connection {
  readonly #abort = new AbortController()
  readonly #onInput: (input: PhoenixInput) => void
  #isOver = false
  socket: WebSocket | undefined

  constructor(
    transmit: Extract<PhoenixTransmit, { type: 'connect' }>,
    options: WebSocketOptions,
    onInput: (input: PhoenixInput) => void,
  ) {
    this.#onInput = onInput
    const url = new URL(transmit.url)
    const isSecure = url.protocol === 'wss:'
    const target = { ...options, port: Number(url.port || (isSecure ? 443 : 80)) }
    connectTcp(target, this.#abort.signal).then(
      tcp => {
        if (this.#isOver) tcp.destroy()
        else this.#upgrade(tcp, url, transmit.headers, isSecure ? { ca: options.ca } : undefined)
      },
      error => this.#fail(error),
    )
  }

  drop(): void {
    this.#isOver = true
    this.#abort.abort()
    this.socket?.terminate()
  }

  #upgrade(
    tcp: Socket,
    url: URL,
    headers: Readonly<Record<string, string>>,
    security: { readonly ca: string | undefined } | undefined,
  ): void {
    const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const socket = new WebSocket(url, {
      headers: { ...headers },
      perMessageDeflate: false,
      autoPong: false, // the machine answers
      maxPayload: 16 * 1024 * 1024,
      createConnection: () => (security === undefined ? tcp : secure(tcp, hostname, security.ca)),
    })
    this.socket = socket
    socket.on('open', () => this.#report({ type: 'opened' }))
    socket.on('message', data => {
      const text = parseUtf8(bytesOf(data))
      if (text !== undefined) this.#report({ type: 'frame', text })
    })
    socket.on('ping', payload => this.#report({ type: 'ping', payload }))
    socket.on('pong', () => this.#report({ type: 'pong' }))
    socket.on('unexpected-response', (request, response) => {
      void readStart(response).then(body => {
        this.#end({
          type: 'refused',
          status: response.statusCode ?? 0,
          retryAfter: parseRetryAfter(response.headers['retry-after'], wallClock()),
          body,
        })
        request.destroy()
      })
    })
    socket.on('close', (code, reason) => this.#end({ type: 'closed', code, reason: reason.toString() }))
    socket.on('error', error => this.#fail(error))
  }

  #report(input: PhoenixInput): void {
    if (!this.#isOver) this.#onInput(input)
  }

  #end(input: PhoenixInput): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onInput(input)
  }

  #fail(error: unknown): void {
    const { code, message } = error as { code?: unknown; message?: unknown }
    const reason = typeof message === 'string' && message !== '' ? message : String(code ?? error)
    this.#end({ type: 'failed', reason, isCertificateInvalid: typeof code === 'string' && isCertificateError(code) })
  }
}

function secure(tcp: Socket, hostname: string, ca: string | undefined): tls.TLSSocket {
  const isName = /[^\d.:a-f]/i.test(hostname) || !/[.:]/.test(hostname)
  return tls.connect({
    socket: tcp,
    host: hostname,
    ...(isName ? { servername: hostname } : {}), // an address must not be told as a name (RFC 6066 §3)
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['http/1.1'],
  })
}

/** What OpenSSL and Node.js call it when a certificate is not to be trusted. */
function isCertificateError(code: string): boolean {
  return (
    code.startsWith('CERT_') ||
    code.startsWith('UNABLE_TO_') ||
    code === 'ERR_TLS_CERT_ALTNAME_INVALID' ||
    code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ||
    code === 'SELF_SIGNED_CERT_IN_CHAIN' ||
    code === 'INVALID_CA' ||
    code === 'HOSTNAME_MISMATCH'
  )
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}

const MAX_BODY_BYTES = 1024
const MAX_BODY_WAIT = 1000

/** Returns the beginning of a refusal's body: for people, so neither all of it nor at any price. */
function readStart(response: IncomingMessage): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    const done = (): void => {
      clearTimeout(limit)
      resolve(text.slice(0, MAX_BODY_BYTES).trim())
    }
    const limit = setTimeout(done, MAX_BODY_WAIT)
    response.setEncoding('utf8')
    response.on('data', (part: string) => {
      text += part
      if (text.length >= MAX_BODY_BYTES) done()
    })
    response.on('end', done)
    response.on('error', done)
    response.on('close', done)
  })
}
