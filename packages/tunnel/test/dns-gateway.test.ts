import {
  hasValidChecksums,
  ICMP,
  ICMPV6,
  makeIcmpEcho,
  makeIpPacket,
  makeTcpPacket,
  makeUdpPacket,
  PacketHeader,
  TCP_ACK,
  TCP_RST,
} from '@sallyport/ip-packet'
import type { ClientId, Filter, GatewayResource, ResourceId } from '@sallyport/portal-protocol'
import { fromHex, type WallClock } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeAssignedIps,
  GatewayTunnel,
  type GatewayTunnelEvent,
  parseDomainStatus,
  type ResolveRequest,
} from '../src/index.ts'
import { FakeOverlay } from './fake-overlay.ts'
import { at, drain, ip, key, receive, send, unixSeconds, uuid } from './support.ts'

const CLIENT = '100.64.0.1'
const CLIENT_6 = 'fd00:2021:1111::1'
const PROXIES = [1, 2, 3, 4].map(n => `100.96.0.${n}`)
const PROXIES_6 = ['', '1', '2', '3'].map(n => `fd00:2021:1111:8000::${n}`)
const REAL = '10.0.0.1'
const REAL_6 = '2001:db8::1'
const clientId = uuid(0xc1) as ClientId
const DAY = 86_400_000

describe('names', () => {
  test('a name of a resource is to be resolved, then the client is told that it works', () => {
    const { tunnel, node } = start()
    assign(tunnel)

    const [request] = requests(tunnel)
    expect(request).toMatchObject({ client: clientId, resource: resourceId(1) })
    expect(request!.domain.text).toBe('Git.example.com')
    expect(node.take('send')).toEqual([])
    tunnel.handleDomainResolved(request!, [ip(REAL)], at(0))
    expect(statuses(node)).toEqual([{ resource: uuid(1), domain: 'Git.example.com', isActive: true }])
  })

  test('one of no resource of the client is refused at once', () => {
    const { tunnel, node } = start()
    for (const [resource, domain] of [
      [2, 'git.example.com'],
      [1, 'git.example.org'],
      [1, ''],
    ] as const) {
      assign(tunnel, { resource: resourceId(resource), domain })
      expect(statuses(node)).toMatchObject([{ isActive: false }])
    }
    expect(requests(tunnel)).toEqual([])
  })

  test('one that can not be resolved, or whose resource is gone meanwhile, is refused', () => {
    const { tunnel, node } = start()
    assign(tunnel)
    const [request] = requests(tunnel)
    tunnel.handleDomainResolved(request!, undefined, at(0))
    expect(statuses(node)).toMatchObject([{ isActive: false }])

    authorize(tunnel, { type: 'cidr', id: resourceId(2), name: 'x', address: '10.0.0.0/8', filters: [] })
    tunnel.handlePortalMessage(
      { event: 'reject_access', payload: { client_id: clientId, resource_id: resourceId(1) } },
      at(0),
    )
    tunnel.handleDomainResolved(request!, [ip(REAL)], at(0))
    expect(statuses(node)).toMatchObject([{ isActive: false }])
  })

  test('a request that makes no sense changes nothing, and no text makes our answer too long', () => {
    const { tunnel, node } = start()
    assign(tunnel, { domain: '\u0001'.repeat(150) })
    expect(statuses(node)).toEqual([])
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (body, domain) => {
        receive(tunnel, 0, [Uint8Array.from([...encodeAssignedIps(assignment()).subarray(0, 48), ...body])], at(0))
        if (domain.length < 150) assign(tunnel, { domain })
      }),
    )
  })
})

