import {
  hasValidChecksums,
  ICMPV6,
  makeIcmpEcho,
  makeIpPacket,
  makeTcpPacket,
  makeUdpPacket,
  makeUnreachable,
} from '@sallyport/ip-packet'
import type {
  Authorization,
  AuthorizeFlow,
  ClientId,
  Filter,
  GatewayResource,
  GatewayToPortal,
  PortalToGateway,
  ResourceId,
} from '@sallyport/portal-protocol'
import { fromHex, type WallClock } from '@sallyport/sans-io'
import type { ConnectionId } from '@sallyport/snownet'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeAssignedIps, GatewayTunnel, makeGoodbye } from '../src/index.ts'
import { FakeOverlay } from './fake-overlay.ts'
import { at, drain, ip, key, receive, send, udp, unixSeconds, uuid } from './support.ts'

const CLIENT = '100.64.3.9'
const CLIENT_6 = 'fd00:2021:1111::3:9'
const GATEWAY = '100.64.9.1'
const clientId = uuid(0xc1) as ClientId
const otherId = uuid(0xc2) as ClientId
/** The calendar's seconds at instant 0. */
const EPOCH = 1_700_000_000

describe('letting in', () => {
  test('answers with the reference before any candidate', () => {
    const { tunnel, node } = start()
    node.events.push({ type: 'candidate-added', connection: clientId as string as ConnectionId, candidate: 'a' })
    authorize(tunnel, cidr(1, '10.0.0.0/8'))

    expect(portalMessages(tunnel)).toEqual([
      { event: 'flow_authorized', payload: { ref: 'ref-1' } },
      { event: 'broadcast_ice_candidates', payload: { client_ids: [clientId], candidates: ['a'] } },
    ])
    expect(node.take('upsert')).toEqual([
      {
        type: 'upsert',
        id: clientId,
        peer: {
          peerPublicKey: new Uint8Array(32).fill(1),
          presharedKey: new Uint8Array(32).fill(2),
          localCredentials: { ufrag: 'wxyz', password: 'gateway' },
          remoteCredentials: { ufrag: 'abcd', password: 'client' },
        },
      },
    ])
  })

  test('without a relay there is no answer, no access, and a wish for relays', () => {
    const { tunnel, node } = start()
    node.hasRelays = false

    authorize(tunnel, cidr(1, '10.0.0.0/8'))

    expect(drain(tunnel)).toEqual([{ type: 'relays-wanted' }])
    expect(tunnel.clientCount).toBe(0)
  })

  test('access by name or to the Internet is answered, but lets nothing pass', () => {
    const { tunnel } = start()
    authorize(tunnel, { type: 'internet', id: resourceId(1) })
    authorize(tunnel, { type: 'dns', id: resourceId(2), name: 'x', address: '*.example.com', filters: [] })

    expect(portalMessages(tunnel)).toHaveLength(2)
    expect(receive(tunnel, 0, [udp(CLIENT, '8.8.8.8')], at(0))).toEqual([])
  })

  test('the TUN device gets our addresses and the routes to clients', () => {
    const { tunnel } = start()
    tellInit(tunnel, [])

    expect(tunnel.tunConfig?.routes.map(String)).toEqual(['100.64.0.0/11', 'fd00:2021:1111::/107'])
    expect(drain(tunnel).filter(({ type }) => type === 'interface-changed')).toHaveLength(0) // it is the same
  })
})

