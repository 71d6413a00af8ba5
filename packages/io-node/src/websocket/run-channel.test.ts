import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { PhoenixChannel, type PhoenixEvent, type PhoenixOptions } from '@sallyport/phoenix-channel'
import { IpAddress, millis } from '@sallyport/sans-io'
import { afterEach, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { nodeRandom } from '../random.ts'
import { cert, key } from './certificate.fixture.ts'
import { type RunChannelOptions, type RunningChannel, resolveHost, runChannel } from './index.ts'

const loopback = IpAddress.of('127.0.0.1')
const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

/** A server that accepts every upgrade, answers joins and heartbeats, and remembers. */
async function startPortal(
  onFrame?: (frame: Frame, socket: WebSocket) => void,
  server: Server | SecureServer = createServer(),
) {
  const sockets = new WebSocketServer({ server })
  const frames: Frame[] = []
  const requests: IncomingMessage[] = []
  sockets.on('connection', (socket, request) => {
    requests.push(request)
    socket.on('message', data => {
      const frame = JSON.parse(String(data)) as Frame
      frames.push(frame)
      if (frame.event === 'phx_join' || frame.event === 'heartbeat')
        socket.send(JSON.stringify({ ...frame, event: 'phx_reply', payload: { status: 'ok', response: {} } }))
      onFrame?.(frame, socket)
    })
  })
  cleanUps.push(() => sockets.clients.forEach(socket => void socket.terminate()))
  return { port: await listen(server), frames, requests, sockets }
}

/** A server that answers every upgrade as told. */
async function startRefusal(answer: (socket: Duplex) => void): Promise<number> {
  const server = createServer()
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => {})
    answer(socket)
  })
  return listen(server)
}

async function listen(server: Server | SecureServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => void server.close())
  return (server.address() as AddressInfo).port
}

interface Frame {
  topic: string
  event: string
  payload: unknown
  ref: number
}

function run(port: number, options: Partial<PhoenixOptions & RunChannelOptions> = {}) {
  const events: PhoenixEvent[] = []
  const waiting: { type: string; resolve: (event: PhoenixEvent) => void }[] = []
  const channel = new PhoenixChannel({
    topic: 'client',
    joinPayload: null,
    userAgent: 'Zoë connlib/1',
    random: nodeRandom,
    ...options,
  })
  const running: RunningChannel = runChannel(channel, {
    addresses: [loopback],
    ...options,
    onEvent(event) {
      events.push(event)
      const index = waiting.findIndex(waiter => waiter.type === event.type)
      if (index >= 0) waiting.splice(index, 1)[0]!.resolve(event)
    },
  })
  cleanUps.push(() => running.stop())
  return {
    running,
    events,
    connect: (scheme = 'ws') => running.connect(`${scheme}://portal.test:${port}/client/websocket?token=t`),
    next: <Type extends PhoenixEvent['type']>(type: Type): Promise<Extract<PhoenixEvent, { type: Type }>> =>
      new Promise(resolve => waiting.push({ type, resolve: resolve as (event: PhoenixEvent) => void })),
  }
}

test('a channel joins, exchanges messages and closes with a handshake', async () => {
  const portal = await startPortal((frame, socket) => {
    if (frame.event === 'hello') socket.send(JSON.stringify({ topic: 'client', event: 'world', payload: 5, ref: null }))
  })
  const closed = once(portal.sockets, 'connection').then(([socket]) => once(socket, 'close'))
  const { running, connect, next } = run(portal.port)
  const answered = next('message')
  running.push('hello', { a: 1 })

  connect()

  expect(await answered).toEqual({ type: 'message', topic: 'client', event: 'world', payload: 5 })
  expect(portal.frames.map(frame => frame.event)).toEqual(['phx_join', 'hello'])
  expect(portal.requests[0]?.url).toBe('/client/websocket?token=t')
  expect(portal.requests[0]?.headers).toMatchObject({ host: 'portal.test', 'user-agent': 'Zo connlib/1' })
  expect(portal.requests[0]?.headers['sec-websocket-extensions']).toBeUndefined()

  const done = next('closed')
  running.close()
  await done
  expect((await closed)[0]).toBe(1000)
})

