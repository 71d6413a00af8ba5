import { ecnOf, makeIcmpEcho, makeTcpPacket, makeUdpPacket } from '@sallyport/ip-packet'
import {
  type ClientInit,
  type ClientResource,
  type FlowCreated,
  type GatewayId,
  INTERNET_RESOURCE_NAME,
  type PortalToClient,
  parsePortalToClient,
  type RelayId,
  type ResourceId,
  type SiteId,
} from '@sallyport/portal-protocol'
import { SocketAddress } from '@sallyport/sans-io'
import type { ConnectionId } from '@sallyport/snownet'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ClientTunnel, type ClientTunnelEvent, makeGoodbye } from '../src/index.ts'
import { FakeOverlay } from './fake-overlay.ts'
import { at, cidr, drain, ip, key, receive, send, siteId, syn, udp, unixSeconds, uuid } from './support.ts'

const OWN = '100.64.3.9'
const OWN_6 = 'fd00:2021:1111::3:9'
const gatewayId = uuid(0xa1) as GatewayId
const FIXED = [
  '100.100.111.0/24',
  '100.64.0.0/11',
  '100.96.0.0/11',
  'fd00:2021:1111:8000:100:100:111:0/120',
  'fd00:2021:1111:8000::/107',
  'fd00:2021:1111::/107',
]

describe('routes', () => {
  test('are every network of an enabled resource and six fixed ranges, nothing else', () => {
    const networks = fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { maxLength: 20 })
    fc.assert(
      fc.property(networks, fc.array(fc.boolean(), { maxLength: 20 }), (octets, disabled) => {
        const { tunnel } = start(octets.map(n => cidr(n, `10.${n}.0.0/16`)))
        tunnel.setDisabledResources(new Set(octets.filter((_, i) => disabled[i]).map(resourceId)), at(0))

        const enabled = octets.filter((_, i) => !disabled[i]).map(n => `10.${n}.0.0/16`)
        expect(routesOf(tunnel).sort()).toEqual([...FIXED, ...enabled].sort())
      }),
    )
  })

  test('follow resources that are added, replaced by id, changed in type and removed', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16')])

    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(2, '10.2.0.0/16') })
    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(1, '10.3.0.0/16') })
    expect(networksOf(tunnel)).toEqual(['10.2.0.0/16', '10.3.0.0/16'])

    tell(tunnel, { event: 'resource_created_or_updated', payload: internet(2) })
    expect(networksOf(tunnel)).toEqual(['10.3.0.0/16'])

    tell(tunnel, { event: 'resource_deleted', payload: resourceId(1) })
    expect(networksOf(tunnel)).toEqual([])
    expect(tunnel.resources.map(({ resource }) => resource.id)).toEqual([uuid(2)])
  })

  test('a list replaces the list', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 10 })
    fc.assert(
      fc.property(ids, ids, (before, after) => {
        const { tunnel } = start(before.map(n => cidr(n, `10.${n}.0.0/16`)))
        tell(tunnel, { event: 'init', payload: init(after.map(n => cidr(n, `10.${n}.0.0/16`))) })

        expect(networksOf(tunnel).sort()).toEqual(after.map(n => `10.${n}.0.0/16`).sort())
        expect(tunnel.resources.map(({ resource }) => resource.id).sort()).toEqual(after.map(uuid).sort())
      }),
    )
  })

  test('are told once, as the latest, and not again without a change', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16')])
    drain(tunnel)

    tell(tunnel, { event: 'config_changed', payload: { interface: init([]).interface } })
    expect(drain(tunnel).filter(({ type }) => type === 'interface-changed')).toEqual([])

    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(2, '10.2.0.0/16') })
    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(3, '10.3.0.0/16') })
    const events = drain(tunnel).filter(event => event.type === 'interface-changed')
    expect(events).toHaveLength(1)
    expect(events[0]!.config.routes.map(String)).toContain('10.3.0.0/16')
  })

  test('the search domain is passed on', () => {
    const { tunnel } = start([])
    const config = { ...init([]).interface, search_domain: 'corp.example' }
    tell(tunnel, { event: 'config_changed', payload: { interface: config } })

    expect(tunnel.tunConfig?.searchDomain).toBe('corp.example')
  })
})