describe('packets to a name', () => {
  test('go to its address and come back from the one that the client used: the known bytes', () => {
    const { tunnel } = resolved()
    const out = fromHex('4500001e00004000 4011722d 64400001 64600001 9c40 0050 000a 323e 6869')
    const [packet] = receive(tunnel, 0, [out], at(0))
    expect(packet).toEqual(fromHex('4500001e00004000 4011cc8d 64400001 0a000001 9c40 0050 000a 8c9e 6869'))

    const back = fromHex('4500001e00004000 4011cc8d 0a000001 64400001 0050 9c40 000a 859c 6f6b')
    expect(send(tunnel, [back], at(0))[0]!.subarray(1)).toEqual(
      fromHex('4500001e00004000 4011722d 64600001 64400001 0050 9c40 000a 2b3c 6f6b'),
    )
  })

  test('from one port by way of two addresses to one real address get two ports', () => {
    const { tunnel } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))
    const second = fromHex('4500001e00004000 4011722c 64400001 64600002 9c40 0050 000a 323d 6869')
    expect(hasValidChecksums(second)).toBe(true)
    const [packet] = receive(tunnel, 0, [second], at(0))

    expect(packet).toEqual(fromHex('4500001e00004000 4011cc8d 64400001 0a000001 9c41 0050 000a 8c9d 6869'))
  })

  test('are rewritten alike whatever the protocol, family and train, with right checksums both ways', () => {
    const port = fc.integer({ min: 1, max: 0xffff })
    const payload = fc.uint8Array({ maxLength: 60 })
    fc.assert(
      fc.property(
        fc.constantFrom('udp', 'tcp', 'echo'),
        fc.boolean(),
        port,
        port,
        payload,
        (kind, isIpv4, from, to, bytes) => {
          const { tunnel } = resolved()
          const make = (
            source: string,
            destination: string,
            sourcePort: number,
            destinationPort: number,
            isReply: boolean,
          ) => {
            const fields = {
              source: ip(source),
              destination: ip(destination),
              sourcePort,
              destinationPort,
              payload: bytes,
            }
            if (kind === 'udp') return makeUdpPacket(fields)
            if (kind === 'tcp') return makeTcpPacket(fields)
            return makeIcmpEcho({
              ...fields,
              type: isReply ? 'reply' : 'request',
              identifier: isReply ? destinationPort : sourcePort,
              sequence: 1,
            })
          }
          const [own, proxy, real] = isIpv4 ? [CLIENT, PROXIES[1]!, REAL] : [CLIENT_6, PROXIES_6[1]!, REAL_6]
          const passed = receive(tunnel, 0, [make(own, proxy, from, to, false)], at(0))
          expect(passed).toEqual([make(own, real, from, to, false)])
          const back = send(tunnel, [make(real, own, to, from, true)], at(0))
          expect(back.map(datagram => datagram.subarray(1))).toEqual([make(proxy, own, to, from, true)])
        },
      ),
    )
  })

  test('that form a train are rewritten one by one, on the way back, too', () => {
    const { tunnel } = resolved()
    const segment = (sequence: number) =>
      makeTcpPacket({
        source: ip(CLIENT),
        destination: ip(PROXIES[0]!),
        sourcePort: 1000,
        destinationPort: 80,
        sequence,
        payload: new Uint8Array(100).fill(1),
      })
    const passed = receive(tunnel, 0, [segment(0), segment(100), segment(200)], at(0))
    expect(passed).toHaveLength(3)
    for (const packet of passed) expect(shown(packet)).toEqual([CLIENT, REAL, 1000, 80])

    const train = makeTcpPacket({
      source: ip(REAL),
      destination: ip(CLIENT),
      sourcePort: 80,
      destinationPort: 1000,
      payload: new Uint8Array(250),
    })
    const back = send(tunnel, [train], at(0), 100).map(datagram => datagram.subarray(1))
    expect(back).toHaveLength(3)
    for (const packet of back) {
      expect(hasValidChecksums(packet)).toBe(true)
      expect(shown(packet)).toEqual([PROXIES[0], CLIENT, 80, 1000])
    }
  })

  test('go to its addresses in turn', () => {
    const { tunnel } = resolved(['10.0.0.2', '10.0.0.1'])
    const passed = receive(
      tunnel,
      0,
      PROXIES.map(proxy => udp(proxy)),
      at(0),
    )
    expect(passed.map(packet => shown(packet)[1])).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2'])
  })

  test('of which it has no address in that family are answered as unreachable', () => {
    const { tunnel, node } = resolved([REAL])
    expect(receive(tunnel, 0, [udp(PROXIES_6[0]!, { source: CLIENT_6 })], at(0))).toEqual([])

    expect(icmpOf(node.take('send').at(-1)!.packet)).toEqual([1, 3])
    expect(tunnel.counters.untranslatableIn).toBe(1)
  })

  test('that its filters do not allow are refused, both ways; a CIDR resource around it does not help', () => {
    const web: Filter = { protocol: 'udp', port_range_start: 80, port_range_end: 80 }
    const { tunnel, node } = resolved([REAL], [web])
    authorize(tunnel, { type: 'cidr', id: resourceId(9), name: 'all', address: '100.0.0.0/8', filters: [] })

    expect(receive(tunnel, 0, [udp(PROXIES[0]!, { destinationPort: 81 })], at(0))).toEqual([])
    expect(icmpOf(node.take('send').at(-1)!.packet)).toEqual([3, 13])
    expect(receive(tunnel, 0, [udp('100.96.7.7')], at(0))).toEqual([])
    expect(receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))).toHaveLength(1)
    expect(receive(tunnel, 0, [udp(REAL)], at(0))).toEqual([]) // nor does the name open its address
    const reply = udp(CLIENT, { source: REAL, sourcePort: 80, destinationPort: 40_000 })
    expect(send(tunnel, [reply], at(0))).toHaveLength(1)
    const none: Filter = { protocol: 'icmp' }
    tunnel.handlePortalMessage({ event: 'resource_updated', payload: dns([none]) }, at(0))
    expect(send(tunnel, [reply], at(0))).toEqual([])
  })
})

