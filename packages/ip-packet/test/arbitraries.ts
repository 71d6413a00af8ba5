import { IpAddress, PacketBuffer } from '@sallyport/sans-io'
import fc from 'fast-check'
import { type IpFields, makeTcpPacket, makeUdpPacket, TCP_ACK, TCP_PSH } from '../src/index.ts'

/** An address of the given family. */
export const ipAddress = (family: 4 | 6): fc.Arbitrary<IpAddress> =>
  fc
    .uint8Array({ minLength: family === 4 ? 4 : 16, maxLength: family === 4 ? 4 : 16 })
    .map(bytes => IpAddress.fromBytes(bytes))

/** The fields of an IP header between two addresses of one family. */
export const ipFields: fc.Arbitrary<IpFields> = fc.constantFrom<(4 | 6)[]>(4, 6).chain(family =>
  fc.record({
    source: ipAddress(family),
    destination: ipAddress(family),
    hopLimit: fc.integer({ min: 1, max: 255 }),
    ecn: fc.integer({ min: 0, max: 3 }),
    identification: fc.integer({ min: 0, max: 0xffff }),
  }),
)

const port: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffff })

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })

/** A TCP segment with payload, as a sender that uses TSO makes it. */
export const tcpSegment: fc.Arbitrary<Uint8Array> = fc
  .record({
    ip: ipFields,
    sourcePort: port,
    destinationPort: port,
    sequence: uint32,
    acknowledgement: uint32,
    flags: fc.constantFrom(TCP_ACK, TCP_ACK | TCP_PSH),
    window: port,
    options: fc.integer({ min: 0, max: 10 }).chain(n => fc.uint8Array({ minLength: 4 * n, maxLength: 4 * n })),
    payload: fc.uint8Array({ minLength: 1, maxLength: 6000 }),
  })
  .map(({ ip, ...tcp }) => makeTcpPacket({ ...ip, ...tcp }))

/** A UDP datagram with payload. */
export const udpDatagram: fc.Arbitrary<Uint8Array> = fc
  .record({
    ip: ipFields,
    sourcePort: port,
    destinationPort: port,
    payload: fc.uint8Array({ minLength: 1, maxLength: 6000 }),
  })
  .map(({ ip, ...udp }) => makeUdpPacket({ ...ip, ...udp }))

/** A batch that holds copies of `packets`. */
export function batchOf(packets: readonly Uint8Array[]): PacketBuffer {
  const batch = PacketBuffer.alone({ capacity: Math.max(1, packets.length), stride: 66_000, headroom: 64 })
  for (const packet of packets) batch.appendCopy(packet)
  return batch
}