describe('asking for access', () => {
  test('the first packet asks, more within 2 s do not, and after 2 s the next one asks again', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16')])

    for (const now of [0, 1, 1999, 2000, 2001, 3999, 4000]) {
      expect(send(tunnel, [udp(OWN, '10.1.2.3', now)], at(now))).toEqual([])
      expect(intents(tunnel).length, `at ${now}`).toBe(now === 0 || now === 2000 || now === 4000 ? 1 : 0)
    }
  })

  test('says which resource, and which gateways were used lately, the last one first', () => {
    const { tunnel } = connected()
    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(2, '10.2.0.0/16') })
    send(tunnel, [udp(OWN, '10.2.0.1')], at(0))
    const other = uuid(0xa2) as GatewayId
    tell(tunnel, { event: 'flow_created', payload: { ...flow(2), gateway_id: other, gateway_ipv4: ip('100.64.9.2') } })
    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(3, '10.3.0.0/16') })
    intents(tunnel)

    send(tunnel, [udp(OWN, '10.3.0.1')], at(0))

    expect(intents(tunnel)).toEqual([{ resource_id: uuid(3), connected_gateway_ids: [other, gatewayId] }])
  })

  test('packets that wait leave in order as soon as we are let in, cut if they came as one train', () => {
    const { tunnel, node } = start([cidr(1, '10.1.0.0/16')])
    const train = makeTcpPacket({
      source: ip(OWN),
      destination: ip('10.1.2.3'),
      sourcePort: 1,
      destinationPort: 2,
      payload: new Uint8Array(3000),
    })
    send(tunnel, [udp(OWN, '10.1.2.3', 1), udp(OWN, '10.1.2.3', 2), udp(OWN, '10.1.2.3', 1)], at(0))
    send(tunnel, [train], at(0), 1000)

    tell(tunnel, { event: 'flow_created', payload: flow(1) })

    const sent = node.take('send')
    expect(sent.slice(0, 2).map(({ packet }) => packet)).toEqual([udp(OWN, '10.1.2.3', 1), udp(OWN, '10.1.2.3', 2)])
    expect(sent.map(({ id, packet }) => [id, packet.length]).slice(2)).toEqual(new Array(3).fill([gatewayId, 1040]))
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(1))).toHaveLength(1)
  })

  test('of 129 different packets the oldest is dropped', () => {
    const { tunnel, node } = start([cidr(1, '10.1.0.0/16')])
    for (let i = 0; i < 129; i++) send(tunnel, [udp(OWN, '10.1.2.3', i)], at(0))

    tell(tunnel, { event: 'flow_created', payload: flow(1) })

    expect(node.take('send').map(({ packet }) => packet)).toEqual(
      Array.from({ length: 128 }, (_, i) => udp(OWN, '10.1.2.3', i + 1)),
    )
  })

  test('a SYN that is sent again replaces the first, with its newer timestamp', () => {
    const { tunnel, node } = start([cidr(1, '10.1.0.0/16')])
    send(tunnel, [syn(OWN, '10.1.2.3', 7, 1), udp(OWN, '10.1.2.3'), syn(OWN, '10.1.2.3', 7, 2)], at(0))
    send(tunnel, [syn(OWN, '10.1.2.3', 8, 3)], at(0))

    tell(tunnel, { event: 'flow_created', payload: flow(1) })

    expect(node.take('send').map(({ packet }) => packet)).toEqual([
      syn(OWN, '10.1.2.3', 7, 2),
      udp(OWN, '10.1.2.3'),
      syn(OWN, '10.1.2.3', 8, 3),
    ])
  })

  test('being let in without having asked, or to what we do not know, changes nothing', () => {
    const { tunnel, node } = start([cidr(1, '10.1.0.0/16')])

    tell(tunnel, { event: 'flow_created', payload: flow(1) })
    tell(tunnel, { event: 'flow_created', payload: flow(9) })

    expect(node.take('upsert')).toEqual([])
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(0))).toEqual([])
    expect(intents(tunnel)).toHaveLength(1)
  })

  test('the connection is made from what the portal says', () => {
    const { node } = connected()

    expect(node.take('upsert')).toEqual([
      {
        type: 'upsert',
        id: gatewayId,
        peer: {
          peerPublicKey: new Uint8Array(32).fill(1),
          presharedKey: new Uint8Array(32).fill(2),
          localCredentials: { ufrag: 'abcd', password: 'client' },
          remoteCredentials: { ufrag: 'wxyz', password: 'gateway' },
        },
      },
    ])
  })

  test('without a relay it asks for some, and the next packet asks for access again', () => {
    const { tunnel, node } = start([cidr(1, '10.1.0.0/16')])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))
    node.hasRelays = false
    drain(tunnel)

    tell(tunnel, { event: 'flow_created', payload: flow(1) })

    expect(drain(tunnel)).toContainEqual({ type: 'relays-wanted' })
    send(tunnel, [udp(OWN, '10.1.2.3')], at(1))
    expect(intents(tunnel)).toHaveLength(1)
  })

  test('without a relay packets go on waiting, and access is asked for again with the next init', () => {
    const { tunnel, node } = start([cidr(1, '10.1.0.0/16')])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))
    node.hasRelays = false
    tell(tunnel, { event: 'flow_created', payload: flow(1) })
    drain(tunnel)

    node.hasRelays = true
    tell(tunnel, { event: 'init', payload: init([cidr(1, '10.1.0.0/16')]) })
    expect(intents(tunnel)).toHaveLength(1)
    tell(tunnel, { event: 'flow_created', payload: flow(1) })

    expect(node.take('send')).toHaveLength(1)
  })

  test('a resource that another gateway serves is switched to the one that lets us in', () => {
    const { tunnel, node } = connected()
    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(1, '10.1.0.0/16', { name: 'New' }) })
    node.events.push({
      type: 'connection-failed',
      connection: gatewayId as string as ConnectionId,
      reason: 'ice-disconnected',
    })
    tunnel.handleTimeout(at(1))
    send(tunnel, [udp(OWN, '10.1.2.3')], at(1))
    const other = uuid(0xa2) as GatewayId

    tell(tunnel, { event: 'flow_created', payload: { ...flow(1), gateway_id: other } })

    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(2))[0]![0]).toBe(node.handleOf(other as string as ConnectionId))
  })
})