describe('filters', () => {
  const tcp = (first: number, last: number): Filter => ({
    protocol: 'tcp',
    port_range_start: first,
    port_range_end: last,
  })
  const icmp: Filter = { protocol: 'icmp' }
  const echo = makeIcmpEcho({ source: ip(CLIENT), destination: ip('10.0.0.1'), identifier: 1, sequence: 1 })
  const tcpTo = (port: number) =>
    makeTcpPacket({ source: ip(CLIENT), destination: ip('10.0.0.1'), sourcePort: 9, destinationPort: port })

  test('exactly the allowed protocols pass, with inclusive ranges; no filters allow everything', () => {
    const port = fc.integer({ min: 0, max: 0xffff })
    const range = fc.tuple(port, port).map(ports => [Math.min(...ports), Math.max(...ports)] as const)
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 3 }), port, fc.boolean(), (ranges, any, hasIcmp) => {
        const { tunnel } = start()
        const filters = [...ranges.map(([first, last]) => tcp(first, last)), ...(hasIcmp ? [icmp] : [])]
        authorize(tunnel, cidr(1, '10.0.0.0/8', filters))

        for (const probe of [any, ...ranges.flatMap(([first, last]) => [first, last, first - 1, last + 1])]) {
          if (probe < 0 || probe > 0xffff) continue
          const passes = ranges.some(([first, last]) => probe >= first && probe <= last)
          expect(receive(tunnel, 0, [tcpTo(probe)], at(0))).toHaveLength(passes ? 1 : 0)
        }
        expect(receive(tunnel, 0, [udp(CLIENT, '10.0.0.1', any)], at(0))).toEqual([])
        expect(receive(tunnel, 0, [echo], at(0))).toHaveLength(hasIcmp ? 1 : 0)
      }),
      { numRuns: 50 },
    )
  })

  test('no filters allow every protocol', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    const gre = makeIpPacket({ source: ip(CLIENT), destination: ip('10.0.0.1') }, 47, new Uint8Array(4))
    const packets = [tcpTo(1), udp(CLIENT, '10.0.0.1', 9), echo, gre]

    expect(receive(tunnel, 0, packets, at(0))).toEqual(packets)
    authorize(tunnel, cidr(2, '10.0.0.0/8', [icmp]))
    expect(receive(tunnel, 0, packets, at(0))).toEqual(packets)
  })

  test('several resources on one network allow what any of them allows, until each is removed', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8', [tcp(80, 80)]))
    authorize(tunnel, cidr(2, '10.0.0.0/8', [tcp(443, 443)]))
    authorize(tunnel, cidr(3, '10.0.0.0/24', [tcp(22, 22)]))
    const open = () => [22, 80, 443].filter(port => receive(tunnel, 0, [tcpTo(port)], at(0)).length > 0)

    expect(open()).toEqual([22, 80, 443])
    reject(tunnel, 1)
    expect(open()).toEqual([22, 443])
    reject(tunnel, 3)
    expect(open()).toEqual([443])
  })

  test('ICMP of every kind passes with its filter; errors from outside pass without', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8', [tcp(1, 2)]))
    const fromInside = makeIpPacket({ source: ip(CLIENT), destination: ip('10.0.0.1') }, 1, redirect(), 2)
    const error = makeUnreachable(tcpTo(1), 'port-unreachable')!

    expect(receive(tunnel, 0, [fromInside], at(0))).toEqual([])
    expect(send(tunnel, [error], at(0))).toHaveLength(1)
    authorize(tunnel, cidr(2, '10.0.0.0/8', [icmp]))
    expect(receive(tunnel, 0, [fromInside], at(0))).toHaveLength(1)
  })

  test('what comes back is judged by the port on the side of the resource', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8', [tcp(443, 443)]))
    const from = (sourcePort: number, source = '10.0.0.1') =>
      makeTcpPacket({ source: ip(source), destination: ip(CLIENT), sourcePort, destinationPort: 9 })

    expect(send(tunnel, [from(443)], at(0))).toHaveLength(1)
    expect(send(tunnel, [from(80), from(443, '11.0.0.1')], at(0))).toEqual([])
    expect(tunnel.counters.filteredOut).toBe(2)
  })

  test('traffic to and from our own tunnel address is not filtered', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8', [tcp(1, 1)]))

    expect(receive(tunnel, 0, [udp(CLIENT, GATEWAY), udp(CLIENT_6, 'fd00:2021:1111::9:1')], at(0))).toHaveLength(2)
    expect(send(tunnel, [udp(GATEWAY, CLIENT)], at(0))).toHaveLength(1)
  })

  test('no resource gives access to other clients', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '0.0.0.0/0'))

    expect(receive(tunnel, 0, [udp(CLIENT, '100.64.4.4')], at(0))).toEqual([])
    expect(receive(tunnel, 0, [udp(CLIENT, '8.8.8.8')], at(0))).toHaveLength(1)
  })

  test('an update changes filters only, and never the type', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8', [tcp(80, 80)]))

    tell(tunnel, { event: 'resource_updated', payload: cidr(1, '11.0.0.0/8', [tcp(443, 443)]) })
    expect(receive(tunnel, 0, [tcpTo(443)], at(0))).toHaveLength(1)
    expect(receive(tunnel, 0, [tcpTo(80), udp(CLIENT, '11.0.0.1')], at(0))).toEqual([])

    tell(tunnel, { event: 'resource_updated', payload: { type: 'internet', id: resourceId(1) } })
    tell(tunnel, { event: 'resource_updated', payload: cidr(9, '10.0.0.0/8') })
    expect(receive(tunnel, 0, [tcpTo(443)], at(0))).toHaveLength(1)
  })
})

