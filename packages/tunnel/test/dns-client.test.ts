import {
  DomainName,
  encodeMessage,
  FLAG_TRUNCATED,
  makeQuery,
  makeRecord,
  makeResponse,
  type OneQuestion,
  parseMessage,
  parseQuery,
  RecordType,
  ResponseCode,
  reverseName,
} from '@sallyport/dns-message'
import { hasValidChecksums, makeUdpPacket, PacketHeader, TCP_ACK, TCP_RST } from '@sallyport/ip-packet'
import type {
  ClientResource,
  FlowCreated,
  GatewayId,
  IpStack,
  PortalToClient,
  ResourceId,
} from '@sallyport/portal-protocol'
import { fromHex, IpAddress, SocketAddress } from '@sallyport/sans-io'
import type { ConnectionId } from '@sallyport/snownet'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ClientTunnel,
  type ClientTunnelEvent,
  type DnsRecordAssignment,
  encodeDomainStatus,
  type HostQuery,
  PROXY_RANGE,
  parseAssignedIps,
  SENTINEL_RANGE,
} from '../src/index.ts'
import { FakeOverlay } from './fake-overlay.ts'
import { at, cidr, drain, ip, key, receive, send, siteId, syn, udp, uuid } from './support.ts'

const OWN = '100.64.0.1'
const OWN_6 = 'fd00:2021:1111::1'
const SENTINEL = '100.100.111.1'
const FIRST = [1, 2, 3, 4].map(n => `100.96.0.${n}`)
const FIRST_6 = ['', '1', '2', '3'].map(n => `fd00:2021:1111:8000::${n}`)
const gatewayId = uuid(0xa1) as GatewayId
const { A, AAAA, HTTPS, MX, PTR, SRV, TXT } = RecordType

describe('the stub resolver', () => {
  test('answers for the first name with the known bytes, and tells once what it has given out', () => {
    const { tunnel } = start([dns(1, 'example.com')])
    const query = fromHex(
      '4500003900004000 4011030e 64400001 64646f01 270f0035 0025bf17 1234010000010000 00000000 076578616d706c6503636f6d0000010001',
    )
    expect(hasValidChecksums(query)).toBe(true)
    send(tunnel, [query], at(0))

    const question = '076578616d706c6503636f6d0000010001'
    const records = [1, 2, 3, 4].map(n => `${question}0000000100046460000${n}`).join('')
    const packet = tunnel.pollPacket()!
    expect(hasValidChecksums(packet)).toBe(true)
    expect(packet.subarray(28)).toEqual(fromHex(`1234810000010004 00000000${question}${records}`))
    expect(shown(packet)).toEqual([`${SENTINEL}:53`, `${OWN}:9999`])
    expect(records6(ask(tunnel, 'EXAMPLE.com', AAAA))).toEqual(FIRST_6)
    const events = drain<ClientTunnelEvent>(tunnel).filter(({ type }) => type === 'dns-records-changed')
    expect(events).toEqual([
      {
        type: 'dns-records-changed',
        records: [{ domain: 'example.com', resource: uuid(1), ips: [...FIRST, ...FIRST_6].map(ip) }],
      },
    ])
    ask(tunnel, 'example.com', A)
    expect(drain<ClientTunnelEvent>(tunnel).map(({ type }) => type)).not.toContain('dns-records-changed')
  })

  test('knows of no addresses in a family that the resource does not have', () => {
    for (const [stack, type] of [
      ['ipv6_only', A],
      ['ipv4_only', AAAA],
    ] as const) {
      const answer = ask(start([dns(1, 'example.com', stack)]).tunnel, 'example.com', type)
      expect(answer).toMatchObject({ flags: 0x8100, answers: [] })
    }
  })

  test('denies the canary of browsers, and says nothing about HTTPS records', () => {
    const { tunnel } = start([dns(1, '**')])
    expect(ask(tunnel, 'use-application-dns.NET', TXT)).toMatchObject({ flags: 0x8103, answers: [] })
    expect(ask(tunnel, 'example.com', HTTPS)).toMatchObject({ flags: 0x8100, answers: [] })
  })

  test('tells the name of an address, also of a resource that is gone; others are for upstream', () => {
    const { tunnel } = start([dns(1, 'Example.com')])
    ask(tunnel, 'Example.com', A)
    tell(tunnel, { event: 'resource_deleted', payload: resourceId(1) })
    for (const address of [FIRST[2]!, FIRST_6[3]!])
      expect(ask(tunnel, reverseName(ip(address)).text, PTR)!.answers).toMatchObject([
        { ttl: 1, data: { kind: 'name', target: { text: 'Example.com' } } },
      ])

    expect(ask(tunnel, reverseName(ip('100.96.0.9')).text, PTR)).toBeUndefined()
    expect(hostQueries(tunnel)).toHaveLength(1)
  })

  test('takes the more specific of two patterns, and of two equal ones the later', () => {
    const { tunnel } = start([dns(1, '**.example.com'), dns(2, 'git.example.com'), dns(3, 'git.example.com')])
    ask(tunnel, 'git.example.com', A)
    ask(tunnel, 'x.example.com', A)
    expect(recordsOf(tunnel).map(({ resource }) => resource)).toEqual([uuid(3), uuid(1)])
  })

  test('does not answer for a resource that is switched off, and does again when it is on', () => {
    const { tunnel } = start([dns(1, 'example.com')])
    tunnel.setDisabledResources(new Set([resourceId(1)]), at(0))
    expect(ask(tunnel, 'example.com', A)).toBeUndefined()
    tunnel.setDisabledResources(new Set(), at(0))
    expect(records4(ask(tunnel, 'example.com', A))).toEqual(FIRST)
  })

  test('ignores what is no query', () => {
    const { tunnel } = start([dns(1, 'example.com')])
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), payload => {
        send(tunnel, [dnsPacket(payload)], at(0))
      }),
    )
    send(tunnel, [udp(OWN, SENTINEL, 54), udp(OWN, '100.100.111.9')], at(0))
    expect(tunnel.counters.sentinelOut).toBe(1)
    expect(tunnel.counters.badQueryOut).toBeGreaterThan(90)
    expect(tunnel.pollPacket()).toBeUndefined()
  })

  test('refuses TCP at once', () => {
    const { tunnel } = start([])
    send(tunnel, [syn(OWN, SENTINEL, 5)], at(0))
    const packet = tunnel.pollPacket()!
    const header = parsed(packet)
    expect(header.tcpFlags).toBe(TCP_RST | TCP_ACK)
    expect(new DataView(packet.buffer).getUint32(header.transportOffset + 8)).toBe(6)
    send(tunnel, [packet], at(0)) // not from our address
    expect(tunnel.pollPacket()).toBeUndefined()
  })
})

