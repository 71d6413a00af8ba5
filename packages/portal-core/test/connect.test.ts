import { IpAddress, seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../src/index.ts'
import { DAY, World } from './world.ts'

const KEY = 'HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw='
const good = { external_id: 'laptop', name: 'laptop', public_key: KEY }

describe('a peer is refused', () => {
  test('with 401 without a token', () => {
    const world = new World()

    expect(world.request('client', '', good)).toEqual({ type: 'refused', status: 401, body: 'Missing token' })
  })

  test.each(['garbage', '.SFMyNTY.AAAA.BBBB', 'a.b.c.d'])('with 401 for the token %s', token => {
    expect(new World().request('client', token, good)).toMatchObject({ status: 401, body: 'Invalid token' })
  })

  test('with 401 where its token is for another kind of peer', () => {
    const world = new World()

    expect(world.request('gateway', world.clientToken.text, good)).toMatchObject({ status: 401 })
    expect(world.request('client', world.gatewayToken.text, good)).toMatchObject({ status: 401 })
    expect(world.request('relay', world.gatewayToken.text, { ipv4: '203.0.113.1' })).toMatchObject({ status: 401 })
  })

  test('with 401 once its token has expired or was deleted', () => {
    const world = new World()
    const expiresAt = world.wallClock + 10_000
    const short = world.do((admin, now) =>
      admin.createClientToken({ actorId: world.actor.id, name: 'x', expiresAt }, now),
    )
    expect(world.request('client', short.text, good)).toMatchObject({ type: 'accepted' })
    world.sleep(seconds(10))
    expect(world.request('client', short.text, good)).toMatchObject({ status: 401 })

    world.do((admin, now) => admin.deleteToken(world.clientToken.id, now))
    expect(world.request('client', world.clientToken.text, good)).toMatchObject({ status: 401 })
  })

  test('with 401 without the nonce that its token was made with', () => {
    const world = new World()
    const input = { actorId: world.actor.id, name: 'x', expiresAt: world.clientExpiry, nonce: 'c0ffee' }
    const fragment = world.do((admin, now) => admin.createClientToken(input, now)).text

    expect(fragment).toMatch(/^\.SFMyNTY\./)
    expect(world.request('client', `c0ffee${fragment}`, good)).toMatchObject({ type: 'accepted' })
    expect(world.request('client', fragment, good)).toMatchObject({ status: 401 })
    expect(world.request('client', `decaf${fragment}`, good)).toMatchObject({ status: 401 })
  })

  test('with 403 while its account is disabled', () => {
    const world = new World()
    world.do((admin, now) => admin.updateAccount(world.account.id, { disabled: true }, now))

    const refusal = { status: 403, body: 'The account is disabled' }
    expect(world.request('client', world.clientToken.text, good)).toMatchObject(refusal)
    expect(world.request('gateway', world.gatewayToken.text, good)).toMatchObject(refusal)
  })

  test.each([
    ['public_key', { ...good, public_key: 'short' }],
    ['public_key', { ...good, public_key: KEY.replace('=', '') }],
    ['public_key', { external_id: 'x' }],
    ['external_id', { public_key: KEY }],
    ['name', { ...good, name: 'x'.repeat(256) }],
  ])('with 422 that names %s', (field, parameters) => {
    const world = new World()

    const result = world.request('client', world.clientToken.text, parameters as Record<string, string>)

    expect(result).toMatchObject({ status: 422 })
    expect((result as { body: string }).body).toMatch(
      new RegExp(`^Invalid or missing connection parameters: (.*\\n)*${field}: `),
    )
    expect(world.portal.rows('clients')).toEqual([])
  })

  test.each([undefined, '', 'curl/8', 'Ubuntu/22.4.0 connlib/'])('with 422 for the user agent %j', userAgent => {
    const world = new World()
    const parameters = new Map(Object.entries({ ...good, token: world.clientToken.text }))
    const remoteIp = IpAddress.of('203.0.113.7')

    const result = world.portal.connect({ role: 'client', parameters, userAgent, remoteIp }, world.now)

    expect(result).toMatchObject({ status: 422, body: expect.stringContaining('last_seen_user_agent: is invalid') })
  })

  test.each([
    ['ipv4', {}],
    ['ipv4', { ipv4: '2001:db8::1' }],
    ['ipv6', { ipv6: '203.0.113.1' }],
    ['port', { ipv4: '203.0.113.1', port: '0' }],
    ['port', { ipv4: '203.0.113.1', port: '65536' }],
  ])('with 422 that names %s where it is a relay', (field, parameters) => {
    const world = new World()

    const result = world.request('relay', world.relayToken.text, parameters as Record<string, string>)

    expect(result).toMatchObject({ status: 422, body: expect.stringContaining(`${field}: `) })
  })

  test('with 503 and the advice to come again where nothing can be stored, and nothing is kept in memory', () => {
    class Full extends MemoryStore {
      isFull = false
      override commit(...args: Parameters<MemoryStore['commit']>): void {
        if (this.isFull) throw new Error('disk full')
        super.commit(...args)
      }
    }
    const store = new Full()
    const world = new World(store)
    store.isFull = true

    const result = world.request('client', world.clientToken.text, good)

    expect(result).toMatchObject({ status: 503, retryAfter: 5 })
    expect(world.portal.rows('clients')).toEqual([])
    store.isFull = false
    expect(world.request('client', world.clientToken.text, good)).toMatchObject({ type: 'accepted' })
  })
})

describe('a device', () => {
  test('that comes back keeps its id, addresses and name, and gets its new key', () => {
    const world = new World()
    const first = world.client({ name: 'laptop' })
    const before = world.portal.rows('clients')[0]!
    first.leave()
    world.client({ name: 'laptop', key: KEY, parameters: { name: 'renamed' } })

    const [after, ...others] = world.portal.rows('clients')
    expect(others).toEqual([])
    expect(after).toMatchObject({ id: before.id, ipv4: before.ipv4, ipv6: before.ipv6, name: 'laptop', publicKey: KEY })
  })

  test('is another one under another external id, even with the same token', () => {
    const world = new World()
    const service = world.do((admin, now) =>
      admin.createActor({ accountId: world.account.id, type: 'service_account', name: 'CI' }, now),
    )
    const input = { actorId: service.id, name: 'ci', expiresAt: world.wallClock + 400 * DAY }
    const token = world.do((admin, now) => admin.createClientToken(input, now)).text
    world.client({ name: 'one', token })
    world.client({ name: 'two', token })

    const rows = world.portal.rows('clients')
    expect(rows).toHaveLength(2)
    expect(new Set(rows.flatMap(row => [row.ipv4, row.ipv6])).size).toBe(4)
  })

  test('without a name gets one', () => {
    const world = new World()
    world.client({ parameters: { name: '' } })

    expect(world.portal.rows('clients')[0]!.name).toMatch(/^[a-z0-9]{5}$/)
  })

  test('loses its verification with a changed hardware id, not with one that was unknown', () => {
    const world = new World()
    const id = world.client({ parameters: { device_serial: 'A' } }).id
    const isVerified = (): boolean => world.portal.rows('clients')[0]!.verifiedAt !== null
    world.do((admin, now) => admin.setClientVerified(id, true, now))

    world.client({ parameters: { device_serial: 'A', device_uuid: 'B' } })
    expect(isVerified()).toBe(true)
    world.client({ parameters: { device_serial: 'C', device_uuid: 'B' } })
    expect(isVerified()).toBe(false)
  })

  test('is at the centre of its country where only the country is known', () => {
    const world = new World()
    world.client({ name: 'a', location: { region: 'UA', coordinates: ',' } })
    world.client({ name: 'b', location: { region: '', coordinates: '' } })
    world.client({ name: 'c', location: { region: 'XX', coordinates: '1,2' } })

    expect(world.portal.rows('clients').map(({ lastSeen }) => [lastSeen.latitude, lastSeen.longitude])).toEqual([
      [49, 32],
      [null, null],
      [1, 2],
    ])
  })

  test('that is a gateway may change its name, and one token serves many', () => {
    const world = new World()
    world.gateway({ name: 'a' })
    world.gateway({ name: 'b' })
    const [a] = world.portal.rows('gateways')
    world.connect('gateway', world.gatewayToken.text, { external_id: 'a', name: 'new name', public_key: KEY })

    expect(world.portal.rows('gateways').map(({ id, name }) => [id, name])).toEqual([
      [a!.id, 'new name'],
      [expect.any(String), 'b'],
    ])
  })
})

describe('presence', () => {
  test('begins with the join and ends with the connection', () => {
    const world = new World()
    const client = world.client({ join: false })
    expect(world.portal.isOnline(client.id)).toBe(false)
    client.join()
    expect(world.portal.isOnline(client.id)).toBe(true)
    client.leave()
    expect(world.portal.isOnline(client.id)).toBe(false)

    expect([world.portal.pollEvent(), world.portal.pollEvent(), world.portal.pollEvent()]).toEqual([
      { type: 'online', role: 'client', id: client.id },
      { type: 'offline', role: 'client', id: client.id },
      undefined,
    ])
  })

  test('lasts as long as one of two connections', () => {
    const world = new World()
    const [one, two] = [world.gateway(), world.gateway()]
    one.leave()
    expect(world.portal.isOnline(two.id)).toBe(true)
    expect(world.portal.connections).toBe(1)
  })
})

describe('a session', () => {
  test('ends in the second in which its token expires', () => {
    const world = new World()
    const expiresAt = world.wallClock + 90_500
    const token = world.do((admin, now) =>
      admin.createClientToken({ actorId: world.actor.id, name: 'x', expiresAt }, now),
    )
    const client = world.client({ token: token.text })

    world.sleep(seconds(90))
    expect(client.ended).toBeUndefined()
    world.sleep(seconds(1))
    expect(client.ended).toBe('token-expired')
    expect(world.portal.isOnline(client.id)).toBe(false)
  })

  test('ends when its token, its actor or its device is deleted, or the actor disabled', () => {
    const world = new World()
    const gateway = world.gateway()
    world.do((admin, now) => admin.deleteGateway(gateway.id, now))
    expect(gateway.ended).toBe('deleted')

    const again = world.gateway()
    expect(again.id).not.toBe(gateway.id)
    world.do((admin, now) => admin.deleteToken(world.gatewayToken.id, now))
    expect(again.ended).toBe('token-expired')

    const client = world.client()
    world.do((admin, now) => admin.deleteClient(client.id, now))
    expect(client.ended).toBe('deleted')

    const other = world.client()
    world.do((admin, now) => admin.updateActor(world.actor.id, { disabled: true }, now))
    expect(other.ended).toBe('token-expired')
    world.do((admin, now) => admin.updateActor(world.actor.id, { disabled: false }, now))
    expect(world.request('client', world.clientToken.text, good)).toMatchObject({ status: 401 })
  })

  test('of a relay ends with its row', () => {
    const world = new World()
    const relay = world.relay()
    world.do((admin, now) => admin.deleteRelay(relay.id, now))
    expect(relay.ended).toBe('token-expired')
  })
})

test('nobody is told anything before the join, or answered', () => {
  const world = new World()
  const client = world.client({ join: false })
  world.resource()

  expect(client.take()).toEqual([])
  expect(client.say('create_flow', {})).toEqual({ status: 'error', reason: 'unmatched topic' })
  client.leave()
  expect(client.join()).toEqual({ status: 'error', reason: 'unmatched topic' })
})

test('a relay that joins without its secret is refused', () => {
  const world = new World()
  const relay = world.relay({ join: false })

  expect(relay.join(null)).toEqual({ status: 'error', reason: 'join crashed' })
  expect(relay.join({ stamp_secret: '' })).toEqual({ status: 'error', reason: 'join crashed' })
  expect(relay.join({ stamp_secret: 'a'.repeat(64) })).toEqual({ status: 'ok' })
  expect(relay.take()).toEqual([['init', {}]])
})