describe('refused access', () => {
  test('offline shows in the status, ends the wait and fades after 5 minutes', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16')])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))
    intents(tunnel)

    tell(tunnel, failure(1, 'offline'))

    expect(statusOf(tunnel, 1)).toBe('offline')
    send(tunnel, [udp(OWN, '10.1.2.3')], at(1))
    expect(intents(tunnel)).toHaveLength(1)
    expect(tunnel.pollTimeout()).toBe(300_000)
    tunnel.handleTimeout(at(300_000))
    expect(statusOf(tunnel, 1)).toBe('unknown')
    expect(tunnel.pollTimeout()).toBeUndefined()
    expect(drain(tunnel).some(({ type }) => type === 'resources-changed')).toBe(true)
  })

  test('an answer that comes when somebody else has let us in changes nothing', () => {
    const { tunnel } = established()

    tell(tunnel, failure(1, 'offline'))

    expect(statusOf(tunnel, 1)).toBe('online')
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(0))).toHaveLength(1)
  })

  test('any other reason only waits for more traffic', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16')])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))
    intents(tunnel)

    tell(tunnel, failure(1, 'forbidden'))
    tell(tunnel, failure(77, 'offline'))

    expect(statusOf(tunnel, 1)).toBe('unknown')
    send(tunnel, [udp(OWN, '10.1.2.3')], at(1999))
    expect(intents(tunnel)).toEqual([])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(2000))
    expect(intents(tunnel)).toHaveLength(1)
  })

  test('a resource with two sites is not offline because one of them is', () => {
    const two = [siteId, uuid(0x52) as SiteId].map(id => ({ id, name: 'x' }))
    const { tunnel } = start([cidr(1, '10.1.0.0/16'), cidr(2, '10.2.0.0/16', { gateway_groups: two })])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))

    tell(tunnel, failure(1, 'offline'))

    expect([statusOf(tunnel, 1), statusOf(tunnel, 2)]).toEqual(['offline', 'unknown'])
  })
})

