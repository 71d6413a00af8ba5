import { makeTcpPacket, makeUdpPacket, TCP_SYN } from '@sallyport/ip-packet'
import {
  type ClientResource,
  type Key,
  keyOf,
  type ResourceId,
  type SiteId,
  type UnixSeconds,
} from '@sallyport/portal-protocol'
import { type DataPlane, type Instant, IpAddress, PacketBuffer } from '@sallyport/sans-io'

export const at = (milliseconds: number): Instant => milliseconds as Instant
export const ip = (text: string): IpAddress => IpAddress.of(text)
export const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
export const unixSeconds = (n: number): UnixSeconds => n as UnixSeconds
export const key = (n: number): Key => keyOf(new Uint8Array(32).fill(n))
export const siteId = uuid(0x51) as SiteId

export function cidr(id: number, address: string, change: Partial<ClientResource> = {}): ClientResource {
  return {
    type: 'cidr',
    id: uuid(id) as ResourceId,
    name: `Resource ${id}`,
    address,
    address_description: null,
    gateway_groups: [{ id: siteId, name: 'Berlin' }],
    ...change,
  } as ClientResource
}

export const udp = (source: string, destination: string, destinationPort = 53, payload = 'x'): Uint8Array =>
  makeUdpPacket({
    source: ip(source),
    destination: ip(destination),
    sourcePort: 40_000,
    destinationPort,
    payload: Uint8Array.from(payload, c => c.charCodeAt(0)),
  })

export const syn = (source: string, destination: string, sequence = 1, timestamp = 0): Uint8Array =>
  makeTcpPacket({
    source: ip(source),
    destination: ip(destination),
    sourcePort: 40_000,
    destinationPort: 443,
    sequence,
    flags: TCP_SYN,
    options: Uint8Array.of(8, 10, 0, 0, 0, timestamp, 0, 0, 0, 0, 1, 1),
  })

/** Sends packets as if they had been read from the TUN device. Returns the datagrams that left. */
export function send(machine: DataPlane, packets: readonly Uint8Array[], now: Instant, segmentSize = 0): Uint8Array[] {
  const trains = PacketBuffer.alone({ capacity: packets.length, stride: 66_000, headroom: 128 })
  const datagrams = PacketBuffer.alone({ capacity: 256, stride: 2048, headroom: 128 })
  for (const packet of packets) trains.segmentSize[trains.appendCopy(packet)] = segmentSize
  machine.sendTrains(trains, datagrams, now)
  return Array.from({ length: datagrams.count }, (_, i) => datagrams.bytesOf(i).slice())
}

/** Receives packets as if the connection with `handle` had carried them. Returns those for the TUN device. */
export function receive(
  machine: DataPlane,
  handle: number,
  packets: readonly Uint8Array[],
  now: Instant,
  ecn = 0,
): Uint8Array[] {
  const layout = { capacity: Math.max(1, packets.length), stride: 2048, headroom: 128 }
  const datagrams = PacketBuffer.alone(layout)
  const out = PacketBuffer.alone(layout)
  for (const packet of packets) datagrams.ecn[datagrams.appendCopy(Uint8Array.of(handle, ...packet))] = ecn
  machine.receiveDatagrams(datagrams, out, now)
  const passed: Uint8Array[] = []
  for (let i = 0; i < out.count; i++) {
    for (let k = 0; k < out.segments[i]!; k++) passed.push(out.bytesOf(i + k).slice())
  }
  return passed
}

/** Takes all events. */
export function drain<Event>(machine: { pollEvent(): Event | undefined }): Event[] {
  const events: Event[] = []
  for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) events.push(event)
  return events
}
