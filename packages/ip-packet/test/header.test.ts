import { fromHex, IpAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ecnOf,
  hasValidChecksums,
  ICMP,
  ICMPV6,
  makeIcmpEcho,
  makeIpPacket,
  makeTcpPacket,
  makeUdpPacket,
  makeUnreachable,
  mergeEcn,
  PacketHeader,
  TCP_SYN,
  UDP,
} from '../src/index.ts'
import { ipFields, tcpSegment, udpDatagram } from './arbitraries.ts'

const v4 = { source: IpAddress.of('100.64.0.1'), destination: IpAddress.of('10.0.0.1') }
const v6 = { source: IpAddress.of('fd00:2021:1111::3:9'), destination: IpAddress.of('2001:db8::9') }

describe('parsing', () => {
  test('reads the flow of a packet in the middle of other bytes', () => {
    const packet = makeTcpPacket({ ...v6, sourcePort: 1, destinationPort: 443, flags: TCP_SYN, ecn: 2, hopLimit: 7 })
    const bytes = new Uint8Array(200)
    bytes.set(packet, 11)

    expect(parse(bytes, 11, 150)).toMatchObject({
      version: 6,
      offset: 11,
      totalLength: 60,
      headerLength: 40,
      protocol: 6,
      sourceOffset: 19,
      destinationOffset: 35,
      addressLength: 16,
      hopLimit: 7,
      ecn: 2,
      transportOffset: 51,
      transportHeaderLength: 20,
      payloadOffset: 71,
      payloadLength: 0,
      sourcePort: 1,
      destinationPort: 443,
      tcpFlags: TCP_SYN,
      icmpType: -1,
      icmpId: -1,
    })
  })

  test('reads type, code and identifier of an echo, and knows errors from echoes', () => {
    const echo = parse(makeIcmpEcho({ ...v4, identifier: 77, sequence: 1 }))
    expect(echo).toMatchObject({ protocol: ICMP, icmpType: 8, icmpCode: 0, icmpId: 77, isIcmpError: false })
    expect(parse(makeIcmpEcho({ ...v4, type: 'reply', identifier: 1, sequence: 1 })).icmpType).toBe(0)
    expect(parse(makeIcmpEcho({ ...v6, type: 'reply', identifier: 1, sequence: 1 })).icmpType).toBe(129)

    const error = makeUnreachable(makeUdpPacket({ ...v6, sourcePort: 1, destinationPort: 2 }), 'no-route')!
    expect(parse(error)).toMatchObject({ protocol: ICMPV6, icmpType: 1, icmpCode: 3, icmpId: -1, isIcmpError: true })
  })

  test('walks IPv6 extension headers and both kinds of authentication header', () => {
    const udp = makeUdpPacket({ ...v6, sourcePort: 5, destinationPort: 6 }).slice(40)
    const chain = [
      ...[43, 0, 0, 0, 0, 0, 0, 0], // hop by hop
      ...[44, 0, 0, 0, 0, 0, 0, 0], // routing
      ...[51, 0, 0, 0, 0, 0, 0, 9], // fragment: atomic
      ...[17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], // authentication
    ]
    const packet = makeIpPacket(v6, 0, Uint8Array.from([...chain, ...udp]))
    expect(parse(packet)).toMatchObject({ headerLength: 76, protocol: UDP, sourcePort: 5, destinationPort: 6 })

    const authenticated = makeIpPacket(v4, 51, Uint8Array.from([17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...udp]))
    expect(parse(authenticated)).toMatchObject({ headerLength: 32, protocol: UDP, sourcePort: 5 })
  })

  test('accepts protocols that it does not know, without ports', () => {
    expect(parse(makeIpPacket(v4, 47, new Uint8Array(3)))).toMatchObject({
      protocol: 47,
      sourcePort: 0,
      transportHeaderLength: 0,
      payloadLength: 3,
    })
  })

  const udp4 = makeUdpPacket({ ...v4, sourcePort: 1, destinationPort: 2, payload: new Uint8Array(4) })
  const tcp4 = makeTcpPacket({ ...v4, sourcePort: 1, destinationPort: 2 })
  test.each([
    ['nothing', new Uint8Array(0), 'truncated-header'],
    ['version 5', patch(udp4, { 0: 0x55 }), 'unknown-version'],
    ['a short IPv6 header', makeIpPacket(v6, 59, new Uint8Array(0)).slice(0, 39), 'truncated-header'],
    ['an IPv4 header length below 5', patch(udp4, { 0: 0x44 }), 'bad-length'],
    ['IPv4 options beyond the end', patch(udp4, { 0: 0x4f }), 'truncated-header'],
    ['a total length beyond the end', patch(udp4, { 3: 33 }), 'bad-length'],
    ['a total length inside the header', patch(udp4, { 3: 19 }), 'bad-length'],
    ['an IPv6 payload beyond the end', patch(makeIpPacket(v6, 59, new Uint8Array(4)), { 5: 5 }), 'bad-length'],
    [
      'an extension header beyond the end',
      makeIpPacket(v6, 0, Uint8Array.of(17, 1, 0, 0, 0, 0, 0, 0)),
      'truncated-header',
    ],
    ['half an extension header', makeIpPacket(v6, 0, Uint8Array.of(17, 0, 0)), 'truncated-header'],
    ['more fragments', patch(udp4, { 6: 0x20 }), 'fragment'],
    ['a fragment offset', patch(udp4, { 7: 1 }), 'fragment'],
    ['an IPv6 fragment', makeIpPacket(v6, 44, Uint8Array.of(17, 0, 0, 1, 0, 0, 0, 0)), 'fragment'],
    ['a short UDP header', makeIpPacket(v4, UDP, new Uint8Array(7)), 'truncated-transport'],
    ['a UDP length beyond the end', patch(udp4, { 25: 13 }), 'bad-transport-length'],
    ['a UDP length below 8', patch(udp4, { 25: 7 }), 'bad-transport-length'],
    ['a short TCP header', makeIpPacket(v4, 6, new Uint8Array(19)), 'truncated-transport'],
    ['a TCP data offset below 5', patch(tcp4, { 32: 0x40 }), 'bad-transport-length'],
    ['a TCP data offset beyond the end', patch(tcp4, { 32: 0x60 }), 'bad-transport-length'],
    ['a short ICMP header', makeIpPacket(v4, ICMP, new Uint8Array(7)), 'truncated-transport'],
    ['ICMP in IPv6', makeIpPacket(v6, ICMP, new Uint8Array(8)), 'foreign-icmp'],
    ['ICMPv6 in IPv4', makeIpPacket(v4, ICMPV6, new Uint8Array(8)), 'foreign-icmp'],
  ])('refuses %s', (_, packet, defect) => {
    expect(new PacketHeader().parse(packet, 0, packet.length)).toBe(defect)
  })

  test('never throws and never reads beyond the packet, whatever the bytes', () => {
    const mutated = fc
      .tuple(fc.oneof(tcpSegment, udpDatagram), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }))
      .map(([packet, changes]) => patch(packet, Object.fromEntries(changes)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), fc.nat(100), (bytes, length) => {
        const header = new PacketHeader()
        const defect = header.parse(bytes, 0, Math.min(length, bytes.length))
        if (defect !== undefined) return
        expect(header.totalLength).toBeLessThanOrEqual(Math.min(length, bytes.length))
        expect(header.payloadLength).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 500 },
    )
  })
})