describe('sessions', () => {
  test('map answers back until their time is over, and drop them from then on', () => {
    const kinds = fc.constantFrom(['udp', 120], ['tcp', 7200]) as fc.Arbitrary<['udp' | 'tcp', number]>
    fc.assert(
      fc.property(kinds, fc.double({ min: 0, max: 2, noNaN: true }), ([kind, ttl], factor) => {
        const { tunnel } = resolved()
        const make = kind === 'udp' ? udp : tcp
        receive(tunnel, 0, [make(PROXIES[0]!)], at(0))
        const when = Math.floor(factor * ttl * 1000)
        const back = send(tunnel, [make(CLIENT, { source: REAL, sourcePort: 80, destinationPort: 40_000 })], at(when))
        expect(back).toHaveLength(when < ttl * 1000 ? 1 : 0)
      }),
    )
  })

  test('live on with packets of either direction', () => {
    const { tunnel } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))
    const reply = udp(CLIENT, { source: REAL, sourcePort: 80, destinationPort: 40_000 })

    for (let n = 1; n <= 10; n++) expect(send(tunnel, [reply], at(n * 100_000))).toHaveLength(1)
    expect(send(tunnel, [reply], at(1_119_999))).toHaveLength(1)
    expect(send(tunnel, [reply], at(1_119_999 + 120_000))).toEqual([])
    expect(tunnel.counters.expiredOut).toBe(1)
  })

  test('that are over are forgotten some time later, and a packet of the client makes another', () => {
    const { tunnel } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))
    for (let s = 1; s < 400; s++) tunnel.handleTimeout(at(s * 1000))
    const reply = udp(CLIENT, { source: REAL, sourcePort: 80, destinationPort: 40_000 })
    expect(send(tunnel, [reply], at(400_000))).toEqual([])
    expect(tunnel.counters).toMatchObject({ expiredOut: 0, filteredOut: 1 })

    expect(shown(receive(tunnel, 0, [udp(PROXIES[0]!)], at(400_000))[0]!)).toEqual([CLIENT, REAL, 40_000, 80])
    expect(send(tunnel, [reply], at(400_001))).toHaveLength(1)
  })

  test('end with a reset of either side, which still passes', () => {
    for (const isFromClient of [true, false]) {
      const { tunnel } = resolved()
      receive(tunnel, 0, [tcp(PROXIES[0]!)], at(0))
      const reply = { source: REAL, sourcePort: 80, destinationPort: 40_000 }
      const flags = TCP_RST | TCP_ACK
      if (isFromClient) expect(receive(tunnel, 0, [tcp(PROXIES[0]!, { flags })], at(1))).toHaveLength(1)
      else expect(send(tunnel, [tcp(CLIENT, { ...reply, flags })], at(1))).toHaveLength(1)

      expect(send(tunnel, [tcp(CLIENT, reply)], at(2))).toEqual([])
    }
  })

  test('of different protocols never mix', () => {
    const { tunnel } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!), tcp(PROXIES[1]!)], at(0))
    const reply = { source: REAL, sourcePort: 80, destinationPort: 40_000 }
    const back = send(tunnel, [udp(CLIENT, reply), tcp(CLIENT, reply)], at(0))

    expect(back.map(datagram => shown(datagram.subarray(1))[0])).toEqual([PROXIES[0], PROXIES[1]])
  })

  test('keep their address when the name gets another; new ones go to that', () => {
    const { tunnel } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))
    resolve(tunnel, ['10.0.0.9'])

    const passed = receive(tunnel, 0, [udp(PROXIES[0]!), udp(PROXIES[0]!, { sourcePort: 41_000 })], at(1))
    expect(passed.map(packet => shown(packet)[1])).toEqual([REAL, '10.0.0.9'])
  })

  test('are all forgotten when the client uses an address for another name', () => {
    const { tunnel } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))
    resolve(tunnel, ['10.0.0.9'], 'other.example.com')

    expect(shown(receive(tunnel, 0, [udp(PROXIES[0]!)], at(1))[0]!)[1]).toBe('10.0.0.9')
  })

  test('only take answers from ports that were spoken to: the rest is for other resources with the address', () => {
    const { tunnel } = resolved()
    authorize(tunnel, { type: 'cidr', id: resourceId(2), name: 'net', address: '10.0.0.0/24', filters: [] })
    receive(tunnel, 0, [udp(PROXIES[0]!), udp(PROXIES[0]!, { destinationPort: 90 })], at(0))
    const from = (sourcePort: number) => udp(CLIENT, { source: REAL, sourcePort, destinationPort: 40_000 })
    const back = send(tunnel, [from(80), from(90), from(99)], at(0))

    expect(back.map(datagram => shown(datagram.subarray(1))[0])).toEqual([PROXIES[0], PROXIES[0], REAL])
  })

  test('beyond the ports that are tried are refused', () => {
    const { tunnel } = resolved()
    const ports = Array.from({ length: 4096 }, (_, i) => 10_000 + i)
    for (const sourcePort of ports) receive(tunnel, 0, [udp(PROXIES[0]!, { sourcePort })], at(0))

    expect(receive(tunnel, 0, [udp(PROXIES[1]!, { sourcePort: 10_000 })], at(0))).toEqual([])
    expect(
      receive(
        tunnel,
        0,
        [makeIpPacket({ source: ip(CLIENT), destination: ip(PROXIES[1]!) }, 47, new Uint8Array(8))],
        at(0),
      ),
    ).toEqual([])
  })
})

