import { CHECKSUM_PENDING, IpAddress, PacketBuffer, viewOf } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  GSO_NONE,
  GSO_TCPV4,
  GSO_UDP,
  hasValidChecksums,
  makeIcmpEcho,
  makeTcpPacket,
  makeUdpPacket,
  PacketHeader,
  portableChecksum,
  TCP,
  TCP_ACK,
  TCP_CWR,
  TCP_FIN,
  TCP_PSH,
  TCP_SYN,
  TrainCutter,
  TrainJoiner,
  TrainPacker,
} from '../src/index.ts'
import { batchOf, tcpSegment, udpDatagram } from './arbitraries.ts'

const alice = IpAddress.of('100.64.0.1')
const bob = IpAddress.of('10.0.0.1')

describe('cutting', () => {
  test('every segment is a whole packet with right lengths and checksums, and the payloads add up', () => {
    fc.assert(
      fc.property(fc.oneof(tcpSegment, udpDatagram), fc.integer({ min: 1, max: 1500 }), (packet, segmentSize) => {
        const segments = cut(packet, segmentSize)

        expect(segments.every(hasValidChecksums)).toBe(true)
        const payloads = segments.map(payloadOf)
        expect(payloads.slice(0, -1).every(payload => payload.length === segmentSize)).toBe(true)
        expect(concat(payloads)).toEqual(payloadOf(packet))
      }),
      { numRuns: 60 },
    )
  })

  test('sequence numbers and IPv4 identifications continue from segment to segment', () => {
    const packet = makeTcpPacket({ ...tcp, sequence: 0xffff_fff0, identification: 0xffff, payload: bytes(30) })

    const segments = cut(packet, 10).map(viewOf)

    expect(segments.map(view => view.getUint32(24))).toEqual([0xffff_fff0, 0xffff_fffa, 4])
    expect(segments.map(view => view.getUint16(4))).toEqual([0xffff, 0, 1])
  })

  test('FIN and PSH are on the last segment only, CWR on the first only', () => {
    const flags = TCP_ACK | TCP_FIN | TCP_PSH | TCP_CWR

    const segments = cut(makeTcpPacket({ ...tcp, flags, payload: bytes(30) }), 10)

    expect(segments.map(segment => segment[33])).toEqual([TCP_ACK | TCP_CWR, TCP_ACK, TCP_ACK | TCP_FIN | TCP_PSH])
  })

  test('a plain packet stays byte for byte as it is', () => {
    fc.assert(
      fc.property(tcpSegment, packet => {
        expect(cut(packet, 0)).toEqual([packet])
        expect(cut(packet, 6000)).toEqual([packet])
      }),
      { numRuns: 50 },
    )
  })

  test('a pending checksum is completed, whatever its field held', () => {
    fc.assert(
      fc.property(fc.oneof(tcpSegment, udpDatagram), fc.integer({ min: 0, max: 0xffff }), (packet, garbage) => {
        const pending = packet.slice()
        const header = parsed(packet)
        viewOf(pending).setUint16(header.transportOffset + (header.protocol === TCP ? 16 : 6), garbage)

        expect(cut(pending, 0, CHECKSUM_PENDING)).toEqual([packet])
      }),
      { numRuns: 50 },
    )
  })

  test('padding behind the packet is cut off', () => {
    const packet = makeUdpPacket({ ...udp, payload: bytes(5) })
    const padded = new Uint8Array(48)
    padded.set(packet)

    expect(cut(padded, 0)).toEqual([packet])
  })

  test('what is neither TCP nor UDP is not segmented', () => {
    const packet = makeIcmpEcho({ source: alice, destination: bob, identifier: 1, sequence: 1, payload: bytes(100) })
    const cutter = new TrainCutter()
    const batch = batchOf([packet])

    expect(cutter.begin(batch.arena, batch.offset[0]!, packet.length, 10, 0)).toBe('unsupported-transport')
    expect(cutter.next()).toBe(false)
    expect(cutter.begin(batch.arena, batch.offset[0]!, 0, 0, 0)).toBe('truncated-header')
  })

  test('a checksum kernel that is given sums all payload', () => {
    let summed = 0
    const cutter = new TrainCutter({
      checksum: (arena, offset, length, sum) => {
        summed += length
        return portableChecksum(arena, offset, length, sum)
      },
    })
    const batch = batchOf([makeTcpPacket({ ...tcp, payload: bytes(100) })])
    cutter.begin(batch.arena, batch.offset[0]!, batch.length[0]!, 30, 0)
    while (cutter.next());

    expect(summed).toBe(100)
  })
})