describe('choosing a resource', () => {
  test('the longest network wins', () => {
    const { tunnel } = start([cidr(1, '10.0.0.0/8'), cidr(2, '10.1.0.0/16'), cidr(3, '0.0.0.0/1')])

    for (const destination of ['10.1.2.3', '10.2.2.3', '11.0.0.1']) send(tunnel, [udp(OWN, destination)], at(0))

    expect(intents(tunnel).map(({ resource_id }) => resource_id)).toEqual([2, 1, 3].map(uuid))
  })

  test('of equal networks the highest id wins, unless a lower one is connected; a removal promotes the other', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16'), cidr(2, '10.1.0.0/16')])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))
    expect(intents(tunnel)[0]?.resource_id).toBe(uuid(2))

    tell(tunnel, { event: 'flow_created', payload: flow(2) })
    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(3, '10.1.0.0/16') })
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(0))).toHaveLength(1)

    tell(tunnel, { event: 'resource_deleted', payload: resourceId(2) })
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))
    expect(intents(tunnel)[0]?.resource_id).toBe(uuid(3))
  })

  test('what is for no resource, for many, from elsewhere, too long or no packet is dropped and counted', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16')])

    send(
      tunnel,
      [
        udp(OWN, '10.2.0.1'),
        udp(OWN, '224.0.0.22'),
        udp(OWN_6, 'ff02::2'),
        udp(OWN_6, 'ff02::16'),
        udp('192.168.0.1', '10.1.0.1'),
        udp(OWN, '10.1.0.1', 53, 'x'.repeat(1253)),
        new Uint8Array(10),
        udp(OWN, '100.100.111.1'),
        udp(OWN, '100.64.9.9'),
        udp(OWN, OWN),
        makeGoodbye(),
      ],
      at(0),
    )

    expect(intents(tunnel)).toEqual([])
    expect(tunnel.counters).toMatchObject({
      noResourceOut: 1,
      multicastOut: 3,
      foreignSourceOut: 2, // a forged control message is one of them
      tooLongOut: 1,
      malformedOut: 1,
      badQueryOut: 1,
      unknownPeerOut: 2,
    })
  })

  test('a packet of 1280 bytes passes, also as a segment of a train; one of 1281 does not', () => {
    const { tunnel } = connected()
    const train = makeTcpPacket({
      source: ip(OWN),
      destination: ip('10.1.2.3'),
      sourcePort: 1,
      destinationPort: 2,
      payload: new Uint8Array(2480),
    })

    expect(send(tunnel, [udp(OWN, '10.1.0.1', 53, 'x'.repeat(1252))], at(0))).toHaveLength(1)
    expect(send(tunnel, [train], at(0), 1240)).toHaveLength(2)
    expect(send(tunnel, [train], at(0), 1241)).toEqual([])
  })

  test('the tunnel address of a connected gateway reaches it', () => {
    const { tunnel } = connected()

    expect(send(tunnel, [udp(OWN, '100.64.9.1'), udp(OWN_6, 'fd00:2021:1111::9:1')], at(0))).toHaveLength(2)
    expect(send(tunnel, [udp(OWN, '100.64.9.2')], at(0))).toEqual([])
  })

  test('nothing leaves before the portal has given us addresses', () => {
    const tunnel = new ClientTunnel({ node: new FakeOverlay() })

    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(0))).toEqual([])
    expect(drain(tunnel)).toEqual([])
  })
})