describe('addresses that stand for names', () => {
  test('are the same in the next session, and names that are new never get them', () => {
    const seeds = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 8 })
    fc.assert(
      fc.property(seeds, seeds, (before, after) => {
        const first = start([dns(1, '*.example.com')]).tunnel
        for (const n of before) ask(first, `n${n}.example.com`, A)
        const records = recordsOf(first)
        const second = start([dns(1, '*.example.com')], records).tunnel
        for (const n of after) ask(second, `n${n}.example.com`, AAAA)

        const all = new Map(recordsOf(second).map(({ domain, ips }) => [domain, ips.join()]))
        for (const { domain, ips } of records) if (all.size > 0) expect(all.get(domain)).toBe(ips.join())
        const given = [...all.values()].flatMap(text => text.split(','))
        expect(new Set(given).size).toBe(given.length)
      }),
    )
  })

  test('are never those of our DNS servers, and what was given out before and is none of ours is left out', () => {
    const resource = resourceId(1)
    const last = { domain: 'a.example.com', resource, ips: [ip('100.100.110.254'), ip('8.8.8.8')] }
    const { tunnel } = start([dns(1, '*.example.com')], [last, last, { ...last, domain: 'a..b' }])
    const given = records4(ask(tunnel, 'b.example.com', A))
    expect(given).toEqual(['100.100.110.255', '100.100.112.0', '100.100.112.1', '100.100.112.2'])
    expect(records4(ask(tunnel, 'a.example.com', A))).toEqual(['100.100.110.254'])
  })

  test('run out at some time: then there are fewer, or none', () => {
    const { tunnel } = start(
      [dns(1, '*.example.com')],
      [
        {
          domain: 'a.example.com',
          resource: resourceId(1),
          ips: [ip('100.127.255.252'), ip('fd00:2021:1111:8000::1f:fffd')],
        },
      ],
    )
    expect(records4(ask(tunnel, 'b.example.com', A))).toEqual(['100.127.255.253', '100.127.255.254'])
    expect(records4(ask(tunnel, 'c.example.com', A))).toEqual([])
    expect(records6(ask(tunnel, 'b.example.com', AAAA))).toHaveLength(2)
  })
})

