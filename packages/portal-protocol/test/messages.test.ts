import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  mergeRelays,
  type ParseResult,
  parseClientToPortal,
  parseGatewayToPortal,
  parsePortalToClient,
  parsePortalToGateway,
  parsePortalToRelay,
  parseRelayJoin,
} from '../src/index.ts'
import { messages } from './messages.fixture.ts'

type Parse = (event: string, payload: unknown) => ParseResult<{ event: string; payload: unknown }>

const directions: [keyof typeof messages, Parse][] = [
  ['portalToClient', parsePortalToClient],
  ['clientToPortal', parseClientToPortal],
  ['portalToGateway', parsePortalToGateway],
  ['gatewayToPortal', parseGatewayToPortal],
  ['portalToRelay', parsePortalToRelay],
]

describe.each(directions)('%s', (direction, parse) => {
  test.each(messages[direction])('$event parses', ({ event, payload }) => {
    const result = parse(event, payload)

    if ('defect' in result) throw new Error(JSON.stringify(result.defect))
    expect(result.message.event).toBe(event)
    expect(result.skipped).toEqual([])
  })

  test('what parsed writes itself as JSON that parses to the same', () => {
    for (const { event, payload } of messages[direction]) {
      const once = parse(event, payload)
      if ('defect' in once) throw new Error('does not parse')

      const again = parse(event, JSON.parse(JSON.stringify(once.message.payload)))

      expect(again).toEqual(once)
    }
  })

  test('an unknown event is a defect, even where an object has a property of that name', () => {
    for (const event of ['phx_whatever', 'toString', '__proto__', 'constructor'])
      expect(parse(event, {})).toEqual({ defect: { type: 'unknown-event', event } })
  })

  test('no payload makes the parser throw', () => {
    const events = fc.constantFrom(...messages[direction].map(message => message.event), 'x')
    fc.assert(fc.property(events, fc.jsonValue(), (event, payload) => void parse(event, payload)))
  })

  test('no payload with one value replaced makes the parser throw', () => {
    const message = fc.constantFrom(...messages[direction])
    fc.assert(
      fc.property(message, fc.nat(), fc.jsonValue(), ({ event, payload }, index, value) => {
        let seen = 0
        const replaced = JSON.parse(JSON.stringify(payload), (_, item) => (seen++ === index % 40 ? value : item))
        parse(event, replaced)
      }),
    )
  })
})

const init = messages.portalToClient.find(message => message.event === 'init')!.payload

function parseInit(changes: Record<string, unknown>) {
  const result = parsePortalToClient('init', { ...init, ...changes })
  return 'message' in result && result.message.event === 'init'
    ? { ...result.message.payload, skipped: result.skipped }
    : undefined
}

describe('the init of a client', () => {
  test('takes missing lists for empty ones', () => {
    const { interface: tunnel } = init
    const parsed = parseInit({
      interface: { ipv4: tunnel.ipv4, ipv6: tunnel.ipv6 },
      resources: undefined,
      relays: undefined,
    })

    expect(parsed).toMatchObject({ resources: [], relays: [], interface: { upstream_dns: [], search_domain: null } })
  })

  test('skips a resource of an unknown type and a broken one, and keeps the rest', () => {
    const good = init['resources']
    const parsed = parseInit({
      resources: [
        { type: 'static_device_pool', id: 'a' },
        good[0],
        { ...good[0], name: undefined, id: 'b' },
        { ...good[0], address: '172.20.0.1/16', id: 'c' },
        { ...good[0], address: '172.20.0.0' },
        17,
        good[1],
      ],
    })

    expect(parsed?.resources.map(resource => resource.id)).toEqual([good[0].id, good[1].id])
    expect(parsed?.skipped).toEqual([
      { type: 'unknown-type', what: 'a' },
      { type: 'bad-element', what: 'b' },
      { type: 'bad-element', what: 'c' },
      { type: 'bad-element', what: good[0].id },
      { type: 'unknown-type', what: '' },
    ])
  })

  test('names the Internet resource and takes a missing ip_stack for dual', () => {
    const { ip_stack: _, ...dns } = init['resources'][1]
    const parsed = parseInit({ resources: [dns, init['resources'][2]] })

    expect(parsed?.resources).toMatchObject([{ ip_stack: 'dual' }, { name: 'Internet Resource' }])
  })

  test.each<[string, Record<string, unknown>]>([
    ['a relay of an unknown type', { relays: [{ ...init['relays'][0], type: 'derp' }] }],
    ['a relay without expiry', { relays: [{ ...init['relays'][0], expires_at: undefined }] }],
    ['a relay with a fraction as expiry', { relays: [{ ...init['relays'][0], expires_at: 1.5 }] }],
    ['a relay without port', { relays: [{ ...init['relays'][0], addr: '203.0.113.1' }] }],
    ['an interface without IPv6', { interface: { ...init['interface'], ipv6: undefined } }],
    ['an interface with families swapped', { interface: { ...init['interface'], ipv4: '::1' } }],
    [
      'an upstream of an unknown protocol',
      { interface: { ...init['interface'], upstream_dns: [{ protocol: 'doh', address: '1.1.1.1:53' }] } },
    ],
    [
      'an upstream without port',
      { interface: { ...init['interface'], upstream_dns: [{ protocol: 'ip_port', address: '1.1.1.1' }] } },
    ],
    ['an invalid search domain', { interface: { ...init['interface'], search_domain: 'a..b' } }],
  ])('is unusable with %s', (_, changes) => {
    expect(parseInit(changes)).toBeUndefined()
  })
})