describe('what comes in', () => {
  test('passes from the networks of resources and from the gateway itself, and from nowhere else', () => {
    const { tunnel } = connected()
    const passing = [udp('10.1.2.3', OWN), udp('100.64.9.1', OWN), udp('fd00:2021:1111::9:1', OWN_6)]

    expect(receive(tunnel, 0, passing, at(0))).toEqual(passing)
    expect(receive(tunnel, 0, [udp('10.2.0.1', OWN), udp('100.64.9.2', OWN)], at(0))).toEqual([])
    expect(receive(tunnel, 0, [udp('10.1.2.3', '192.168.0.1')], at(0))).toEqual([])
    expect(receive(tunnel, 7, [udp('10.1.2.3', OWN)], at(0))).toEqual([])
    expect(receive(tunnel, 0, [new Uint8Array(30)], at(0))).toEqual([])
    expect(tunnel.counters).toMatchObject({
      foreignSourceIn: 2,
      foreignDestinationIn: 1,
      unknownPeerIn: 1,
      malformedIn: 1,
    })
  })

  test('is trimmed to the length that its header says', () => {
    const { tunnel } = connected()
    const packet = udp('10.1.2.3', OWN)

    expect(receive(tunnel, 0, [Uint8Array.of(...packet, 0, 0, 0)], at(0))).toEqual([packet])
  })

  test('an ICMP error of the resource itself passes', () => {
    const { tunnel } = connected()
    const echo = makeIcmpEcho({ source: ip('10.1.2.3'), destination: ip(OWN), identifier: 1, sequence: 1 })

    expect(receive(tunnel, 0, [echo], at(0))).toEqual([echo])
  })

  test('a resource that is switched off admits nothing any more', () => {
    const { tunnel } = connected()
    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(2, '10.2.0.0/16') })
    send(tunnel, [udp(OWN, '10.2.0.1')], at(0))
    tell(tunnel, { event: 'flow_created', payload: flow(2) })

    tunnel.setDisabledResources(new Set([resourceId(1)]), at(0))

    expect(receive(tunnel, 0, [udp('10.1.2.3', OWN)], at(0))).toEqual([])
    expect(receive(tunnel, 0, [udp('10.2.0.1', OWN)], at(0))).toHaveLength(1)
  })

  test('no control message ever reaches the TUN device', () => {
    const { tunnel } = connected()
    const unknown = makeGoodbye()
    unknown[40] = 99

    expect(receive(tunnel, 0, [unknown, unknown.slice(0, 47)], at(0))).toEqual([])
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(0))).toHaveLength(1) // and the connection stays up
  })
})