describe('sentinels', () => {
  test('stand for the servers of the portal, or else for those of the system', () => {
    const { tunnel } = start([])
    expect(serversOf(tunnel)).toEqual([[SENTINEL, '192.0.2.53:53']])
    setUpstream(tunnel, ['1.1.1.1:53', '[2606:4700::1111]:53', '9.9.9.9:5353'])
    expect(serversOf(tunnel)).toEqual([
      ['100.100.111.2', '1.1.1.1:53'],
      ['fd00:2021:1111:8000:100:100:111:0', '[2606:4700::1111]:53'],
      ['100.100.111.3', '9.9.9.9:5353'],
    ])
  })

  test('are others whenever the servers are, and stay when only their order has changed', () => {
    const server = fc.oneof(
      fc.integer({ min: 1, max: 6 }).map(n => `192.0.2.${n}:53`),
      fc.integer({ min: 1, max: 6 }).map(n => `[2001:db8::${n}]:53`),
    )
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(server, { minLength: 1, maxLength: 5 }), { maxLength: 6 }), lists => {
        const { tunnel } = start([])
        drain(tunnel)
        for (const list of lists) {
          const before = serversOf(tunnel)
          setUpstream(tunnel, list)
          const after = serversOf(tunnel)
          const isSame =
            before
              .map(([, upstream]) => upstream)
              .sort()
              .join() === [...list].sort().join()
          if (isSame) expect(after).toEqual(before)
          else {
            for (const [sentinel] of after) {
              expect(before.map(([other]) => other)).not.toContain(sentinel)
              const address = ip(sentinel!)
              expect((address.family === 4 ? SENTINEL_RANGE.v4 : SENTINEL_RANGE.v6).contains(address)).toBe(true)
            }
          }
        }
      }),
    )
  })

  test('among the servers are ignored', () => {
    const { tunnel } = start([])
    setUpstream(tunnel, ['100.100.111.7:53'])
    expect(serversOf(tunnel)).toEqual([[SENTINEL, '192.0.2.53:53']])
    tunnel.setSystemDns([ip('100.100.111.7'), ip('fd00:2021:1111:8000:100:100:111:5')])
    expect(serversOf(tunnel)).toEqual([])
  })

  test('beyond what the range holds are left out', () => {
    const { tunnel } = start([])
    tunnel.setSystemDns(Array.from({ length: 255 }, (_, i) => ip(`10.0.1.${i}`)))
    expect(serversOf(tunnel)).toHaveLength(253) // one is still that of the server before
  })
})

describe('queries for upstream servers', () => {
  test('are put to them by our owner, the others in reserve; the answer goes back to who asked', () => {
    const { tunnel } = start([])
    tunnel.setSystemDns([ip('192.0.2.1'), ip('192.0.2.2')])
    const message = queryBytes('example.org', MX)
    send(tunnel, [dnsPacket(message, '100.100.111.3')], at(0))
    const [query] = hostQueries(tunnel)
    expect(query!.servers.map(String)).toEqual(['192.0.2.2:53', '192.0.2.1:53'])
    expect(query!.message).toEqual(message)

    tunnel.handleDnsResponse(query!.id, response(message))
    const packet = tunnel.pollPacket()!
    expect(shown(packet)).toEqual(['100.100.111.3:53', `${OWN}:9999`])
    expect(packet.subarray(28)).toEqual(response(message))
    tunnel.handleDnsResponse(query!.id, response(message))
    expect(tunnel.pollPacket()).toBeUndefined()
  })

  test('that nobody answers, or not to the question, have failed', () => {
    const { tunnel } = start([])
    for (const answer of [
      undefined,
      new Uint8Array(3),
      response(queryBytes('other.org', A)),
      queryBytes('example.org', A),
    ]) {
      send(tunnel, [dnsPacket(queryBytes('example.org', A))], at(0))
      tunnel.handleDnsResponse(hostQueries(tunnel)[0]!.id, answer)
      expect(answerOf(tunnel)).toMatchObject({ flags: 0x8102, answers: [] })
    }
  })

  test('never hang, even when our owner forgets them', () => {
    const { tunnel } = start([])
    send(tunnel, [dnsPacket(queryBytes('example.org', A))], at(0))
    expect(tunnel.pollTimeout()).toBe(8000)
    tunnel.handleTimeout(at(8000))
    expect(answerOf(tunnel)).toMatchObject({ flags: 0x8102 })
    expect(tunnel.pollTimeout()).toBeUndefined()
  })

  test('are a thousand at most', () => {
    const { tunnel } = start([])
    for (let i = 0; i < 1100; i++) send(tunnel, [dnsPacket(queryBytes('example.org', A))], at(0))
    expect(hostQueries(tunnel)).toHaveLength(1000)
  })

  test('get answers that fit in a packet, or are told to ask again', () => {
    const { tunnel } = start([])
    const message = queryBytes('example.org', TXT)
    send(tunnel, [dnsPacket(message)], at(0))
    const strings = Array.from({ length: 6 }, () => new Uint8Array(255))
    tunnel.handleDnsResponse(hostQueries(tunnel)[0]!.id, response(message, { kind: 'txt', strings }))

    const answer = answerOf(tunnel)!
    expect(answer.flags & FLAG_TRUNCATED).not.toBe(0)
    expect([answer.questions.length, answer.answers.length]).toEqual([1, 0])
  })
})