describe('ECN', () => {
  const outcomes = [0, 1, 2, 3].flatMap(inner => [0, 1, 2, 3].map(outer => [inner, outer] as const))
  test.each(outcomes)('inner %i under outer %i', (inner, outer) => {
    for (const addresses of [v4, v6]) {
      const packet = makeUdpPacket({ ...addresses, ecn: inner, sourcePort: 1, destinationPort: 2 })

      mergeEcn(packet, 0, outer)

      expect(ecnOf(packet, 0)).toBe(outer === 3 && (inner === 1 || inner === 2) ? 3 : inner)
      expect(hasValidChecksums(packet)).toBe(true)
    }
  })
})

describe('destination unreachable', () => {
  test('is, for IPv4, the one that Firezone sends', () => {
    const packet = makeUdpPacket({
      source: IpAddress.of('100.64.0.1'),
      destination: IpAddress.of('10.9.9.9'),
      sourcePort: 40_000,
      destinationPort: 9,
      payload: fromHex('68 65 6c 6c 6f'),
    })

    expect(makeUnreachable(packet, 'administratively-prohibited')).toEqual(
      fromHex(`45 00 00 38 00 00 40 00 14 01 ef 72 0a 09 09 09 64 40 00 01
        03 0d b8 36 00 00 00 00
        45 00 00 21 00 00 40 00 40 11 c3 79 64 40 00 01 0a 09 09 09 9c 40 00 09 00 0d a8 65`),
    )
  })

  test('is, for IPv6, the one that Firezone sends', () => {
    const packet = makeUdpPacket({ ...v6, sourcePort: 40_000, destinationPort: 9, payload: fromHex('68 65 6c 6c 6f') })

    expect(makeUnreachable(packet, 'administratively-prohibited')).toEqual(
      fromHex(`60 00 00 00 00 3d 3a 14 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 09
        fd 00 20 21 11 11 00 00 00 00 00 00 00 03 00 09
        01 01 31 57 00 00 00 00
        60 00 00 00 00 0d 11 40 fd 00 20 21 11 11 00 00 00 00 00 00 00 03 00 09 20 01 0d b8 00 00 00 00 00 00 00 00
        00 00 00 09 9c 40 00 09 00 0d c3 b7 68 65 6c 6c 6f`),
    )
  })

  test('quotes header and 8 bytes in IPv4, at most 1280 bytes altogether in IPv6, for every payload size', () => {
    fc.assert(
      fc.property(ipFields, fc.nat(1232), (ip, size) => {
        const packet = makeUdpPacket({ ...ip, sourcePort: 1, destinationPort: 2, payload: new Uint8Array(size) })
        const error = makeUnreachable(packet, 'administratively-prohibited')
        if (error === undefined) return // a multicast address

        const header = parse(error)
        expect(error.length).toBe(header.version === 4 ? 56 : 48 + Math.min(packet.length, 1200))
        expect(error.length).toBeLessThanOrEqual(1280)
        expect(hasValidChecksums(error)).toBe(true)
        expect(error.slice(header.payloadOffset)).toEqual(packet.slice(0, error.length - header.payloadOffset))
      }),
    )
  })

  test('is never sent about an error, a defect, or to and about addresses of many', () => {
    const packet = (destination: string, source = '100.64.0.1') =>
      makeUdpPacket({
        source: IpAddress.of(source),
        destination: IpAddress.of(destination),
        sourcePort: 1,
        destinationPort: 2,
      })
    const error = makeUnreachable(packet('10.0.0.1'), 'port-unreachable')!

    expect(makeUnreachable(error, 'administratively-prohibited')).toBeUndefined()
    expect(makeUnreachable(new Uint8Array(20), 'administratively-prohibited')).toBeUndefined()
    expect(makeUnreachable(packet('224.0.0.251'), 'administratively-prohibited')).toBeUndefined()
    expect(makeUnreachable(packet('255.255.255.255'), 'administratively-prohibited')).toBeUndefined()
    expect(makeUnreachable(packet('ff02::1', '::1'), 'administratively-prohibited')).toBeUndefined()
    expect(makeUnreachable(packet('2001:db8::1', '::'), 'administratively-prohibited')).toBeUndefined()
  })
})