test('a refused upgrade tells its status and body, and is final for 4xx', async () => {
  const port = await startRefusal(socket =>
    socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 13\r\n\r\nInvalid token'),
  )
  const { connect, next } = run(port)
  const failed = next('failed')

  connect()

  expect((await failed).failure).toEqual({ type: 'refused', status: 401, body: 'Invalid token' })
})

test('Retry-After of a refused upgrade decides when the next attempt is made', async () => {
  const port = await startRefusal(socket =>
    socket.end('HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n'),
  )
  const { connect, next } = run(port)
  const disconnected = next('disconnected')

  const before = performance.now()
  connect()

  const { retryAt, reason } = await disconnected
  expect(reason).toMatch(/503/)
  expect(retryAt - before).toBeGreaterThanOrEqual(7000)
  expect(retryAt - before).toBeLessThan(9000)
})

test('the next address is tried where one refuses, and the channel reconnects after a cut', async () => {
  const portal = await startPortal()
  const { connect, next } = run(portal.port, { addresses: [IpAddress.of('127.0.0.9'), IpAddress.of('::1'), loopback] })
  const joined = next('joined')
  connect()
  await joined

  const again = next('joined')
  for (const socket of portal.sockets.clients) socket.terminate()
  await again

  expect(portal.requests).toHaveLength(2)
})

test('a Ping is answered with its payload', async () => {
  const portal = await startPortal()
  const pong = once(portal.sockets, 'connection').then(([socket]) => {
    socket.ping('abc')
    return once(socket, 'pong')
  })
  run(portal.port).connect()

  expect(String((await pong)[0])).toBe('abc')
})

test('binary frames that are UTF-8 are taken as text, others are ignored', async () => {
  const portal = await startPortal((frame, socket) => {
    if (frame.event !== 'phx_join') return
    socket.send(Uint8Array.of(0xff, 0xfe))
    socket.send(Buffer.from('{"topic":"client","event":"x","payload":{}}'), { binary: true })
  })
  const { connect, next, events } = run(portal.port)
  const message = next('message')
  connect()

  await message

  expect(events.map(event => event.type)).toEqual(['joined', 'message'])
})

test('nobody there is a failure that is retried', async () => {
  const { connect, next } = run(9)
  const disconnected = next('disconnected')

  connect()

  expect((await disconnected).reason).toMatch(/ECONNREFUSED/)
})

test('no address at all is a failure that is retried', async () => {
  const { connect, next } = run(9, { addresses: [] })
  const disconnected = next('disconnected')

  connect()

  expect((await disconnected).reason).toMatch(/no address/)
})

test('a portal that doesn’t answer the close is left alone after the timeout', async () => {
  const portal = await startPortal((frame, socket) => {
    if (frame.event === 'phx_join') socket.pause()
  })
  const { running, connect, next } = run(portal.port, { closeTimeout: millis(50) })
  const joined = next('joined')
  connect()
  await joined

  const closed = next('closed')
  running.close()

  await closed
})

test('a marked connection works where marks are permitted', async ({ skip }) => {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') skip()
  const portal = await startPortal()
  const { connect, events, next } = run(portal.port, { mark: 0xfd002021 })
  const first = Promise.race([next('joined'), next('disconnected')])

  connect()
  await first

  const [event] = events
  if (event?.type === 'disconnected') expect(event.reason).toMatch(/firewall mark/)
  else expect(event?.type).toBe('joined')
})

test('addresses resolve to themselves, names to addresses', async () => {
  expect(await resolveHost('2001:db8::1')).toEqual([IpAddress.of('2001:db8::1')])
  expect((await resolveHost('localhost')).length).toBeGreaterThan(0)
  await expect(resolveHost('does-not-exist.invalid')).rejects.toThrow()
})

test('a certificate that nobody vouches for is the end', async () => {
  const portal = await startPortal(undefined, createSecureServer({ key, cert }))
  const { connect, next } = run(portal.port)
  const failed = next('failed')

  connect('wss')

  expect((await failed).failure).toMatchObject({ type: 'certificate-invalid' })
})

test('a certificate of an authority that we are told to trust is good', async () => {
  const portal = await startPortal(undefined, createSecureServer({ key, cert }))
  const { connect, next } = run(portal.port, { ca: cert })
  const joined = next('joined')

  connect('wss')

  await joined
})