describe('joining', () => {
  test('what was cut from one packet joins to a train that packs to it again', () => {
    fc.assert(
      fc.property(fc.oneof(tcpSegment, udpDatagram), fc.integer({ min: 64, max: 1500 }), (packet, segmentSize) => {
        const segments = cut(packet, segmentSize)
        const batch = batchOf(segments)

        new TrainJoiner({ udp: true }).join(batch, 0, batch.count)

        expect(batch.segments[0]).toBe(segments.length)
        expect([...batch.segments.subarray(1, batch.count)].every(n => n === 0)).toBe(true)
        expect(cut(pack(batch, 0), batch.segmentSize[0]!)).toEqual(segments)
        expect(payloadOf(pack(batch, 0))).toEqual(payloadOf(packet))
      }),
      { numRuns: 60 },
    )
  })

  test('joining and cutting again gives the packets that came, whatever came', () => {
    const run = fc
      .tuple(tcpSegment, fc.integer({ min: 500, max: 3000 }))
      .map(([packet, segmentSize]) => cut(packet, segmentSize))
    const mixture = fc
      .array(
        fc.oneof(
          run,
          udpDatagram.map(packet => [packet]),
        ),
        { maxLength: 4 },
      )
      .map(runs => runs.flat())
    fc.assert(
      fc.property(mixture, packets => {
        const batch = batchOf(packets)
        new TrainJoiner().join(batch, 0, batch.count)

        const again: Uint8Array[] = []
        for (let i = 0; i < batch.count; i++)
          if (batch.segments[i] !== 0) again.push(...cut(pack(batch, i), batch.segmentSize[i]!))

        expect(again).toEqual(packets)
      }),
      { numRuns: 60 },
    )
  })

  const first = { source: alice, destination: bob, sourcePort: 1, destinationPort: 2, sequence: 100, window: 500 }
  const second = { ...first, sequence: 110, identification: 1 }
  test.each([
    ['a gap in the sequence', { sequence: 111 }],
    ['an older segment', { sequence: 100 }],
    ['another port', { sourcePort: 3 }],
    ['another destination', { destination: IpAddress.of('10.0.0.2') }],
    ['another acknowledgement number', { acknowledgement: 7 }],
    ['another window', { window: 501 }],
    ['another TTL', { hopLimit: 63 }],
    ['another ECN mark', { ecn: 3 }],
    ['a leap in the identification', { identification: 2 }],
    ['FIN', { flags: TCP_ACK | TCP_FIN }],
    ['SYN', { flags: TCP_SYN }],
    ['CWR', { flags: TCP_ACK | TCP_CWR }],
    ['options that the first has not', { options: bytes(4) }],
    ['more payload than the first', { payload: bytes(11) }],
    ['no payload', { payload: bytes(0) }],
  ])('%s is never joined', (_, change) => {
    const batch = batchOf([
      makeTcpPacket({ ...first, payload: bytes(10) }),
      makeTcpPacket({ ...second, payload: bytes(10), ...change }),
    ])

    new TrainJoiner().join(batch, 0, 2)

    expect([...batch.segments.subarray(0, 2)]).toEqual([1, 1])
  })

  test('segments with other options are not joined', () => {
    const options = [Uint8Array.of(1, 1, 1, 1), Uint8Array.of(1, 1, 1, 0)]
    const batch = batchOf(
      [first, second].map((fields, i) => makeTcpPacket({ ...fields, options: options[i]!, payload: bytes(10) })),
    )

    expect(joined(batch)).toEqual([1, 1])
  })

  test('padding is taken off, of what is joined and of what is not', () => {
    const packets = [
      ...[0, 1].map(i => makeTcpPacket({ ...first, sequence: 100 + 10 * i, identification: i, payload: bytes(10) })),
      makeIcmpEcho({ source: alice, destination: bob, identifier: 1, sequence: 1 }),
    ]
    const batch = batchOf(packets.map(packet => Uint8Array.of(...packet, 0, 0, 0, 0)))

    expect(joined(batch)).toEqual([2, 0, 1])
    expect([0, 1, 2].map(i => batch.bytesOf(i))).toEqual(packets)
  })

  test('packets of two peers are not joined', () => {
    const batch = batchOf([first, second].map(fields => makeTcpPacket({ ...fields, payload: bytes(10) })))
    batch.peer[1] = 5

    expect(joined(batch)).toEqual([1, 1])
  })

  test('a dropped entry stays dropped and ends the train', () => {
    const batch = batchOf(
      [0, 1, 2].map(i => makeTcpPacket({ ...first, sequence: 100 + 10 * i, identification: i, payload: bytes(10) })),
    )
    batch.segments[1] = 0

    expect(joined(batch)).toEqual([1, 0, 1])
  })

  test('a shorter segment and a pushed one are the last of their train', () => {
    const sizes = [10, 5, 10, 10]
    let sequence = 100
    const packets = sizes.map((size, i) => {
      const flags = i === 2 ? TCP_ACK | TCP_PSH : TCP_ACK
      const packet = makeTcpPacket({ ...first, flags, sequence, identification: i, payload: bytes(size) })
      sequence += size
      return packet
    })

    expect(joined(batchOf(packets))).toEqual([2, 0, 1, 1])
  })

  test('equal identifications are joined where fragmentation is forbidden', () => {
    const packets = [0, 1, 2].map(i => makeTcpPacket({ ...first, sequence: 100 + 10 * i, payload: bytes(10) }))

    expect(joined(batchOf(packets))).toEqual([3, 0, 0])
  })

  test('UDP is left alone unless asked for, and never joined without a checksum', () => {
    const packets = [0, 1].map(i => makeUdpPacket({ ...udp, identification: i, payload: bytes(10) }))
    expect(joined(batchOf(packets))).toEqual([1, 1])
    expect(joined(batchOf(packets), true)).toEqual([2, 0])

    for (const packet of packets) viewOf(packet).setUint16(26, 0)
    expect(joined(batchOf(packets), true)).toEqual([1, 1])
  })

  test('a train never grows beyond what one write may carry', () => {
    const packets = Array.from({ length: 200 }, (_, i) =>
      makeTcpPacket({ ...first, sequence: 1000 * i, identification: i, payload: bytes(1000) }),
    )
    const batch = PacketBuffer.alone({ capacity: 200, stride: 1200, headroom: 64 })
    for (const packet of packets) batch.appendCopy(packet)

    const heads = joined(batch).filter(n => n > 0)

    expect(heads).toEqual([65, 65, 65, 5])
  })
})

