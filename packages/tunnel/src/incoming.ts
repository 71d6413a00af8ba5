import { MAX_PACKET_LENGTH, PacketHeader, TrainJoiner } from '@sallyport/ip-packet'
import type { Instant, PacketBuffer } from '@sallyport/sans-io'
import type { Overlay } from './overlay.ts'
import { type ControlFrame, isControl, parseControl } from './p2p-control/frame.ts'

/** Who decides about packets that have come in. */
export interface PacketGuard {
  /** Where packets are counted that are none. */
  readonly counters: { malformedIn: number }
  /** Returns whether the train headed by packet `index`, whose headers have been read, goes on to the TUN device. */
  admits(header: PacketHeader, packets: PacketBuffer, index: number, now: Instant): boolean
  /** Takes a control message from the peer with that handle; `undefined`: it can't be read. Borrowed. */
  handleControl(peer: number, frame: ControlFrame | undefined, now: Instant): void
}

/**
 * The way of packets from the overlay to the TUN device: they are joined to trains, and each train is judged once.
 *
 * That is enough: packets of one train have one peer and equal addresses, ports and protocol.
 */
export class Incoming {
  readonly #node: Overlay
  readonly #guard: PacketGuard
  readonly #joiner: TrainJoiner
  readonly #header = new PacketHeader()

  /** @param joinsUdp - Whether the TUN device takes UDP super-packets. */
  constructor(node: Overlay, guard: PacketGuard, joinsUdp: boolean) {
    this.#node = node
    this.#guard = guard
    this.#joiner = new TrainJoiner({ udp: joinsUdp })
  }

  /** Appends what the datagrams hold to `packets`; those that don't pass have `segments` 0. Bytes are used up. */
  receive(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    const from = packets.count
    this.#node.decapsulate(datagrams, packets, now)
    this.#joiner.join(packets, from, packets.count)
    for (let i = from; i < packets.count; i++)
      if (packets.segments[i] !== 0 && !this.#admits(packets, i, now)) packets.segments[i] = 0
  }

  /** Lets the overlay have what is for itself, such as the answers of relays that are taken leave of; packets are lost. */
  discard(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    const from = packets.count
    this.#node.decapsulate(datagrams, packets, now)
    packets.count = from
  }

  #admits(packets: PacketBuffer, index: number, now: Instant): boolean {
    const header = this.#header
    const { bytes } = packets.arena
    const defect = header.parse(bytes, packets.offset[index]!, packets.length[index]!)
    if (defect !== undefined || header.totalLength > MAX_PACKET_LENGTH) {
      this.#guard.counters.malformedIn++
      return false
    }
    if (!isControl(header, bytes)) return this.#guard.admits(header, packets, index, now)
    this.#guard.handleControl(packets.peer[index]!, parseControl(header, bytes), now)
    return false
  }
}
