import { createHash } from 'node:crypto'
import { Socket as NetSocket } from 'node:net'
import { nodeRandom, runChannel } from '@sallyport/io-node'
import { PhoenixChannel } from '@sallyport/phoenix-channel'
import { IpAddress } from '@sallyport/sans-io'
import { Socket } from 'phoenix'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { refused, TestPortal } from './running-portal.ts'

let portal: TestPortal
beforeEach(async () => {
  portal = await TestPortal.start()
})
afterEach(() => portal.end())

describe('before the upgrade', () => {
  test('a peer without a good token or key gets an HTTP status and a reason', async () => {
    expect(await refused(portal.peerUrl('client', { token: '' }))).toMatchObject({ status: 401, body: 'Missing token' })
    expect(await refused(portal.peerUrl('client', { token: portal.bootstrap.gatewayToken }))).toMatchObject({
      status: 401,
      body: 'Invalid token',
    })
    expect(await refused(portal.peerUrl('client', { public_key: 'x' }))).toMatchObject({
      status: 422,
      body: expect.stringContaining('public_key: '),
    })
    expect(await refused(portal.peerUrl('client'), { 'user-agent': 'curl/8' })).toMatchObject({ status: 422 })
  })

  test('a disabled account is refused with 403', async () => {
    const { host } = portal.running
    const { accountId } = portal.bootstrap
    host.run((_, now) => host.portal.admin.updateAccount(accountId, { disabled: true }, now))
    expect(await refused(portal.peerUrl('client'))).toMatchObject({ status: 403, body: 'The account is disabled' })
  })

  test('another path is not found', async () => {
    expect(await refused(`ws://${portal.running.address}/nowhere`)).toMatchObject({ status: 404 })
  })

  test('what is no handshake of a WebSocket leaves no connection behind', async () => {
    const { pathname, search } = new URL(portal.peerUrl('client'))
    const response = await fetch(`${portal.url}${pathname}${search}`)
    expect(response.status).toBe(404)
    const [hostname, port] = portal.running.address.split(':')
    const raw = new NetSocket().connect(Number(port), hostname!)
    raw.write(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\nUser-Agent: x connlib/1.5.8\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    const answer = await new Promise<string>(resolve => raw.once('data', data => resolve(String(data))))
    expect(answer).toMatch(/^HTTP\/1.1 400/)
    await new Promise(resolve => raw.once('close', resolve).destroy())
    await eventually(() => portal.running.host.portal.connections === 0)
  })

  test('a token may come in a header', async () => {
    const ws = new WebSocket(portal.peerUrl('client', { token: '' }), {
      headers: { 'user-agent': 'x connlib/1.5.8', 'x-authorization': `Bearer ${portal.bootstrap.clientToken}` },
    })
    await new Promise<void>((resolve, reject) => ws.once('open', resolve).once('error', reject))
    ws.terminate()
  })
})

test('a peer too many is told to come again', async () => {
  const full = await TestPortal.start({ maxPeers: 1 })
  try {
    await full.peer('client')
    expect(await refused(full.peerUrl('gateway'))).toEqual({
      status: 503,
      body: 'Service Unavailable',
      retryAfter: '5',
    })
  } finally {
    await full.end()
  }
})

test('a peer that says nothing for as long as no healthy one does is cut off', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const gateway = await portal.peer('gateway')
    vi.advanceTimersByTime(36_000)
    gateway.push('phoenix', 'heartbeat', {})
    await gateway.next('phx_reply')
    vi.advanceTimersByTime(36_000)
    expect(portal.running.host.portal.connections).toBe(1)
    vi.advanceTimersByTime(1000)
    expect(await gateway.closed()).toBe(1006)
    await eventually(() => portal.running.host.portal.connections === 0)
  } finally {
    vi.useRealTimers()
  }
})

