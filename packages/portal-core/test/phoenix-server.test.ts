import { IpAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PeerId, PhoenixServer, type Role } from '../src/index.ts'
import { World } from './world.ts'

/** A server, and what it says to its sockets. */
class Wire {
  readonly world: World = new World()
  readonly server: PhoenixServer = new PhoenixServer(this.world.portal)
  #keys = 0

  connect(role: Role, token: string): PeerId {
    const parameters = new Map([
      ['token', token],
      ['external_id', 'x'],
      ['ipv4', '203.0.113.101'],
      ['public_key', this.world.freshKey()],
    ])
    const userAgent = role === 'relay' ? 'relay/1.0.0' : 'x connlib/1.5.0'
    const remoteIp = IpAddress.of(`192.0.2.${++this.#keys}`)
    const result = this.server.connect({ role, parameters, userAgent, remoteIp }, this.world.now)
    if (result.type === 'refused') throw new Error(result.body)
    return result.peer
  }

  client(): PeerId {
    return this.connect('client', this.world.clientToken.text)
  }

  say(peer: PeerId, frame: unknown): void {
    this.server.handleText(peer, typeof frame === 'string' ? frame : JSON.stringify(frame), this.world.now)
  }

  /** Takes what is to be done for sockets: frames, and `close`. */
  take(): unknown[] {
    const taken: unknown[] = []
    for (let transmit = this.server.pollTransmit(); transmit; transmit = this.server.pollTransmit()) {
      taken.push(transmit.type === 'text' ? JSON.parse(transmit.text) : 'close')
    }
    return taken
  }

  join(peer: PeerId, topic: Role, ref = 0): void {
    this.say(peer, { topic, event: 'phx_join', payload: null, ref })
  }
}

const ok = (topic: string, ref: unknown) => ({
  topic,
  event: 'phx_reply',
  payload: { status: 'ok', response: {} },
  ref,
})
const refused = (topic: string, ref: unknown, reason: string) => ({
  topic,
  event: 'phx_reply',
  payload: { status: 'error', response: { reason } },
  ref,
})