describe('building', () => {
  test('everything that is built has right checksums', () => {
    fc.assert(
      fc.property(fc.oneof(tcpSegment, udpDatagram), packet => hasValidChecksums(packet)),
      { numRuns: 50 },
    )
    expect(hasValidChecksums(makeIcmpEcho({ ...v4, identifier: 1, sequence: 2 }))).toBe(true)
    expect(hasValidChecksums(makeIcmpEcho({ ...v6, identifier: 1, sequence: 2 }))).toBe(true)
  })

  test('a changed byte shows in the checksums', () => {
    const packet = makeUdpPacket({ ...v4, sourcePort: 1, destinationPort: 2, payload: new Uint8Array(3) })
    expect(hasValidChecksums(patch(packet, { 30: 1 }))).toBe(false)
    expect(hasValidChecksums(patch(packet, { 8: 1 }))).toBe(false)
    expect(hasValidChecksums(patch(packet, { 26: 0, 27: 0 }))).toBe(true) // a UDP datagram without a checksum
    expect(hasValidChecksums(new Uint8Array(3))).toBe(false)
  })

  test('two families, or options that TCP has no room for, are a caller’s mistake', () => {
    expect(() => makeIpPacket({ ...v4, source: v6.source }, 1, new Uint8Array(0))).toThrow(RangeError)
    const fields = { ...v4, sourcePort: 1, destinationPort: 2 }
    expect(() => makeTcpPacket({ ...fields, options: new Uint8Array(3) })).toThrow(RangeError)
    expect(() => makeTcpPacket({ ...fields, options: new Uint8Array(44) })).toThrow(RangeError)
  })
})

function parse(bytes: Uint8Array, offset = 0, length = bytes.length): PacketHeader {
  const header = new PacketHeader()
  expect(header.parse(bytes, offset, length)).toBeUndefined()
  return header
}

function patch(packet: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = packet.slice()
  for (const [at, value] of Object.entries(changes)) if (Number(at) < copy.length) copy[Number(at)] = value
  return copy
}