describe('refused packets', () => {
  test('a spoofed source reaches nothing and is told that it is prohibited', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    const spoofed = udp('192.168.0.1', '10.0.0.1')

    expect(receive(tunnel, 0, [spoofed], at(0))).toEqual([])

    expect(node.take('send')).toEqual([
      { type: 'send', id: clientId, packet: makeUnreachable(spoofed, 'administratively-prohibited') },
    ])
    expect(tunnel.counters.foreignSourceIn).toBe(1)
  })

  test('are answered as Firezone answers them', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/16'), { ...flow(cidr(1, '10.0.0.0/16')).client, ipv4: ip('100.64.0.1') })
    const packet = makeUdpPacket({
      source: ip('100.64.0.1'),
      destination: ip('10.9.9.9'),
      sourcePort: 40_000,
      destinationPort: 9,
      payload: fromHex('68 65 6c 6c 6f'),
    })

    receive(tunnel, 0, [packet], at(0))

    expect(node.take('send')[0]?.packet).toEqual(
      fromHex(`45 00 00 38 00 00 40 00 14 01 ef 72 0a 09 09 09 64 40 00 01
        03 0d b8 36 00 00 00 00
        45 00 00 21 00 00 40 00 40 11 c3 79 64 40 00 01 0a 09 09 09 9c 40 00 09 00 0d a8 65`),
    )
  })

  test('a train that may not pass is dropped as a whole, counted by its packets and answered once', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    const segment = (i: number) =>
      makeTcpPacket({
        source: ip(CLIENT),
        destination: ip('11.0.0.1'),
        sourcePort: 1,
        destinationPort: 2,
        sequence: 10 * i,
        identification: i,
        payload: new Uint8Array(10),
      })

    expect(receive(tunnel, 0, [segment(0), segment(1), segment(2)], at(0))).toEqual([])

    expect(tunnel.counters.filteredIn).toBe(3)
    expect(node.take('send')).toHaveLength(1)
  })

  test('an ICMP error is never answered with one', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    const error = makeIpPacket({ source: ip(CLIENT_6), destination: ip('2001:db8::1') }, ICMPV6, redirect(), 2)

    expect(hasValidChecksums(error)).toBe(true)
    expect(receive(tunnel, 0, [error], at(0))).toEqual([])
    expect(node.take('send')).toEqual([])
  })

  test('at most 100 a second are answered, however many a client sends', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    const flood = new Array<Uint8Array>(150).fill(udp(CLIENT, '11.0.0.1'))

    receive(tunnel, 0, flood, at(0))
    expect(node.take('send')).toHaveLength(100)
    expect(tunnel.counters).toMatchObject({ filteredIn: 150, icmpErrorsSuppressed: 50 })
    receive(tunnel, 0, flood, at(500))
    expect(node.take('send')).toHaveLength(50)
  })

  test('to nobody, from nobody, too long or no packet: dropped and counted', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))

    receive(tunnel, 5, [udp(CLIENT, '10.0.0.1')], at(0))
    receive(tunnel, 0, [new Uint8Array(20), udp(CLIENT, '10.0.0.1', 53, 'x'.repeat(1253))], at(0))
    send(tunnel, [udp('10.0.0.1', '100.64.3.10'), udp('10.0.0.1', CLIENT, 1, 'x'.repeat(1253))], at(0))
    send(tunnel, [new Uint8Array(3), udp('10.0.0.1', '8.8.8.8')], at(0))

    expect(tunnel.counters).toMatchObject({
      unknownPeerIn: 1,
      malformedIn: 2,
      unknownPeerOut: 2,
      tooLongOut: 1,
      malformedOut: 1,
    })
  })
})