describe('the server', () => {
  test('answers a join with exactly {} and the same ref, and sends init after it', () => {
    const wire = new Wire()
    wire.join(wire.client(), 'client', 7)

    const [reply, init, ...others] = wire.take()
    expect(reply).toEqual(ok('client', 7))
    expect(init).toMatchObject({ topic: 'client', event: 'init', ref: null })
    expect(Object.keys(init as object).sort()).toEqual(['event', 'payload', 'ref', 'topic'])
    expect(others).toEqual([])
  })

  test('echoes a ref with its JSON type', () => {
    const wire = new Wire()
    const peer = wire.client()
    for (const ref of [0, 12, '12', null]) wire.say(peer, { topic: 'phoenix', event: 'heartbeat', payload: {}, ref })

    expect(wire.take()).toEqual([0, 12, '12', null].map(ref => ok('phoenix', ref)))
  })

  test('takes a missing payload for an empty one, and ignores join_ref', () => {
    const wire = new Wire()
    const peer = wire.client()
    wire.say(peer, { topic: 'phoenix', event: 'heartbeat', ref: 1, join_ref: 0 })

    expect(wire.take()).toEqual([ok('phoenix', 1)])
  })

  test('answers what is not for the joined topic as unmatched, and lets the peer join anew', () => {
    const wire = new Wire()
    const peer = wire.client()
    wire.say(peer, { topic: 'client', event: 'create_flow', payload: {}, ref: 1 })
    wire.say(peer, { topic: 'gateway', event: 'phx_join', payload: {}, ref: 2 })
    expect(wire.take()).toEqual([refused('client', 1, 'unmatched topic'), refused('gateway', 2, 'unmatched topic')])

    wire.join(peer, 'client', 3)
    expect(wire.take()).toMatchObject([ok('client', 3), { event: 'init' }])
  })

  test('answers what it does not understand, and goes on', () => {
    const wire = new Wire()
    const peer = wire.client()
    wire.join(peer, 'client')
    wire.take()
    wire.say(peer, { topic: 'client', event: 'dance', payload: {}, ref: 4 })
    wire.say(peer, { topic: 'phoenix', event: 'heartbeat', payload: {}, ref: 5 })

    expect(wire.take()).toEqual([refused('client', 4, 'unknown_message'), ok('phoenix', 5)])
  })

  test('ends the former channel when a topic is joined twice', () => {
    const wire = new Wire()
    const peer = wire.client()
    wire.join(peer, 'client', 0)
    wire.take()
    wire.join(peer, 'client', 1)

    expect(wire.take()).toMatchObject([
      ok('client', 1),
      { event: 'init' },
      { topic: 'client', event: 'phx_close', payload: {}, ref: null },
    ])
  })

  test('closes the connection of a peer that leaves its topic', () => {
    const wire = new Wire()
    const peer = wire.client()
    wire.join(peer, 'client', 0)
    wire.take()
    wire.say(peer, { topic: 'client', event: 'phx_leave', payload: {}, ref: 1 })

    expect(wire.take()).toMatchObject([ok('client', 1), { event: 'phx_close' }, 'close'])
    wire.say(peer, { topic: 'phoenix', event: 'heartbeat', payload: {}, ref: 2 })
    expect(wire.take()).toEqual([])
  })

  test('refuses the join of a relay without a secret, and closes', () => {
    const wire = new Wire()
    const peer = wire.connect('relay', wire.world.relayToken.text)
    wire.join(peer, 'relay')

    expect(wire.take()).toEqual([refused('relay', 0, 'join crashed'), 'close'])
  })

  test('welcomes a relay with an empty init', () => {
    const wire = new Wire()
    const peer = wire.connect('relay', wire.world.relayToken.text)
    wire.say(peer, { topic: 'relay', event: 'phx_join', payload: { stamp_secret: 'a'.repeat(64) }, ref: 0 })

    expect(wire.take()).toEqual([ok('relay', 0), { topic: 'relay', event: 'init', payload: {}, ref: null }])
  })

  test('tells a peer that its token is gone for good, and one whose device was deleted to come back', () => {
    const wire = new Wire()
    const { portal, clientToken, now } = wire.world
    const peer = wire.client()
    wire.join(peer, 'client')
    wire.take()
    portal.admin.deleteToken(clientToken.id, now)
    wire.server.drain()
    const disconnect = { topic: 'client', event: 'disconnect', payload: { reason: 'token_expired' }, ref: null }
    expect(wire.take()).toEqual([disconnect, 'close'])

    const gateway = wire.connect('gateway', wire.world.gatewayToken.text)
    wire.join(gateway, 'gateway')
    wire.take()
    portal.admin.deleteGateway(portal.rows('gateways')[0]!.id, now)
    wire.server.drain()
    expect(wire.take()).toEqual([{ topic: 'gateway', event: 'phx_close', payload: {}, ref: null }, 'close'])
  })

  test('closes where it can not store, so that the peer starts over', () => {
    const wire = new Wire()
    const world = wire.world
    const resource = world.resource()
    const gateway = wire.connect('gateway', world.gatewayToken.text)
    wire.join(gateway, 'gateway')
    const peer = wire.client()
    wire.join(peer, 'client')
    wire.take()
    world.store.commit = () => {
      throw new Error('disk full')
    }
    const payload = { resource_id: resource.id, connected_gateway_ids: [] }
    wire.say(peer, { topic: 'client', event: 'create_flow', payload, ref: 1 })

    expect(wire.take()).toEqual(['close'])
    expect(world.portal.connections).toBe(1)
  })

  test('brings timers and departures through', () => {
    const wire = new Wire()
    const peer = wire.client()
    wire.join(peer, 'client')
    expect(wire.server.pollTimeout()).toBeDefined()
    wire.server.handleTimeout(wire.server.pollTimeout()!)
    wire.server.disconnect(peer, wire.world.now)
    expect(wire.world.portal.connections).toBe(0)
  })
})

describe('whatever a peer sends', () => {
  test('the server does not throw, and closes what is no frame', () => {
    const wire = new Wire()
    for (const text of ['', '{', 'null', '[]', '{"topic":1,"event":"x"}', '{"topic":"a","event":"b","ref":{}}']) {
      const peer = wire.client()
      wire.say(peer, text)
      expect(wire.take()).toEqual(['close'])
    }
    expect(wire.world.portal.connections).toBe(0)
  })

  test('arbitrary JSON and arbitrary payloads never throw', () => {
    const wire = new Wire()
    const event = fc.constantFrom(
      'create_flow',
      'broadcast_ice_candidates',
      'broadcast_invalidated_ice_candidates',
      'flow_authorized',
      'phx_join',
      '__proto__',
      'constructor',
    )
    const role = fc.constantFrom<Role>('client', 'gateway', 'relay')
    fc.assert(
      fc.property(role, event, fc.oneof(fc.jsonValue(), fc.string()), (role, event, payload) => {
        const { clientToken, gatewayToken, relayToken } = wire.world
        const tokens = { client: clientToken, gateway: gatewayToken, relay: relayToken }
        const peer = wire.connect(role, tokens[role].text)
        wire.join(peer, role)
        wire.say(peer, { topic: role, event, payload, ref: 1 })
        wire.say(peer, JSON.stringify(payload))
        wire.take()
        wire.server.disconnect(peer, wire.world.now)
      }),
      { numRuns: 100 },
    )
    expect(wire.world.portal.connections).toBe(0)
  })
})
