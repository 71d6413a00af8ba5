import {
  hasValidChecksums,
  makeIcmpEcho,
  makeTcpPacket,
  makeUdpPacket,
  makeUnreachable,
  PacketHeader,
  TrainCutter,
} from '@sallyport/ip-packet'
import { Arena, CHECKSUM_PENDING, IpAddress } from '@sallyport/sans-io'
import { demand, type FuzzTarget } from '../target.ts'

const PLACE = 256
const arena = Arena.ofLength(PLACE + 70_000)
const header = new PacketHeader()
const cutter = new TrainCutter()
const ends = (family: 4 | 6) => ({
  source: IpAddress.of(family === 4 ? '100.64.0.1' : 'fd00::1'),
  destination: IpAddress.of(family === 4 ? '10.0.0.1' : 'fd00::2'),
})

/** Packets from a TUN device or out of a tunnel: headers, trains and errors about them stay inside their bytes. */
export const ipPacket: FuzzTarget = {
  seeds: () =>
    ([4, 6] as const).flatMap(family => [
      makeUdpPacket({ ...ends(family), sourcePort: 1, destinationPort: 2, payload: new Uint8Array(300) }),
      makeTcpPacket({ ...ends(family), sourcePort: 1, destinationPort: 2, payload: new Uint8Array(500) }),
      makeIcmpEcho({ ...ends(family), identifier: 1, sequence: 1, payload: new Uint8Array(56) }),
    ]),
  run(inputs) {
    for (const [i, bytes] of inputs.entries()) {
      if (bytes.length > 65_535) continue
      const defect = header.parse(bytes, 0, bytes.length)
      if (defect === undefined) {
        demand(header.totalLength <= bytes.length, 'a packet is longer than its bytes')
        demand(header.headerLength <= header.totalLength, 'a header is longer than its packet')
      }
      for (const segmentSize of [0, 1, 100, 1000]) cut(bytes, segmentSize, i % 2 === 0 ? 0 : CHECKSUM_PENDING)
      const error = makeUnreachable(bytes, 'administratively-prohibited')
      demand(error === undefined || hasValidChecksums(error), 'an error has a wrong checksum')
    }
  },
}

function cut(bytes: Uint8Array, segmentSize: number, flags: number): void {
  arena.bytes.fill(0xa5, 0, PLACE)
  arena.bytes.set(bytes, PLACE)
  if (cutter.begin(arena, PLACE, bytes.length, segmentSize, flags) !== undefined) return
  const isWhole = cutter.header.payloadLength <= segmentSize || segmentSize === 0
  for (let segments = 0; cutter.next(); segments++) {
    const { segmentOffset, segmentLength } = cutter
    demand(segments < 65_536, 'a train never ends')
    demand(segmentOffset >= PLACE && segmentOffset + segmentLength <= PLACE + bytes.length, 'a segment lies elsewhere')
    if (isWhole) continue
    const segment = arena.bytes.slice(segmentOffset, segmentOffset + segmentLength)
    demand(new PacketHeader().parse(segment, 0, segmentLength) === undefined, 'a segment is no packet')
    demand(hasValidChecksums(segment), 'a segment has a wrong checksum')
  }
  demand(
    arena.bytes.subarray(0, PLACE).every(byte => byte === 0xa5),
    'something was written in front of the train',
  )
}