describe('queries through the tunnel', () => {
  test('for a server that is a resource wait for access, go there from the port of who asked, and come back from ours', () => {
    const { tunnel, node } = start([cidr(1, '10.0.0.0/24')])
    setUpstream(tunnel, ['10.0.0.53:53'])
    const query = dnsPacket(queryBytes('example.org', A), '100.100.111.2')
    send(tunnel, [query], at(0))
    expect(intents(tunnel)).toEqual([uuid(1)])
    tell(tunnel, { event: 'flow_created', payload: flow(1) })

    const [{ packet }] = node.take('send') as unknown as [{ packet: Uint8Array }]
    expect(shown(packet)).toEqual([`${OWN}:9999`, '10.0.0.53:53'])
    expect(hasValidChecksums(packet)).toBe(true)
    const message = response(queryBytes('example.org', A))
    const fields = { source: ip('10.0.0.53'), sourcePort: 53, destination: ip(OWN), destinationPort: 9999 }
    expect(receive(tunnel, 0, [makeUdpPacket({ ...fields, payload: message })], at(10))).toEqual([])
    expect(shown(tunnel.pollPacket()!)).toEqual(['100.100.111.2:53', `${OWN}:9999`])
    expect(receive(tunnel, 0, [makeUdpPacket({ ...fields, payload: message })], at(20))).toHaveLength(1) // answered
  })

  test('are distinguished by who asked, and given up after a minute', () => {
    const { tunnel } = connected([cidr(1, '10.1.0.0/16')])
    setUpstream(tunnel, ['10.1.0.53:53'])
    const message = queryBytes('example.org', A)
    send(tunnel, [dnsPacket(message, '100.100.111.2')], at(0))
    const answer = (destinationPort: number, sourcePort = 53) =>
      makeUdpPacket({
        source: ip('10.1.0.53'),
        sourcePort,
        destination: ip(OWN),
        destinationPort,
        payload: response(message),
      })

    expect(receive(tunnel, 0, [answer(9998)], at(0))).toHaveLength(1)
    expect(receive(tunnel, 0, [answer(9999, 54)], at(0))).toHaveLength(1)
    expect(tunnel.pollTimeout()).toBe(60_000)
    tunnel.handleTimeout(at(60_000))
    expect(receive(tunnel, 0, [answer(9999)], at(60_000))).toHaveLength(1)
  })

  test('are bounded in number', () => {
    const { tunnel } = connected([cidr(1, '10.1.0.0/16')])
    setUpstream(tunnel, ['10.1.0.53:53'])
    for (let id = 0; id < 5000; id++)
      send(tunnel, [dnsPacket(queryBytes('example.org', A, id), '100.100.111.2')], at(0))
    expect(tunnel.pollTimeout()).toBe(60_000)
  })

  test('for records that only the site knows go to the name server of its gateway', () => {
    const { tunnel, node } = connected([dns(1, 'example.com')], () => udp(OWN, FIRST[0]!))
    node.take('send')
    for (const type of [SRV, TXT]) {
      send(tunnel, [dnsPacket(queryBytes('example.com', type))], at(0))
      expect(node.take('send').map(({ packet }) => shown(packet))).toEqual([[`${OWN}:9999`, '100.64.9.1:53535']])
    }
    const message = response(queryBytes('example.com', TXT))
    const fields = { source: ip('100.64.9.1'), sourcePort: 53535, destination: ip(OWN), destinationPort: 9999 }
    receive(tunnel, 0, [makeUdpPacket({ ...fields, payload: message })], at(0))
    expect(shown(tunnel.pollPacket()!)).toEqual([`${SENTINEL}:53`, `${OWN}:9999`])
  })

  test('for the site wait until there is a gateway', () => {
    const { tunnel, node } = start([dns(1, 'example.com')])
    send(tunnel, [dnsPacket(queryBytes('example.com', SRV))], at(0))
    expect(intents(tunnel)).toEqual([uuid(1)])
    tell(tunnel, { event: 'flow_created', payload: flow(1) })
    expect(node.take('send').map(({ packet }) => shown(packet))).toEqual([[`${OWN}:9999`, '100.64.9.1:53535']])
  })
})

