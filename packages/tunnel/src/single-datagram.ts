import { type Datagram, PacketBuffer } from '@sallyport/sans-io'

/** Buffers for a single datagram and the packets in it: the way from `handleInput` to the packet path. */
export class SingleDatagram {
  #buffers: { readonly datagrams: PacketBuffer; readonly packets: PacketBuffer } | undefined

  /** Puts a copy of `datagram` into otherwise empty buffers. One that is longer than any of ours stays out. */
  load(datagram: Datagram): { readonly datagrams: PacketBuffer; readonly packets: PacketBuffer } {
    const buffers = (this.#buffers ??= { datagrams: PacketBuffer.alone(LAYOUT), packets: PacketBuffer.alone(LAYOUT) })
    const { datagrams, packets } = buffers
    datagrams.clear()
    packets.clear()
    if (datagram.payload.length > datagrams.room) return buffers
    const index = datagrams.appendCopy(datagram.payload)
    datagrams.local[index] = datagram.local
    datagrams.remote[index] = datagram.remote
    return buffers
  }
}

const LAYOUT = { capacity: 4, stride: 2048, headroom: 128 } as const
