import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SocketAddress } from '@sallyport/sans-io'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { freePorts, RelayProcess, SECRET } from './relay-process.ts'
import { TurnClient } from './turn-client.ts'

afterEach(() => RelayProcess.stopAll())

test('a relay exits with 0 when it is asked to', async () => {
  const relay = await RelayProcess.listening()

  expect(await relay.stop()).toBe(0)
})

test('a relay exits with 1 and one line that says why when its port is taken', async () => {
  const { ports } = await RelayProcess.listening()
  const second = new RelayProcess({ ...(await freePorts()), listen: ports.listen })

  expect(await second.exited).toBe(1)
  expect(second.complaints).toMatch(/^error: .*EADDRINUSE.*\n$/)
})

test('a relay exits with 2 and one line that says why when it is configured wrongly', async () => {
  const relay = new RelayProcess(await freePorts(), { AUTH_SECRET: '' })

  expect(await relay.exited).toBe(2)
  expect(relay.complaints).toMatch(/^error: set FIREZONE_API_URL.*\n$/)
})

test('a relay that can’t answer health checks relays all the same', async () => {
  const { ports } = await RelayProcess.listening()
  const second = new RelayProcess({ ...(await freePorts()), health: ports.health })
  await second.logged('no health check endpoint')
  await second.logged('listening')

  expect(await second.stop()).toBe(0)
})

describe('a relay that drains', () => {
  test('ends at once when it has no clients', async () => {
    const relay = await RelayProcess.listening({ DRAIN: '1h' })

    expect(await relay.stop()).toBe(0)
    expect(relay.lines.map(({ message }) => message)).toContain('draining')
  })

  test('relays on for its clients until the time is over, but is ready for no others', async () => {
    const relay = await RelayProcess.listening({ DRAIN: '1s' })
    const client = await TurnClient.open(relay.ports.listen)
    const stopped = relay.stop()
    await relay.logged('draining')

    expect((await fetch(`http://127.0.0.1:${relay.ports.health}/readyz`)).status).toBe(503)
    await client.bind(SocketAddress.of('127.0.0.1:9'))
    expect(await stopped).toBe(0)
    client.close()
  })
})

describe('a relay with a portal', () => {
  let portal: Portal
  beforeEach(async () => {
    portal = await Portal.open()
  })
  afterEach(() => portal.close())

  test('registers with its addresses and its secret, and is ready then', async () => {
    const relay = new RelayProcess(await freePorts(), {
      ...portal.environment,
      FIREZONE_NAME: 'r1',
      PUBLIC_IP6_ADDR: '::1',
    })
    const visit = await portal.visit()
    const ready = (): Promise<Response> => fetch(`http://127.0.0.1:${relay.ports.health}/readyz`)
    expect((await ready()).status).toBe(503)
    visit.acceptJoin()
    await relay.logged('connected to the portal')

    expect(visit.url.pathname).toBe('/relay/websocket')
    expect(Object.fromEntries(visit.url.searchParams)).toEqual({
      token: 'token',
      name: 'r1',
      ipv4: '127.0.0.1',
      ipv6: '::1',
      port: String(relay.ports.listen),
    })
    expect(visit.userAgent).toMatch(/^relay\/\d/)
    expect(visit.join).toMatchObject({ topic: 'relay', event: 'phx_join', payload: { stamp_secret: SECRET } })
    expect((await ready()).status).toBe(200)
    expect(await relay.stop()).toBe(0)
  })

  test('comes back with the same secret when the connection breaks', async () => {
    const relay = new RelayProcess(await freePorts(), { ...portal.environment, AUTH_SECRET: '' })
    const first = await portal.visit()
    first.acceptJoin()
    await relay.logged('connected to the portal')
    first.socket.terminate()
    const second = await portal.visit()
    second.acceptJoin()
    await relay.logged('connected to the portal', 2)

    expect(first.join.payload.stamp_secret).toMatch(/^[0-9a-f]{64}$/)
    expect(second.join.payload).toEqual(first.join.payload)
    expect(relay.lines.filter(({ severity }) => severity === 'WARN')).toMatchObject([{ message: 'lost the portal' }])
    await relay.stop()
  })

  test('exits with 1 and says why when the portal refuses its token', async () => {
    portal.status = 401
    const relay = new RelayProcess(await freePorts(), portal.environment)

    expect(await relay.exited).toBe(1)
    expect(relay.complaints).toBe('error: portal refused the connection with status 401\n')
    expect(JSON.stringify(relay.lines)).not.toContain('token=')
  })

  test('exits with 1 and says why when the portal can’t be found', async () => {
    const relay = new RelayProcess(await freePorts(), {
      ...portal.environment,
      FIREZONE_API_URL: 'wss://nowhere.invalid',
    })

    expect(await relay.exited).toBe(1)
    expect(relay.complaints).toMatch(/^error: portal wss:\/\/nowhere.invalid:443 can't be resolved: [^\n]+\n$/)
  })

  test.each(['http://', 'ftp://example.com'])('exits with 2 and says why when the portal is %s', async url => {
    const relay = new RelayProcess(await freePorts(), { ...portal.environment, FIREZONE_API_URL: url })

    expect(await relay.exited).toBe(2)
    expect(relay.complaints).toMatch(/^error: [^\n]+FIREZONE_API_URL[^\n]+wss:\/\/api.example.com\n$/)
    expect(relay.lines).toEqual([])
  })
})

/** One relay that came to the portal. */
interface Visit {
  readonly url: URL
  readonly userAgent: string | undefined
  readonly socket: WebSocket
  readonly join: { readonly ref: number; readonly payload: { readonly stamp_secret: string } }
  acceptJoin(): void
}

/** A portal that does no more than the tests need. */
class Portal {
  /** Refuses all that comes with that status. */
  status = 101
  readonly #http: Server
  readonly #visits: Visit[] = []
  #wake: (() => void) | undefined

  private constructor(http: Server) {
    this.#http = http
    const sockets = new WebSocketServer({ noServer: true })
    http.on('upgrade', (request, tcp, head) => {
      if (this.status !== 101) {
        tcp.end(`HTTP/1.1 ${this.status} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
        return
      }
      sockets.handleUpgrade(request, tcp, head, socket => {
        socket.once('message', text => {
          const join = JSON.parse(String(text))
          const url = new URL(request.url!, 'http://portal')
          const reply = { topic: 'relay', event: 'phx_reply', ref: join.ref, payload: { status: 'ok', response: {} } }
          const init = { topic: 'relay', event: 'init', ref: null, payload: {} }
          const acceptJoin = (): void => {
            socket.send(JSON.stringify(reply))
            socket.send(JSON.stringify(init))
          }
          this.#visits.push({ url, userAgent: request.headers['user-agent'], socket, join, acceptJoin })
          this.#wake?.()
        })
      })
    })
  }

  static async open(): Promise<Portal> {
    const http = createServer()
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    return new Portal(http)
  }

  get environment(): Readonly<Record<string, string>> {
    const { port } = this.#http.address() as AddressInfo
    return { FIREZONE_API_URL: `ws://127.0.0.1:${port}`, FIREZONE_TOKEN: 'token' }
  }

  async visit(): Promise<Visit> {
    while (this.#visits.length === 0) await new Promise<void>(resolve => (this.#wake = resolve))
    return this.#visits.shift()!
  }

  close(): void {
    this.#http.closeAllConnections()
    this.#http.close()
  }
}