test('arbitrary and damaged bytes are cut, joined and packed without throwing, and nothing outside them is touched', () => {
  const damaged = fc
    .tuple(fc.oneof(tcpSegment, udpDatagram), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }))
    .map(([packet, changes]) => {
      for (const [at, value] of changes) if (at < packet.length) packet[at] = value
      return packet
    })
  const anything = fc.array(fc.oneof(damaged, fc.uint8Array({ maxLength: 100 })), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(anything, fc.nat(2000), fc.constantFrom(0, CHECKSUM_PENDING), (packets, segmentSize, flags) => {
      const batch = batchOf(packets)
      joined(batch, true)
      const packer = new TrainPacker()
      for (let i = 0; i < batch.count; i++) packer.pack(batch, i)

      const { arena, layout } = batch
      const cutter = new TrainCutter()
      for (let i = 0; i < batch.count; i++) {
        const end = batch.offset[i]! + packets[i]!.length
        const size = Math.max(segmentSize, 64) // fewer than a thousand segments
        if (cutter.begin(arena, batch.offset[i]!, packets[i]!.length, size, flags) === undefined)
          while (cutter.next()) expect(cutter.segmentOffset + cutter.segmentLength).toBeLessThanOrEqual(end)
        expect(arena.bytes.subarray(i * layout.stride, batch.offset[i]!).every(byte => byte === 0)).toBe(true)
        expect(arena.bytes.subarray(end, (i + 1) * layout.stride).every(byte => byte === 0)).toBe(true)
      }
    }),
    { numRuns: 100 },
  )
})