describe('packets to names', () => {
  test('ask for access, then for a translation, and leave in order when there is one', () => {
    const { tunnel, node } = start([dns(1, 'Example.com')])
    ask(tunnel, 'Example.com', A)
    expect(send(tunnel, [udp(OWN, FIRST[0]!, 1), udp(OWN, FIRST[1]!, 2)], at(0))).toEqual([])
    expect(intents(tunnel)).toEqual([uuid(1)])
    tell(tunnel, { event: 'flow_created', payload: flow(1) })
    const assigned = node.take('send').map(({ packet }) => parseAssignedIps(packet.subarray(48)))
    expect(assigned).toEqual([{ resource: uuid(1), domain: 'Example.com', proxyIps: [...FIRST, ...FIRST_6].map(ip) }])
    expect(send(tunnel, [udp(OWN, FIRST[2]!, 3)], at(1))).toEqual([])

    answerStatus(tunnel, true)
    expect(node.take('send').map(({ packet }) => parsed(packet).destinationPort)).toEqual([1, 2, 3])
    expect(send(tunnel, [udp(OWN, FIRST[3]!, 4)], at(2))).toHaveLength(1)
    expect(receive(tunnel, 0, [udp(FIRST[0]!, OWN), udp('100.96.0.9', OWN)], at(3))).toHaveLength(1)
  })

  test('repeat the assignment no more than every two seconds, and so do queries', () => {
    const { tunnel, node } = pending()
    const again = (now: number) => {
      send(tunnel, [udp(OWN, FIRST[0]!, now)], at(now))
      return node.take('send').length
    }
    expect([again(1), again(1999), again(2000), again(3999), again(4000)]).toEqual([0, 0, 1, 0, 1])
    ask(tunnel, 'example.com', A, 5999)
    expect(node.take('send')).toHaveLength(0)
    ask(tunnel, 'example.com', A, 6000)
    expect(node.take('send')).toHaveLength(1)
  })

  test('go on while the name is looked up again after an answer', () => {
    const { tunnel, node } = pending()
    answerStatus(tunnel, true)
    node.take('send')
    ask(tunnel, 'example.com', AAAA, 100)
    expect(node.take('send')).toHaveLength(1)
    expect(send(tunnel, [udp(OWN, FIRST[0]!)], at(200))).toHaveLength(1)
    expect(send(tunnel, [udp(OWN, FIRST[0]!)], at(2100))).toHaveLength(1)
    expect(node.take('send')).toHaveLength(1) // the answer is still missing
  })

  test('that wait are given up when the gateway can not resolve the name, until it is asked for again', () => {
    const { tunnel, node } = pending()
    answerStatus(tunnel, false)
    expect(node.take('send')).toEqual([])
    send(tunnel, [udp(OWN, FIRST[0]!)], at(10_000))
    expect(node.take('send')).toEqual([])
    ask(tunnel, 'example.com', A, 10_000)
    expect(node.take('send')).toHaveLength(1)
    expect(send(tunnel, [udp(OWN, FIRST[0]!)], at(10_000))).toEqual([]) // waits
    answerStatus(tunnel, true)
    expect(node.take('send')).toHaveLength(1)
  })

  test('begin anew when the gateway is lost, the resource is switched off, or the network has changed', () => {
    const losses: ((tunnel: ClientTunnel, node: FakeOverlay) => void)[] = [
      (tunnel, node) => {
        node.events.push({ type: 'connection-closed', connection: gatewayId as string as ConnectionId })
        tunnel.handleTimeout(at(0))
      },
      tunnel => {
        tunnel.setDisabledResources(new Set([resourceId(1)]), at(0))
        tunnel.setDisabledResources(new Set(), at(0))
      },
      tunnel => tunnel.reset(at(0)),
    ]
    for (const lose of losses) {
      const { tunnel, node } = pending()
      answerStatus(tunnel, true)
      lose(tunnel, node)
      node.take('send')
      send(tunnel, [udp(OWN, FIRST[0]!)], at(5000))
      tell(tunnel, { event: 'flow_created', payload: flow(1) })
      expect(node.take('send').map(({ packet }) => parseAssignedIps(packet.subarray(48))?.domain)).toEqual([
        'example.com',
      ])
      expect(records4(ask(tunnel, 'example.com', A))).toEqual(FIRST) // they stay
    }
  })

  test('come before networks, and a name that is switched off leaves its address to those', () => {
    const { tunnel } = start([dns(1, 'example.com'), cidr(2, '100.96.0.0/24')])
    ask(tunnel, 'example.com', A)
    send(tunnel, [udp(OWN, FIRST[0]!)], at(0))
    tunnel.setDisabledResources(new Set([resourceId(1)]), at(0))
    send(tunnel, [udp(OWN, FIRST[0]!)], at(0))
    expect(intents(tunnel)).toEqual([uuid(1), uuid(2)])
  })

  test('of a name that no message could carry are not translated, and nothing breaks', () => {
    const { tunnel, node } = start([dns(1, '**')])
    const name = DomainName.fromLabels([
      new Uint8Array(63).fill(1),
      new Uint8Array(63).fill(2),
      new Uint8Array(63).fill(3),
    ])!
    const message = encodeMessage(makeQuery(1, name, A))
    send(tunnel, [dnsPacket(message)], at(0))
    send(tunnel, [udp(OWN, FIRST[0]!)], at(0))
    tell(tunnel, { event: 'flow_created', payload: flow(1) })
    expect(node.take('send')).toEqual([])
  })

  test('a status about a name that nobody asked for is ignored', () => {
    const { tunnel, node } = pending()
    for (const domain of ['other.com', '', 'x..y']) answerStatus(tunnel, true, domain)
    expect(node.take('send')).toEqual([])
  })
})