describe('over real WebSockets', () => {
  test('a client reaches a resource through a gateway', async () => {
    const { resourceId } = portal.bootstrap
    const gateway = await portal.peer('gateway')
    const client = await portal.peer('client')
    const init = await client.next('init')
    expect(init.resources.map((row: { address: string }) => row.address)).toEqual([
      '172.20.0.0/16',
      'wiki.acme.example',
    ])

    client.push('client', 'create_flow', { resource_id: resourceId, connected_gateway_ids: [] })
    const { ref, client: who, client_ice_credentials: ice } = await gateway.next('authorize_flow')
    gateway.push('gateway', 'flow_authorized', { ref })
    expect(await gateway.next('phx_reply')).toEqual({ status: 'ok', response: {} })
    const created = await client.next('flow_created')
    expect(created.client_ice_credentials).toEqual(ice)
    expect(created.preshared_key).toBe(who.preshared_key)

    const candidates = ['candidate:1 1 udp 2130706431 192.168.1.5 52625 typ host']
    client.push('client', 'broadcast_ice_candidates', { gateway_ids: [created.gateway_id], candidates })
    expect(await gateway.next('ice_candidates')).toEqual({ client_id: who.id, candidates })
  })

  test('a relay is given out, with credentials', async () => {
    const relay = await portal.connect(portal.relayUrl())
    relay.push('relay', 'phx_join', { stamp_secret: createHash('sha256').digest('hex') })
    expect(await relay.next('init')).toEqual({})
    const client = await portal.peer('client')

    expect((await client.next('init')).relays).toMatchObject([{ type: 'turn', addr: '203.0.113.101:3478' }])
  })

  test('a binary frame is a text frame, and heartbeats are answered', async () => {
    const client = await portal.peer('client')
    client.ws.send(Buffer.from(JSON.stringify({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: 9 })))
    expect(await client.next('phx_reply')).toEqual({ status: 'ok', response: {} })
    expect(client.pings).toBe(0)
  })

  test('what is no frame, or too large a one, ends the connection', async () => {
    const one = await portal.peer('client')
    one.ws.send('{"topic":')
    expect(await one.closed()).toBe(1000)
    const other = await portal.peer('client')
    other.ws.send(' '.repeat(2 << 20))
    expect(await other.closed()).toBe(1009)
    await eventually(() => portal.running.host.portal.connections === 0)
  })

  test('a gateway is gone for good when the answer to its Close frame comes', async () => {
    const { resourceId } = portal.bootstrap
    const leaving = await portal.peer('gateway', { external_id: 'leaving' })
    const staying = await portal.peer('gateway', { external_id: 'staying' })
    const client = await portal.peer('client')
    const { host } = portal.running
    const goneId = host.portal.rows('gateways').find(row => row.externalId === 'leaving')!.id

    leaving.ws.close(1000)
    await leaving.closed()
    expect(host.portal.isOnline(goneId)).toBe(false)

    client.push('client', 'create_flow', { resource_id: resourceId, connected_gateway_ids: [goneId] })
    expect(await staying.next('authorize_flow')).toMatchObject({ resource: { id: resourceId } })
  })

  test('a deleted token ends the connection, and the next attempt is refused', async () => {
    const client = await portal.peer('client')
    const { host } = portal.running
    const { id } = host.portal.rows('tokens').find(token => token.type === 'client')!
    host.run((_, now) => host.portal.admin.deleteToken(id, now))

    expect(await client.next('disconnect')).toEqual({ reason: 'token_expired' })
    await client.closed()
    expect(await refused(portal.peerUrl('client'))).toMatchObject({ status: 401 })
  })

  test('a connection that breaks ends presence', async () => {
    const client = await portal.peer('client')
    expect(portal.running.host.portal.connections).toBe(1)
    client.ws.terminate()
    await eventually(() => portal.running.host.portal.connections === 0)
  })

  test('after a restart devices are the same, and gateways are handed what they served', async () => {
    const { resourceId } = portal.bootstrap
    const gateway = await portal.peer('gateway')
    const client = await portal.peer('client')
    const before = await client.next('init')
    client.push('client', 'create_flow', { resource_id: resourceId, connected_gateway_ids: [] })
    gateway.push('gateway', 'flow_authorized', { ref: (await gateway.next('authorize_flow')).ref })
    await client.next('flow_created')

    await portal.running.close()
    expect(await client.closed()).not.toBe(1000)
    await portal.open()

    const [back, again] = [await portal.peer('gateway'), await portal.peer('client')]
    expect((await back.next('init')).authorizations).toMatchObject([{ resource_id: resourceId }])
    expect((await again.next('init')).interface).toEqual(before.interface)
  })
})

describe('foreign and own channels', () => {
  test('our channel joins', async () => {
    const events: string[] = []
    const channel = new PhoenixChannel({
      topic: 'client',
      joinPayload: null,
      userAgent: 'Debian/12 connlib/1.5.8',
      random: nodeRandom,
    })
    const init = Promise.withResolvers<void>()
    const running = runChannel(channel, {
      addresses: [IpAddress.of('127.0.0.1')],
      onEvent(event) {
        events.push(event.type)
        if (event.type === 'message') init.resolve()
      },
    })
    running.connect(portal.peerUrl('client'))
    await init.promise
    running.stop()

    expect(events).toEqual(['joined', 'message'])
  })

  test('phoenix.js joins, is told, and is answered', async () => {
    class Transport extends WebSocket {
      constructor(url: string) {
        super(url, { headers: { 'user-agent': 'phoenix.js connlib/1.5.8' } })
      }
    }
    const url = new URL(portal.peerUrl('client'))
    const socket = new Socket(`${url.origin}/client`, {
      transport: Transport as never,
      params: Object.fromEntries(url.searchParams),
      vsn: '1.0.0',
      // It numbers its messages with texts, and whatever the version says, it would write arrays.
      encode: ({ topic, event, payload, ref }, done) => done(JSON.stringify({ topic, event, payload, ref })),
      decode: (text, done) => done(JSON.parse(text)),
    })
    socket.connect()
    const channel = socket.channel('client', {})
    const init = new Promise<{ resources: unknown[] }>(resolve => channel.on('init', resolve))
    const joined = new Promise<unknown>((resolve, reject) =>
      channel.join().receive('ok', resolve).receive('error', reject),
    )
    expect(await joined).toEqual({})
    expect((await init).resources).toHaveLength(2)
    const answer = new Promise<unknown>(resolve => channel.push('dance', {}).receive('error', resolve))
    expect(await answer).toEqual({ reason: 'unknown_message' })
    socket.disconnect()
  })
})

/** Waits until a condition holds that the event loop will bring about. */
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