describe('the end of a connection', () => {
  test.each([
    ['a goodbye', (tunnel: ClientTunnel) => void receive(tunnel, 0, [makeGoodbye()], at(1))],
    [
      'its failure',
      (tunnel: ClientTunnel, node: FakeOverlay) => {
        node.events.push({
          type: 'connection-failed',
          connection: gatewayId as string as ConnectionId,
          reason: 'ice-disconnected',
        })
        tunnel.handleTimeout(at(1))
      },
    ],
  ])('%s makes the site unknown, and the next packet asks again', (_, end) => {
    const { tunnel, node } = established()
    expect(statusOf(tunnel, 1)).toBe('online')
    drain(tunnel)

    end(tunnel, node)

    expect(statusOf(tunnel, 1)).toBe('unknown')
    expect(drain(tunnel)).toContainEqual({ type: 'connection-state', gateway: gatewayId, state: 'disconnected' })
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(2))).toEqual([])
    expect(intents(tunnel)).toEqual([{ resource_id: uuid(1), connected_gateway_ids: [gatewayId] }])
    expect(node.take('goodbye')).toEqual([])
  })

  test('a gateway online makes all resources of its site so', () => {
    const { tunnel } = established([cidr(1, '10.1.0.0/16'), cidr(2, '10.2.0.0/16')])

    expect([statusOf(tunnel, 1), statusOf(tunnel, 2)]).toEqual(['online', 'online'])
  })

  test('switching the last resource of a gateway off says goodbye exactly once', () => {
    const { tunnel, node } = established()

    tunnel.setDisabledResources(new Set([resourceId(1)]), at(1))
    tunnel.setDisabledResources(new Set([resourceId(1), resourceId(2)]), at(1))

    expect(node.take('goodbye')).toEqual([{ type: 'goodbye', id: gatewayId, packet: makeGoodbye() }])
    expect(tunnel.resources[0]).toMatchObject({ isEnabled: false, status: 'unknown' })
    intents(tunnel)
    tunnel.setDisabledResources(new Set(), at(2))
    send(tunnel, [udp(OWN, '10.1.2.3')], at(2))
    expect(intents(tunnel)).toHaveLength(1)
  })

  test('a gateway that serves another resource stays', () => {
    const { tunnel, node } = established([cidr(1, '10.1.0.0/16'), cidr(2, '10.2.0.0/16')])
    send(tunnel, [udp(OWN, '10.2.0.1')], at(0))
    tell(tunnel, { event: 'flow_created', payload: flow(2) })

    tell(tunnel, { event: 'resource_deleted', payload: resourceId(1) })

    expect(node.take('goodbye')).toEqual([])
    expect(send(tunnel, [udp(OWN, '10.2.0.1')], at(0))).toHaveLength(1)
    expect(statusOf(tunnel, 2)).toBe('online')
  })

  test('a list with an unchanged resource does not touch its connection', () => {
    const { tunnel, node } = established()
    node.calls.length = 0

    tell(tunnel, { event: 'init', payload: init([cidr(1, '10.1.0.0/16', { name: 'Renamed' })]) })

    expect(node.calls).toEqual([{ type: 'relays', removed: [], added: [] }])
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(0))).toHaveLength(1)
    expect(tunnel.resources[0]!.resource).toMatchObject({ name: 'Renamed' })
  })

  test('a new address is a new resource', () => {
    const { tunnel, node } = established()

    tell(tunnel, { event: 'resource_created_or_updated', payload: cidr(1, '10.9.0.0/16') })

    expect(node.take('goodbye')).toHaveLength(1)
    expect(send(tunnel, [udp(OWN, '10.9.0.1')], at(0))).toEqual([])
  })

  test('a reset forgets connections and hints, without a goodbye, and keeps resources and what waits', () => {
    const { tunnel, node } = established([cidr(1, '10.1.0.0/16'), cidr(2, '10.2.0.0/16')])
    send(tunnel, [udp(OWN, '10.2.0.1')], at(0))
    drain(tunnel)

    tunnel.reset(at(1))

    expect(node.take('reset')).toHaveLength(1)
    expect(node.take('goodbye')).toEqual([])
    expect(statusOf(tunnel, 1)).toBe('unknown')
    send(tunnel, [udp(OWN, '10.1.2.3')], at(1))
    expect(intents(tunnel)).toEqual([{ resource_id: uuid(1), connected_gateway_ids: [] }])
    node.take('send')
    tell(tunnel, { event: 'flow_created', payload: flow(2) })
    expect(node.take('send')).toHaveLength(1)
  })

  test('after a reset and the init behind it, access is asked for again, once, to all that we had', () => {
    const { tunnel } = established([cidr(1, '10.1.0.0/16'), cidr(2, '10.2.0.0/16'), cidr(3, '10.3.0.0/16')])
    send(tunnel, [udp(OWN, '10.2.0.1')], at(0))
    drain(tunnel)

    tunnel.reset(at(1))
    expect(intents(tunnel)).toEqual([])
    send(tunnel, [udp(OWN, '10.2.0.2')], at(1))
    expect(intents(tunnel)).toEqual([{ resource_id: uuid(2), connected_gateway_ids: [] }])
    const payload = init([cidr(1, '10.1.0.0/16'), cidr(2, '10.2.0.0/16'), cidr(3, '10.3.0.0/16')])
    tell(tunnel, { event: 'init', payload })
    expect(intents(tunnel)).toEqual([{ resource_id: uuid(1), connected_gateway_ids: [] }])

    tell(tunnel, { event: 'flow_created', payload: flow(1) })
    tell(tunnel, { event: 'init', payload })
    expect(intents(tunnel)).toEqual([])
  })

  test('after a reset, access to what is gone or switched off meanwhile is not asked for', () => {
    const { tunnel } = established([cidr(1, '10.1.0.0/16')])
    drain(tunnel)

    tunnel.reset(at(1))
    tell(tunnel, { event: 'init', payload: init([]) })

    expect(intents(tunnel)).toEqual([])
  })

  test('a shutdown says goodbye to everybody; after it no packet passes', () => {
    const { tunnel, node } = established()
    drain(tunnel)

    tunnel.shutdown(at(1))
    tunnel.shutdown(at(1))

    expect(node.take('goodbye').map(({ id }) => id)).toEqual([gatewayId])
    expect(send(tunnel, [udp(OWN, '10.1.2.3')], at(2))).toEqual([])
    expect(receive(tunnel, 0, [udp('10.1.2.3', OWN)], at(2))).toEqual([])
    expect(node.received).toBe(1) // it may have been for the overlay itself
    tell(tunnel, { event: 'init', payload: init([]) })
    tunnel.reset(at(2))
    tunnel.setDisabledResources(new Set(), at(2))
    expect(drain(tunnel).filter(({ type }) => type === 'send-portal')).toEqual([])
    expect(node.calls.filter(({ type }) => type === 'reset')).toEqual([])
  })
})