test('every address that stands for a name is routed to us', () => {
  const { tunnel } = start([dns(1, 'example.com')])
  const routes = tunnel.tunConfig!.routes.map(String)
  expect(routes).toEqual(expect.arrayContaining([PROXY_RANGE.v4.text, PROXY_RANGE.v6.text, SENTINEL_RANGE.v6.text]))
})

function start(resources: readonly ClientResource[], dnsRecords: readonly DnsRecordAssignment[] = []) {
  const node = new FakeOverlay()
  const tunnel = new ClientTunnel({ node, dnsRecords })
  tunnel.setSystemDns([ip('192.0.2.53')])
  tell(tunnel, { event: 'init', payload: { interface: interfaceOf([]), resources, relays: [] } })
  return { tunnel, node }
}

/** A client that has a gateway with handle 0 for its first resource. */
function connected(resources: readonly ClientResource[], packet = () => udp(OWN, '10.1.2.3')) {
  const started = start(resources)
  if (resources[0]!.type === 'dns') ask(started.tunnel, resources[0]!.address, A)
  send(started.tunnel, [packet()], at(0))
  tell(started.tunnel, { event: 'flow_created', payload: flow(1) })
  return started
}

/** A client that waits for the translation of a name. */
function pending() {
  const started = connected([dns(1, 'example.com')], () => udp(OWN, FIRST[0]!))
  started.node.take('send')
  return started
}

function tell(tunnel: ClientTunnel, message: PortalToClient): void {
  tunnel.handlePortalMessage(message, at(0))
}