describe('packing', () => {
  test('a train of one is left alone', () => {
    const packet = makeTcpPacket({ ...tcp, payload: bytes(10) })
    const batch = batchOf([packet])
    const packer = new TrainPacker()

    packer.pack(batch, 0)

    expect(packer).toMatchObject({ gsoType: GSO_NONE, headerLength: 0, totalLength: packet.length })
    expect(batch.bytesOf(0)).toEqual(packet)
  })

  test('says what a virtio network header wants to know', () => {
    const batch = batchOf(cut(makeTcpPacket({ ...tcp, options: bytes(12), payload: bytes(25) }), 10))
    joined(batch)
    const packer = new TrainPacker()

    packer.pack(batch, 0)

    expect(packer).toMatchObject({
      gsoType: GSO_TCPV4,
      headerLength: 52,
      segmentSize: 10,
      checksumStart: 20,
      checksumOffset: 16,
      totalLength: 77,
    })
    const datagrams = batchOf(cut(makeUdpPacket({ ...udp, payload: bytes(25) }), 10))
    joined(datagrams, true)
    packer.pack(datagrams, 0)
    expect(packer).toMatchObject({ gsoType: GSO_UDP, headerLength: 28, checksumStart: 20, checksumOffset: 6 })
  })
})

const tcp = { source: alice, destination: bob, sourcePort: 40_000, destinationPort: 443 }
const udp = { source: alice, destination: bob, sourcePort: 40_000, destinationPort: 443 }

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i)
}

function parsed(packet: Uint8Array): PacketHeader {
  const header = new PacketHeader()
  expect(header.parse(packet, 0, packet.length)).toBeUndefined()
  return header
}

function payloadOf(packet: Uint8Array): Uint8Array {
  const header = parsed(packet)
  return packet.slice(header.payloadOffset, header.totalLength)
}

function cut(packet: Uint8Array, segmentSize: number, flags = 0): Uint8Array[] {
  const batch = batchOf([packet])
  const cutter = new TrainCutter()
  expect(cutter.begin(batch.arena, batch.offset[0]!, packet.length, segmentSize, flags)).toBeUndefined()
  const segments: Uint8Array[] = []
  while (cutter.next())
    segments.push(batch.arena.bytes.slice(cutter.segmentOffset, cutter.segmentOffset + cutter.segmentLength))
  return segments
}

function joined(batch: PacketBuffer, udp = false): number[] {
  new TrainJoiner({ udp }).join(batch, 0, batch.count)
  return [...batch.segments.subarray(0, batch.count)]
}

/** The bytes that one write of the train headed by `index` has. */
function pack(batch: PacketBuffer, index: number): Uint8Array {
  const packer = new TrainPacker()
  packer.pack(batch, index)
  const parts = [batch.bytesOf(index)]
  for (let i = 1; i < batch.segments[index]!; i++) parts.push(batch.bytesOf(index + i).subarray(packer.headerLength))
  return concat(parts)
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
