import type { PacketBuffer, SocketAddress } from '@sallyport/sans-io'
import {
  CHANNEL_DATA_HEADER_LENGTH,
  channelDataNumber,
  channelDataPayloadLength,
  writeChannelDataHeader,
} from '@sallyport/stun'
import { type Allocation, type Channel, relayedAddress } from './allocation.ts'
import type { AllocationTable } from './allocation-table.ts'

/** What has passed, and what hasn't. Plain numbers that only grow. */
export interface ForwardingStats {
  /** Payload bytes relayed, in both directions. */
  relayedBytes: number
  /** Datagrams relayed, in both directions. */
  relayedDatagrams: number
  /** Datagrams that belong to no channel, or that found no room in the batch. */
  droppedDatagrams: number
}

/** {@link PacketBuffer.peer} of a datagram that leaves from the listening socket; otherwise it is a relayed port. */
export const LISTENING_SOCKET = -1

/**
 * The data path of the server (RFC 8656 §12.5 to §12.7): decides for each datagram where it goes, and with which bytes.
 *
 * A verdict describes bytes where they lie: ChannelData leaves without its first four bytes, a peer's datagram with four
 * bytes in front. Nothing is copied, and nothing is looked at behind those four bytes.
 */
export class Forwarding {
  readonly #table: AllocationTable
  readonly #stats: ForwardingStats

  constructor(table: AllocationTable, stats: ForwardingStats) {
    this.#table = table
    this.#stats = stats
  }

  /** Returns the allocation of `client`: to be asked once for a run of datagrams. */
  allocationOf(client: SocketAddress): Allocation | undefined {
    return this.#table.of(client)
  }

  /** Forwards one ChannelData message from a client to the channel's peer. */
  fromClient(
    allocation: Allocation | undefined,
    datagrams: PacketBuffer,
    offset: number,
    length: number,
    out: PacketBuffer,
  ): void {
    const { bytes } = datagrams.arena
    const payloadLength = channelDataPayloadLength(bytes, offset, length)
    const channel = payloadLength < 0 ? undefined : allocation?.channels.get(channelDataNumber(bytes, offset))
    if (channel === undefined || !channel.isBound || out.free === 0) {
      this.#stats.droppedDatagrams++
      return
    }
    const payload = offset + CHANNEL_DATA_HEADER_LENGTH
    const other = channel.isLocal ? this.#localReceiver(channel) : undefined
    if (other !== undefined) {
      this.#toClient(other, payload, payloadLength, out)
      return
    }
    const index = out.append(payload, payloadLength)
    out.remote[index] = channel.peer
    out.peer[index] = channel.allocation.port
    this.#count(payloadLength)
  }

  /** Forwards one datagram that `peer` has sent to the relayed port `port`. */
  fromPeer(port: number, peer: SocketAddress, offset: number, length: number, out: PacketBuffer): void {
    const channel = this.#table.withPort(port)?.channelsByPeer.get(peer.key)
    if (channel === undefined || !channel.isBound || out.free === 0) this.#stats.droppedDatagrams++
    else this.#toClient(channel, offset, length, out)
  }

  #toClient({ allocation, number }: Channel, payload: number, length: number, out: PacketBuffer): void {
    // the four bytes in front of the payload may still belong to its predecessor: the header lies in the slot of its own
    const index = out.append(payload, length)
    const header = out.slot(index)
    writeChannelDataHeader(out.arena.bytes, header, number, length)
    out.headerOffset[index] = header
    out.headerLength[index] = CHANNEL_DATA_HEADER_LENGTH
    out.local[index] = allocation.local
    out.remote[index] = allocation.client
    out.peer[index] = LISTENING_SOCKET
    this.#count(length)
  }

  /**
   * Returns the channel that a datagram would come back in by if it left for a relayed port of this very server: both
   * ends are behind NATs that only let the relay through. That spares it the way, which many clouds don't offer.
   */
  #localReceiver({ allocation, peer }: Channel): Channel | undefined {
    const from = relayedAddress(allocation, peer.family)
    const other = from && this.#table.withPort(peer.port)?.channelsByPeer.get(from.key)
    return other?.isBound ? other : undefined
  }

  #count(length: number): void {
    this.#stats.relayedBytes += length
    this.#stats.relayedDatagrams++
  }
}