describe('the end of access', () => {
  test('rejecting the last resource says goodbye once and forgets the client; others are untouched', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    authorize(tunnel, cidr(2, '11.0.0.0/8'))
    authorize(tunnel, cidr(1, '10.0.0.0/8'), { id: otherId, ipv4: ip('100.64.3.10'), ipv6: ip('fd00:2021:1111::3:a') })

    reject(tunnel, 1)
    expect(node.take('goodbye')).toEqual([])
    reject(tunnel, 2)
    reject(tunnel, 2)

    expect(node.take('goodbye')).toEqual([{ type: 'goodbye', id: clientId, packet: makeGoodbye() }])
    expect(tunnel.clientCount).toBe(1)
    expect(send(tunnel, [udp('10.0.0.1', CLIENT)], at(0))).toEqual([])
    expect(send(tunnel, [udp('10.0.0.1', '100.64.3.10')], at(0))).toHaveLength(1)
  })

  test('resources expire one by one, at the next tick', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'), {}, EPOCH + 10)
    authorize(tunnel, cidr(2, '11.0.0.0/8'), {}, EPOCH + 20)
    const passes = (destination: string, now: number) =>
      receive(tunnel, 0, [udp(CLIENT, destination)], at(now)).length > 0

    tunnel.handleTimeout(at(9_999))
    expect([passes('10.0.0.1', 9_999), passes('11.0.0.1', 9_999)]).toEqual([true, true])
    tunnel.handleTimeout(tunnel.pollTimeout()!)
    expect([passes('10.0.0.1', 11_000), passes('11.0.0.1', 11_000)]).toEqual([false, true])
    expect(node.take('goodbye')).toEqual([])
    tunnel.handleTimeout(at(21_000))
    expect(node.take('goodbye')).toHaveLength(1)
    expect(tunnel.pollTimeout()).toBeUndefined() // nothing to watch any more
  })

  test('the tick comes every second, and never in the past', () => {
    const { tunnel } = start()
    expect(tunnel.pollTimeout()).toBeUndefined()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    expect(tunnel.pollTimeout()).toBe(1000)
    for (const now of [1000, 2000, 50_000]) {
      tunnel.handleTimeout(at(now))
      expect(tunnel.pollTimeout()).toBe(now + 1000)
    }
  })

  test('letting in again takes the new expiry, and so does the message about it', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'), {}, EPOCH + 10)
    authorize(tunnel, cidr(1, '10.0.0.0/8'), {}, EPOCH + 100)
    tunnel.handleTimeout(at(50_000))
    expect(tunnel.clientCount).toBe(1)

    tell(tunnel, { event: 'access_authorization_expiry_updated', payload: authorization(1, EPOCH + 60) })
    tell(tunnel, { event: 'access_authorization_expiry_updated', payload: authorization(9, EPOCH) })
    tell(tunnel, {
      event: 'access_authorization_expiry_updated',
      payload: { ...authorization(1, EPOCH), client_id: otherId },
    })
    tunnel.handleTimeout(at(59_000))
    expect(tunnel.clientCount).toBe(1)
    tunnel.handleTimeout(at(60_000))
    expect(node.take('goodbye')).toHaveLength(1)
  })

  test('init ends access that it does not list, also of clients that it does not list, and updates expiries', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'), {}, EPOCH + 10)
    authorize(tunnel, cidr(2, '11.0.0.0/8'))
    authorize(tunnel, cidr(1, '10.0.0.0/8'), { id: otherId, ipv4: ip('100.64.3.10'), ipv6: ip('fd00:2021:1111::3:a') })

    tellInit(tunnel, [authorization(1, EPOCH + 100), authorization(7, EPOCH)])

    expect(node.take('goodbye').map(({ id }) => id)).toEqual([otherId])
    expect(receive(tunnel, 0, [udp(CLIENT, '11.0.0.1')], at(0))).toEqual([])
    tunnel.handleTimeout(at(50_000))
    expect(receive(tunnel, 0, [udp(CLIENT, '10.0.0.1')], at(50_000))).toHaveLength(1)
  })

  test('a goodbye of the client ends everything about it, without an answer', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))

    expect(receive(tunnel, 0, [makeGoodbye()], at(0))).toEqual([])

    expect(tunnel.clientCount).toBe(0)
    expect(node.take('remove')).toEqual([{ type: 'remove', id: clientId }])
    expect(node.take('goodbye')).toEqual([])
    expect(drain(tunnel)).toContainEqual({ type: 'connection-state', client: clientId, state: 'disconnected' })
  })

  test('other control messages are ignored, and never reach the TUN device', () => {
    const { tunnel } = start()
    authorize(tunnel, cidr(1, '::/0'))
    const assignedIps = encodeAssignedIps({
      resource: resourceId(1),
      domain: 'example.com',
      proxyIps: ['100.96.0.1', '100.96.0.2', '100.96.0.3', '100.96.0.4'].map(ip),
    })

    expect(receive(tunnel, 0, [assignedIps, assignedIps.slice(0, 45)], at(0))).toEqual([])
    expect(receive(tunnel, 9, [makeGoodbye()], at(0))).toEqual([])
    expect(tunnel.clientCount).toBe(1)
  })

  test('a connection that fails keeps access: the client comes back and goes on', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    authorize(tunnel, cidr(2, '11.0.0.0/8'))
    node.events.push({
      type: 'connection-failed',
      connection: clientId as string as ConnectionId,
      reason: 'ice-disconnected',
    })
    tunnel.handleTimeout(at(0))
    expect(send(tunnel, [udp('10.0.0.1', CLIENT)], at(0))).toEqual([])
    expect(tunnel.counters.notConnectedOut).toBe(1)

    authorize(tunnel, cidr(2, '11.0.0.0/8'))

    expect(send(tunnel, [udp('10.0.0.1', CLIENT)], at(0))).toHaveLength(1)
  })

  test('when the network changes, clients stay and are told new addresses; not after a shutdown', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))

    tunnel.relocate(at(0))
    expect(node.take('relocate')).toHaveLength(1)
    expect(tunnel.clientCount).toBe(1)
    for (let i = 0; i < 2; i++) tellInit(tunnel, [])
    expect(node.take('repeat-candidates')).toHaveLength(1)

    tunnel.shutdown(at(0))
    tunnel.relocate(at(0))
    expect(node.take('relocate')).toEqual([])
  })

  test('a shutdown says goodbye to every client; after it no packet passes', () => {
    const { tunnel, node } = start()
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    authorize(tunnel, cidr(1, '10.0.0.0/8'), { id: otherId, ipv4: ip('100.64.3.10'), ipv6: ip('fd00:2021:1111::3:a') })
    drain(tunnel)

    tunnel.shutdown(at(0))
    tunnel.shutdown(at(0))

    expect(node.take('goodbye').map(({ id }) => id)).toEqual([clientId, otherId])
    authorize(tunnel, cidr(1, '10.0.0.0/8'))
    expect(portalMessages(tunnel)).toEqual([])
    expect(receive(tunnel, 0, [udp(CLIENT, '10.0.0.1')], at(0))).toEqual([])
    expect(node.received).toBe(1) // it may have been for the overlay itself
    expect(send(tunnel, [udp('10.0.0.1', CLIENT)], at(0))).toEqual([])
    expect(tunnel.pollTimeout()).toBeUndefined()
  })
})