describe('errors about packets to a name', () => {
  test('come from the address that the client used and quote what it sent: the known bytes', () => {
    const { tunnel, node } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!), udp(PROXIES[1]!)], at(0))
    node.take('send')
    const quote = '4500001e00004000 4011cc8d 64400001 0a000001 9c41 0050 000a 8c9d'
    const error = fromHex(`4500003800004000 400114de c0a800fe 64400001 0301d3c500000000 ${quote}`)
    expect(send(tunnel, [error], at(0))).toEqual([])

    const translated = '4500001e00004000 4011cc8d 64400001 64600002 9c40 0050 000a 8c9d'
    expect(node.take('send').map(({ packet }) => packet)).toEqual([
      fromHex(`4500003800004000 14019e22 64600002 64400001 0301796500000000 ${translated}`),
    ])
  })

  test('about a session that is over are dropped, about others they pass as they are', () => {
    const { tunnel, node } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))
    node.take('send')
    const about = (port: number) =>
      makeIpPacket(
        { source: ip('192.168.0.254'), destination: ip(CLIENT) },
        ICMP,
        Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0, ...udp(REAL, { sourcePort: port }).subarray(0, 28)),
        2,
      )
    expect(send(tunnel, [about(40_000)], at(130_000))).toEqual([])
    expect(node.take('send')).toEqual([])
    expect(send(tunnel, [about(1)], at(0))).toHaveLength(1)
  })

  test('are translated in IPv6, about echo requests, too; what is cut too short passes as it is', () => {
    const { tunnel, node } = resolved()
    const echo = (destination: string) =>
      makeIcmpEcho({ source: ip(CLIENT_6), destination: ip(destination), identifier: 7, sequence: 1 })
    receive(tunnel, 0, [echo(PROXIES_6[0]!)], at(0))
    node.take('send')
    const error = (quote: Uint8Array) =>
      makeIpPacket(
        { source: ip('2001:db8::ff'), destination: ip(CLIENT_6) },
        ICMPV6,
        Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, ...quote),
        2,
      )

    expect(send(tunnel, [error(echo(REAL_6))], at(0))).toEqual([])
    const { packet } = node.take('send')[0]!
    expect(hasValidChecksums(packet)).toBe(true)
    expect(shown(packet).slice(0, 2)).toEqual([PROXIES_6[0], CLIENT_6])
    for (let length = 0; length < 48; length++)
      expect(send(tunnel, [error(echo(REAL_6).subarray(0, length))], at(0))).toHaveLength(1)
  })

  test('of strangers never throw', () => {
    const { tunnel } = resolved()
    receive(tunnel, 0, [udp(PROXIES[0]!)], at(0))
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 120 }), fc.constantFrom(3, 11), (message, type) => {
        message[0] = type
        send(tunnel, [makeIpPacket({ source: ip('192.168.0.254'), destination: ip(CLIENT) }, ICMP, message, 2)], at(0))
      }),
    )
  })
})