describe('what is told to the portal and to the overlay', () => {
  test('candidates of one drain are one message per gateway', () => {
    const { tunnel, node } = connected()
    drain(tunnel)
    const connection = gatewayId as string as ConnectionId
    for (const candidate of ['a', 'b', 'a', 'c']) node.events.push({ type: 'candidate-added', connection, candidate })
    for (const candidate of ['c', 'd']) node.events.push({ type: 'candidate-removed', connection, candidate })
    tunnel.handleTimeout(at(1))

    expect(portalMessages(tunnel)).toEqual([
      {
        event: 'broadcast_invalidated_ice_candidates',
        payload: { gateway_ids: [gatewayId], candidates: ['c', 'd'] },
      },
      { event: 'broadcast_ice_candidates', payload: { gateway_ids: [gatewayId], candidates: ['a', 'b'] } },
    ])
  })

  test('candidates of a gateway that is gone are not told', () => {
    const { tunnel, node } = connected()
    drain(tunnel)
    const connection = gatewayId as string as ConnectionId
    node.events.push({ type: 'candidate-added', connection, candidate: 'a' })
    node.events.push({ type: 'connection-failed', connection, reason: 'ice-disconnected' })
    tunnel.handleTimeout(at(1))

    expect(portalMessages(tunnel)).toEqual([])
  })

  test('candidates of gateways and relays are passed on', () => {
    const { tunnel, node } = start([])
    const turn = (addr: string) => ({
      type: 'turn' as const,
      id: uuid(0x4e) as RelayId,
      addr: SocketAddress.of(addr),
      username: 'u',
      password: 'p',
      expires_at: unixSeconds(0),
    })
    node.calls.length = 0

    tell(tunnel, { event: 'ice_candidates', payload: { gateway_id: gatewayId, candidates: ['a', 'nonsense'] } })
    tell(tunnel, { event: 'invalidate_ice_candidates', payload: { gateway_id: gatewayId, candidates: ['a'] } })
    tell(tunnel, {
      event: 'relays_presence',
      payload: {
        disconnected_ids: [uuid(0x4d) as RelayId],
        connected: [turn('203.0.113.7:3478'), turn('[2001:db8::7]:3478'), turn('203.0.113.8:3478')],
      },
    })

    expect(node.calls).toEqual([
      { type: 'candidate', id: gatewayId, candidate: 'a' },
      { type: 'candidate', id: gatewayId, candidate: 'nonsense' },
      { type: 'candidate-removed', id: gatewayId, candidate: 'a' },
      { type: 'relays', removed: [uuid(0x4d)], added: [uuid(0x4e)] },
    ])
  })

  test('resources of unknown types and in bad shape are skipped without losing the message', () => {
    const sites = [{ id: siteId, name: 'Berlin' }]
    const parsed = parsePortalToClient('init', {
      interface: { ipv4: OWN, ipv6: OWN_6 },
      resources: [
        { type: 'teleport', id: uuid(5) },
        { type: 'cidr', id: uuid(6) },
        { type: 'cidr', id: uuid(7), name: 'ok', address: '10.7.0.0/16', gateway_groups: sites },
      ],
    })
    if ('defect' in parsed) throw new Error('not parsed')
    const tunnel = new ClientTunnel({ node: new FakeOverlay() })
    tell(tunnel, parsed.message)

    expect(networksOf(tunnel)).toEqual(['10.7.0.0/16'])
  })

  test('resources are listed with the Internet first, then by name: signs, digits, upper, lower case, emoji', () => {
    const names = ['😀', 'b', '￮', '*', 'a', 'B', '1']
    const { tunnel } = start([
      ...names.map((name, i) => cidr(i + 1, `10.${i}.0.0/16`, { name })),
      cidr(20, '10.20.0.0/16', { name: 'a' }),
      internet(21),
    ])

    expect(tunnel.resources.map(({ resource }) => resource.name)).toEqual([
      INTERNET_RESOURCE_NAME,
      '*',
      '1',
      'B',
      'a',
      'a',
      'b',
      '￮',
      '😀',
    ])
    expect(tunnel.resources[4]!.resource.id).toBe(uuid(5))
  })

  test('resources that need a name or the Internet are listed but match nothing', () => {
    const dns = {
      ...cidr(2, 'x'),
      type: 'dns',
      address: '*.example.com',
      ip_stack: 'dual',
    } as ClientResource
    const { tunnel } = start([internet(1), dns])

    send(tunnel, [udp(OWN, '8.8.8.8')], at(0))

    expect(intents(tunnel)).toEqual([])
    expect(tunnel.resources).toHaveLength(2)
    expect(routesOf(tunnel)).toEqual(FIXED)
  })

  test('the next deadline is later than now, whatever happened', () => {
    const { tunnel } = start([cidr(1, '10.1.0.0/16')])
    send(tunnel, [udp(OWN, '10.1.2.3')], at(0))
    tell(tunnel, failure(1, 'offline'))
    tunnel.handleTimeout(at(10))

    expect(tunnel.pollTimeout()).toBeGreaterThan(10)
  })
})