test('of two clients with one address the later has it, and keeps it when the first is gone', () => {
  const { tunnel, node } = start()
  authorize(tunnel, cidr(1, '10.0.0.0/8'))
  authorize(tunnel, cidr(1, '10.0.0.0/8'), { id: otherId })
  const handle = node.handleOf(otherId as string as ConnectionId)

  expect(send(tunnel, [udp('10.0.0.1', CLIENT)], at(0))[0]?.[0]).toBe(handle)
  reject(tunnel, 1)
  expect(send(tunnel, [udp('10.0.0.1', CLIENT)], at(0))[0]?.[0]).toBe(handle)
})

test('established and lost connections are told', () => {
  const { tunnel, node } = start()
  authorize(tunnel, cidr(1, '10.0.0.0/8'))
  drain(tunnel)
  const connection = clientId as string as ConnectionId
  node.events.push(
    { type: 'connection-established', connection },
    { type: 'connection-failed', connection, reason: 'ice-disconnected' },
  )
  tunnel.handleTimeout(at(0))

  expect(drain(tunnel)).toEqual([
    { type: 'connection-state', client: clientId, state: 'connected' },
    { type: 'connection-state', client: clientId, state: 'disconnected' },
  ])
})

test('candidates of clients are passed on', () => {
  const { tunnel, node } = start()
  tell(tunnel, { event: 'ice_candidates', payload: { client_id: clientId, candidates: ['a'] } })
  tell(tunnel, { event: 'invalidate_ice_candidates', payload: { client_id: clientId, candidates: ['a'] } })
  tell(tunnel, { event: 'relays_presence', payload: { disconnected_ids: [], connected: [] } })

  expect(node.calls.slice(-3)).toEqual([
    { type: 'candidate', id: clientId, candidate: 'a' },
    { type: 'candidate-removed', id: clientId, candidate: 'a' },
    { type: 'relays', removed: [], added: [] },
  ])
})