function start(filters: readonly Filter[] = []): { tunnel: GatewayTunnel; node: FakeOverlay } {
  const node = new FakeOverlay()
  const tunnel = new GatewayTunnel({ node, calendar: { instant: at(0), wallClock: (1000 * DAY) as WallClock } })
  tunnel.handlePortalMessage(
    {
      event: 'init',
      payload: {
        interface: { ipv4: ip('100.64.9.1'), ipv6: ip('fd00:2021:1111::9:1') },
        relays: [],
        account_slug: null,
        authorizations: [],
        config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
      },
    },
    at(0),
  )
  authorize(tunnel, dns(filters))
  drain(tunnel)
  return { tunnel, node }
}

/** A gateway whose client uses a name. */
function resolved(addresses = [REAL, REAL_6], filters: readonly Filter[] = []) {
  const started = start(filters)
  resolve(started.tunnel, addresses)
  started.node.take('send')
  return started
}

function resolve(tunnel: GatewayTunnel, addresses: readonly string[], domain = 'Git.example.com'): void {
  assign(tunnel, { domain })
  const [request] = requests(tunnel)
  tunnel.handleDomainResolved(request!, addresses.map(ip), at(0))
}

function assign(tunnel: GatewayTunnel, change: Partial<ReturnType<typeof assignment>> = {}): void {
  receive(tunnel, 0, [encodeAssignedIps({ ...assignment(), ...change })], at(0))
}

const assignment = () => ({
  resource: resourceId(1),
  domain: 'Git.example.com',
  proxyIps: [...PROXIES, ...PROXIES_6].map(ip),
})

const dns = (filters: readonly Filter[]): GatewayResource => ({
  type: 'dns',
  id: resourceId(1),
  name: 'Git',
  address: '*.example.com',
  filters,
})

function authorize(tunnel: GatewayTunnel, resource: GatewayResource): void {
  tunnel.handlePortalMessage(
    {
      event: 'authorize_flow',
      payload: {
        ref: 'ref-1',
        resource,
        client: { id: clientId, public_key: key(1), preshared_key: key(2), ipv4: ip(CLIENT), ipv6: ip(CLIENT_6) },
        client_ice_credentials: { username: 'abcd', password: 'client' },
        gateway_ice_credentials: { username: 'wxyz', password: 'gateway' },
        expires_at: unixSeconds(2_000_000_000),
      },
    },
    at(0),
  )
}

interface Fields {
  source?: string
  sourcePort?: number
  destinationPort?: number
  flags?: number
}

const fieldsTo = (destination: string, change: Fields) => ({
  sourcePort: 40_000,
  destinationPort: 80,
  payload: Uint8Array.of(0x68, 0x69),
  ...change,
  source: ip(change.source ?? CLIENT),
  destination: ip(destination),
})
const udp = (destination: string, change: Fields = {}) => makeUdpPacket(fieldsTo(destination, change))
const tcp = (destination: string, change: Fields = {}) => makeTcpPacket(fieldsTo(destination, change))
const resourceId = (n: number) => uuid(n) as ResourceId

function requests(tunnel: GatewayTunnel): ResolveRequest[] {
  return drain<GatewayTunnelEvent>(tunnel).flatMap(event => (event.type === 'resolve-domain' ? [event.request] : []))
}

const statuses = (node: FakeOverlay) => node.take('send').map(({ packet }) => parseDomainStatus(packet.subarray(48)))

function parsed(packet: Uint8Array): PacketHeader {
  const header = new PacketHeader()
  expect(header.parse(packet, 0, packet.length)).toBeUndefined()
  return header
}

function icmpOf(packet: Uint8Array): [number, number] {
  const { icmpCode, icmpType } = parsed(packet)
  return [icmpType, icmpCode]
}

function shown(packet: Uint8Array): [string, string, number, number] {
  const { addressLength, destinationOffset, destinationPort, sourceOffset, sourcePort } = parsed(packet)
  const text = (offset: number) => ip(format(packet.subarray(offset, offset + addressLength))).text
  return [text(sourceOffset), text(destinationOffset), sourcePort, destinationPort]
}

const format = (bytes: Uint8Array): string =>
  bytes.length === 4
    ? bytes.join('.')
    : Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16)).join(':')