test('the mark of the packet that was encapsulated is passed down', () => {
  const { tunnel } = connected()
  const packet = makeUdpPacket({
    source: ip(OWN),
    destination: ip('10.1.2.3'),
    sourcePort: 1,
    destinationPort: 2,
    ecn: 2,
  })

  expect(ecnOf(send(tunnel, [packet], at(0))[0]!, 1)).toBe(2)
})

function start(resources: readonly ClientResource[]): { tunnel: ClientTunnel; node: FakeOverlay } {
  const node = new FakeOverlay()
  const tunnel = new ClientTunnel({ node })
  tell(tunnel, { event: 'init', payload: init(resources) })
  return { tunnel, node }
}

/** A client that is let in to its first resource, 10.1.0.0/16, by a gateway with handle 0. */
function connected(resources = [cidr(1, '10.1.0.0/16')]): { tunnel: ClientTunnel; node: FakeOverlay } {
  const started = start(resources)
  send(started.tunnel, [udp(OWN, '10.1.2.3')], at(0))
  tell(started.tunnel, { event: 'flow_created', payload: flow(1) })
  return started
}

function established(resources?: ClientResource[]): { tunnel: ClientTunnel; node: FakeOverlay } {
  const { tunnel, node } = connected(resources)
  node.events.push({ type: 'connection-established', connection: gatewayId as string as ConnectionId })
  tunnel.handleTimeout(at(0))
  return { tunnel, node }
}

function tell(tunnel: ClientTunnel, message: PortalToClient): void {
  tunnel.handlePortalMessage(message, at(0))
}

function init(resources: readonly ClientResource[]): ClientInit {
  return {
    interface: { ipv4: ip(OWN), ipv6: ip(OWN_6), upstream_dns: [], search_domain: null },
    resources,
    relays: [],
  }
}

function flow(resource: number): FlowCreated {
  return {
    resource_id: resourceId(resource),
    gateway_id: gatewayId,
    gateway_group_id: siteId,
    gateway_public_key: key(1),
    gateway_ipv4: ip('100.64.9.1'),
    gateway_ipv6: ip('fd00:2021:1111::9:1'),
    preshared_key: key(2),
    client_ice_credentials: { username: 'abcd', password: 'client' },
    gateway_ice_credentials: { username: 'wxyz', password: 'gateway' },
  }
}

function failure(resource: number, reason: 'offline' | 'forbidden'): PortalToClient {
  return {
    event: 'flow_creation_failed',
    payload: { resource_id: resourceId(resource), reason, violated_properties: [] },
  }
}

function internet(id: number): ClientResource {
  return {
    type: 'internet',
    id: resourceId(id),
    name: INTERNET_RESOURCE_NAME,
    gateway_groups: [{ id: siteId, name: 'Internet' }],
  }
}

function resourceId(n: number): ResourceId {
  return uuid(n) as ResourceId
}

function routesOf(tunnel: ClientTunnel): string[] {
  return tunnel.tunConfig!.routes.map(String)
}

function networksOf(tunnel: ClientTunnel): string[] {
  return routesOf(tunnel).filter(route => !FIXED.includes(route))
}

function statusOf(tunnel: ClientTunnel, n: number): string | undefined {
  return tunnel.resources.find(({ resource }) => resource.id === uuid(n))?.status
}

function portalMessages(tunnel: ClientTunnel) {
  return drain<ClientTunnelEvent>(tunnel).flatMap(event => (event.type === 'send-portal' ? [event.message] : []))
}

/** Takes all events; returns what access was asked for. */
function intents(tunnel: ClientTunnel) {
  return portalMessages(tunnel).flatMap(message => (message.event === 'create_flow' ? [message.payload] : []))
}