describe('relays', () => {
  const [v4, v6] = init['relays']
  const merge = (relays: unknown[]) => {
    const duplicates: string[] = []
    const merged = mergeRelays(parseInit({ relays })!.relays, relay => duplicates.push(relay))
    return { merged: merged.map(relay => `${relay.v4 ?? '-'} ${relay.v6 ?? '-'} ${relay.password}`), duplicates }
  }

  test('adjacent entries of one id are one dual-stack relay with the credentials of the last', () => {
    expect(merge([v4, { ...v6, password: 'later' }])).toEqual({
      merged: ['203.0.113.101:3478 [203:0:113::101]:3478 later'],
      duplicates: [],
    })
  })

  test('entries of one id that are not adjacent stay apart', () => {
    const other = { ...v4, id: '00000000-0000-0000-0000-000000000001', addr: '192.0.2.1:3478' }
    expect(merge([v4, other, v6]).merged).toHaveLength(3)
  })

  test('a second address of one family is ignored and told', () => {
    const { merged, duplicates } = merge([v4, { ...v4, addr: '192.0.2.9:3478', password: 'ignored' }])
    expect(merged).toEqual([`203.0.113.101:3478 - ${v4.password}`])
    expect(duplicates).toEqual([v4.id])
  })

  test('stun entries are left out', () => {
    expect(merge([{ type: 'stun', id: v4.id, addr: v4.addr }]).merged).toEqual([])
  })
})

describe('the failure of a flow', () => {
  test('has unknown reasons and properties as unknown', () => {
    const payload = {
      resource_id: init['resources'][0].id,
      reason: 'mood',
      violated_properties: ['remote_ip', 'shoes'],
    }
    expect(parsePortalToClient('flow_creation_failed', payload)).toMatchObject({
      message: { payload: { reason: 'unknown', violated_properties: ['remote_ip', 'unknown'] } },
    })
  })

  test('needs no list of properties', () => {
    const payload = { resource_id: init['resources'][0].id, reason: 'offline' }
    expect(parsePortalToClient('flow_creation_failed', payload)).toMatchObject({
      message: { payload: { reason: 'offline', violated_properties: [] } },
    })
  })
})

describe('filters', () => {
  const flow = messages.portalToGateway.find(message => message.event === 'authorize_flow')!.payload
  const parseWith = (filters: unknown) =>
    parsePortalToGateway('authorize_flow', { ...flow, resource: { ...flow['resource'], filters } })

  test('without ports take all of them', () => {
    expect(
      parseWith([{ protocol: 'udp' }, { protocol: 'tcp', port_range_start: 80, port_range_end: null }]),
    ).toMatchObject({
      message: {
        payload: {
          resource: {
            filters: [
              { protocol: 'udp', port_range_start: 0, port_range_end: 65535 },
              { protocol: 'tcp', port_range_start: 80, port_range_end: 65535 },
            ],
          },
        },
      },
    })
  })

  test.each([[[{ protocol: 'sctp' }]], [undefined], [[{ protocol: 'tcp', port_range_start: -1 }]]])(
    'that are unknown or missing make the message unusable instead of permitting more: %j',
    filters => {
      expect(parseWith(filters)).toMatchObject({ defect: { type: 'bad-payload' } })
    },
  )

  test('expires_at may be null but not missing', () => {
    expect(parsePortalToGateway('authorize_flow', { ...flow, expires_at: null })).toHaveProperty('message')
    expect(parsePortalToGateway('authorize_flow', { ...flow, expires_at: undefined })).toHaveProperty('defect')
  })

  test('a key of another length makes the message unusable', () => {
    const client = { ...flow['client'], public_key: 'AQID' }
    expect(parsePortalToGateway('authorize_flow', { ...flow, client })).toHaveProperty('defect')
  })
})

test('candidates that are no text are skipped', () => {
  const payload = { gateway_id: '3d1c2b0a-6f5e-4c3d-8b2a-190817263544', candidates: ['candidate:1', 5, null] }
  expect(parsePortalToClient('ice_candidates', payload)).toMatchObject({
    message: { payload: { candidates: ['candidate:1'] } },
  })
})

test('ids are taken in either case and kept in lower case', () => {
  expect(parsePortalToClient('resource_deleted', '73037362-715D-4A83-A749-F18EADD970E6')).toMatchObject({
    message: { payload: '73037362-715d-4a83-a749-f18eadd970e6' },
  })
  expect(parsePortalToClient('resource_deleted', 'not-an-id')).toHaveProperty('defect')
})

test('a relay joins with its stamp secret and not without', () => {
  expect(parseRelayJoin(messages.relayJoin[0]!.payload)).toEqual(messages.relayJoin[0]!.payload)
  expect(parseRelayJoin(null)).toBeUndefined()
  expect(parseRelayJoin({ stamp_secret: '' })).toBeUndefined()
})
