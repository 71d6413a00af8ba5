import { makeUdpPacket } from '@sallyport/ip-packet'
import type { SimulatedNetwork } from './network/network.ts'
import type { Cable } from './network/segment.ts'
import { PcapngWriter } from './pcapng.ts'

/** What a cable carries, as it is written down. */
export interface Capture {
  /** Returns what was carried until now as a pcapng file. */
  bytes(): Uint8Array
  /** Ends the capture. */
  stop(): void
}

/** 2025-09-23, when every simulated world begins. */
const CALENDAR = 1_758_585_600_000

/**
 * Writes down everything that is put into these cables, each of which becomes an interface of that name in the file:
 * `captureOf(network, { laptop: laptop.cable })`.
 */
export function captureOf(network: SimulatedNetwork, cables: Readonly<Record<string, Cable>>): Capture {
  const writer = new PcapngWriter()
  for (const [name, cable] of Object.entries(cables)) {
    const number = writer.addInterface(name)
    network.tap(cable, ({ source, destination, ecn, payload }) =>
      writer.write({
        at: Math.round((CALENDAR + network.now) * 1000),
        interface: number,
        bytes: makeUdpPacket({
          source: source.ip,
          destination: destination.ip,
          sourcePort: source.port,
          destinationPort: destination.port,
          ecn,
          payload,
        }),
      }),
    )
  }
  return {
    bytes: () => writer.bytes(),
    stop: () => {
      for (const cable of Object.values(cables)) network.tap(cable, undefined)
    },
  }
}