const interfaceOf = (upstream: readonly string[]) => ({
  ipv4: ip(OWN),
  ipv6: ip(OWN_6),
  upstream_dns: upstream.map(text => ({ protocol: 'ip_port' as const, address: SocketAddress.of(text) })),
  search_domain: null,
})

function setUpstream(tunnel: ClientTunnel, servers: readonly string[]): void {
  tell(tunnel, { event: 'config_changed', payload: { interface: interfaceOf(servers) } })
}

const serversOf = (tunnel: ClientTunnel) =>
  tunnel.tunConfig!.dnsServers.map(({ sentinel, upstream }) => [sentinel.text, upstream.key])

function dns(id: number, address: string, ip_stack: IpStack = 'dual'): ClientResource {
  return {
    type: 'dns',
    id: resourceId(id),
    name: address,
    address,
    address_description: null,
    gateway_groups: [{ id: siteId, name: 'Berlin' }],
    ip_stack,
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

function answerStatus(tunnel: ClientTunnel, isActive: boolean, domain = 'EXAMPLE.com'): void {
  receive(tunnel, 0, [encodeDomainStatus({ resource: resourceId(1), domain, isActive })], at(0))
}

const queryBytes = (name: string, type: number, id = 0x1234) => encodeMessage(makeQuery(id, DomainName.of(name), type))

function response(
  query: Uint8Array,
  data: Parameters<typeof makeRecord>[3] = { kind: 'address', address: ip('192.0.2.80') },
): Uint8Array {
  const parsedQuery = parseQuery(query) as OneQuestion
  const { name, type } = parsedQuery.question
  const record = data.kind === 'address' ? makeRecord(name, A, 60, data) : makeRecord(name, type, 60, data)
  return encodeMessage(makeResponse(parsedQuery, ResponseCode.NO_ERROR, [record]))
}

const dnsPacket = (payload: Uint8Array, sentinel = SENTINEL) =>
  makeUdpPacket({ source: ip(OWN), destination: ip(sentinel), sourcePort: 9999, destinationPort: 53, payload })

function ask(tunnel: ClientTunnel, name: string, type: number, now = 0) {
  send(tunnel, [dnsPacket(queryBytes(name, type), serversOf(tunnel)[0]?.[0] ?? SENTINEL)], at(now))
  return answerOf(tunnel)
}

function answerOf(tunnel: ClientTunnel) {
  const packet = tunnel.pollPacket()
  if (packet === undefined) return undefined
  expect(hasValidChecksums(packet)).toBe(true)
  expect(packet.length).toBeLessThanOrEqual(1280)
  const message = parseMessage(packet.subarray(28))
  if (typeof message === 'string') throw new Error(message)
  return message
}

type Answer = ReturnType<typeof answerOf>
const addresses = (answer: Answer) =>
  answer!.answers.map(({ data }) => (data.kind === 'address' ? data.address : IpAddress.of('::')))
const records4 = (answer: Answer) => addresses(answer).map(String)
const records6 = records4

function recordsOf(tunnel: ClientTunnel): readonly DnsRecordAssignment[] {
  let lastRecords: readonly DnsRecordAssignment[] = []
  for (const event of drain<ClientTunnelEvent>(tunnel))
    if (event.type === 'dns-records-changed') lastRecords = event.records
  return lastRecords
}

function hostQueries(tunnel: ClientTunnel): HostQuery[] {
  return drain<ClientTunnelEvent>(tunnel).flatMap(event => (event.type === 'dns-query' ? [event.query] : []))
}

function intents(tunnel: ClientTunnel): string[] {
  return drain<ClientTunnelEvent>(tunnel).flatMap(event =>
    event.type === 'send-portal' && event.message.event === 'create_flow' ? [event.message.payload.resource_id] : [],
  )
}

const resourceId = (n: number) => uuid(n) as ResourceId

function parsed(packet: Uint8Array): PacketHeader {
  const header = new PacketHeader()
  expect(header.parse(packet, 0, packet.length)).toBeUndefined()
  return header
}

function shown(packet: Uint8Array): [string, string] {
  const { destinationOffset, destinationPort, sourceOffset, sourcePort } = parsed(packet)
  const text = (offset: number) => packet.subarray(offset, offset + 4).join('.')
  return [`${text(sourceOffset)}:${sourcePort}`, `${text(destinationOffset)}:${destinationPort}`]
}