function start(): { tunnel: GatewayTunnel; node: FakeOverlay } {
  const node = new FakeOverlay()
  const tunnel = new GatewayTunnel({ node, calendar: { instant: at(0), wallClock: (EPOCH * 1000) as WallClock } })
  tellInit(tunnel, [])
  drain(tunnel)
  return { tunnel, node }
}

function tellInit(tunnel: GatewayTunnel, authorizations: readonly Authorization[]): void {
  tell(tunnel, {
    event: 'init',
    payload: {
      interface: { ipv4: ip(GATEWAY), ipv6: ip('fd00:2021:1111::9:1') },
      relays: [],
      account_slug: null,
      authorizations,
      config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
    },
  })
}

function tell(tunnel: GatewayTunnel, message: PortalToGateway): void {
  tunnel.handlePortalMessage(message, at(0))
}

function authorize(
  tunnel: GatewayTunnel,
  resource: GatewayResource,
  client: Partial<AuthorizeFlow['client']> = {},
  expiresAt: number | null = null,
): void {
  const message = flow(resource)
  tell(tunnel, {
    event: 'authorize_flow',
    payload: {
      ...message,
      client: { ...message.client, ...client },
      expires_at: expiresAt === null ? null : unixSeconds(expiresAt),
    },
  })
}

function flow(resource: GatewayResource): AuthorizeFlow {
  return {
    ref: 'ref-1',
    resource,
    client: {
      id: clientId,
      public_key: key(1),
      preshared_key: key(2),
      ipv4: ip(CLIENT),
      ipv6: ip(CLIENT_6),
    },
    client_ice_credentials: { username: 'abcd', password: 'client' },
    gateway_ice_credentials: { username: 'wxyz', password: 'gateway' },
    expires_at: null,
  }
}

function reject(tunnel: GatewayTunnel, resource: number): void {
  tell(tunnel, { event: 'reject_access', payload: { client_id: clientId, resource_id: resourceId(resource) } })
}

function authorization(resource: number, expiresAt: number): Authorization {
  return { client_id: clientId, resource_id: resourceId(resource), expires_at: unixSeconds(expiresAt) }
}

function cidr(id: number, address: string, filters: readonly Filter[] = []): GatewayResource {
  return { type: 'cidr', id: resourceId(id), name: `Resource ${id}`, address, filters }
}

function resourceId(n: number): ResourceId {
  return uuid(n) as ResourceId
}

/** An ICMP or ICMPv6 message of type 3: "unreachable" and "time exceeded". */
function redirect(): Uint8Array {
  return Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 20)
}

function portalMessages(tunnel: GatewayTunnel): GatewayToPortal[] {
  return drain(tunnel).flatMap(event => (event.type === 'send-portal' ? [event.message] : []))
}
