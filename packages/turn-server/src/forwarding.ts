import type { PacketBuffer, Random, SocketAddress } from '@sallyport/sans-io'
import {
  CHANNEL_DATA_HEADER_LENGTH,
  channelDataNumber,
  channelDataPayloadLength,
  writeChannelDataHeader,
} from '@sallyport/stun'
import { type Allocation, type Channel, relayedAddress, type Way } from './allocation.ts'
import type { AllocationTable } from './allocation-table.ts'
import { DataIndications, SendIndication } from './indication.ts'
import { countDrop, type DropReason, type TurnServerStats } from './turn-server-stats.ts'

/** {@link PacketBuffer.peer} of a datagram that leaves from the listening socket; otherwise it is a relayed port. */
export const LISTENING_SOCKET = -1

/**
 * The data path of the server (RFC 8656 §11, §12.5 to §12.7): decides for each datagram where it goes, and with which
 * bytes.
 *
 * A verdict describes bytes where they lie: ChannelData and Send indications leave without what is around their payload,
 * a peer's datagram with a header in front. Nothing is copied, and payloads aren't looked at.
 */
export class Forwarding {
  readonly #table: AllocationTable
  readonly #stats: TurnServerStats
  readonly #sendIndication = new SendIndication()
  readonly #dataIndications: DataIndications

  /** @param stats - What is counted in. */
  constructor(table: AllocationTable, stats: TurnServerStats, random: Random) {
    this.#table = table
    this.#stats = stats
    this.#dataIndications = new DataIndications(random)
  }

  /** Returns the allocation of `client`: to be asked once for a run of datagrams. */
  allocationOf(client: SocketAddress): Allocation | undefined {
    return this.#table.of(client)
  }

  /**
   * Forwards one ChannelData message from a client to the channel's peer.
   *
   * @param roomEnd - Up to where bytes behind the payload belong to nobody else.
   */
  channelData(
    allocation: Allocation | undefined,
    datagrams: PacketBuffer,
    offset: number,
    length: number,
    roomEnd: number,
    out: PacketBuffer,
  ): void {
    const { bytes } = datagrams.arena
    const payloadLength = channelDataPayloadLength(bytes, offset, length)
    if (payloadLength < 0) this.#drop('malformed')
    else if (allocation === undefined) this.#drop('no-allocation')
    else {
      const channel = allocation.channels.get(channelDataNumber(bytes, offset))
      if (!channel?.isBound) this.#drop('no-channel')
      else {
        const payload = offset + CHANNEL_DATA_HEADER_LENGTH
        this.#toPeer(allocation, channel.peer, channel.way, payload, payloadLength, roomEnd, out)
      }
    }
  }

  /** Forwards one Send indication from a client to the peer that it names, if that one has permission. As above. */
  sendIndication(
    allocation: Allocation | undefined,
    datagrams: PacketBuffer,
    offset: number,
    length: number,
    roomEnd: number,
    out: PacketBuffer,
  ): void {
    const indication = this.#sendIndication
    if (!indication.read(datagrams.arena, offset, length)) this.#drop('malformed')
    else if (allocation === undefined) this.#drop('no-allocation')
    else {
      const { address, addressLength, port, dataOffset, dataLength } = indication
      const peer = allocation.knownPeers.find(address, addressLength, port)
      const permission = allocation.permissions.get(peer.ip.text)
      if (permission === undefined || port === 0) this.#drop('no-permission')
      else {
        allocation.takesIndications = true
        this.#toPeer(allocation, peer, permission.way, dataOffset, dataLength, roomEnd, out)
      }
    }
  }

  /**
   * Forwards one datagram that `peer` has sent to the relayed port `port`. As above.
   */
  fromPeer(
    port: number,
    peer: SocketAddress,
    offset: number,
    length: number,
    roomEnd: number,
    out: PacketBuffer,
  ): void {
    const allocation = this.#table.withPort(port)
    if (allocation === undefined) this.#drop('no-allocation')
    else this.#toClient(allocation, peer, offset, length, roomEnd, out)
  }

  #toPeer(
    allocation: Allocation,
    peer: SocketAddress,
    way: Way,
    payload: number,
    length: number,
    roomEnd: number,
    out: PacketBuffer,
  ): void {
    if (way !== 'out') {
      // both ends are behind NATs that only let the relay through: spare it the way, which many clouds don't offer
      const other = this.#table.withPort(peer.port)
      const from = relayedAddress(allocation, peer.family)!
      if (other !== undefined && (way === 'within' || admits(other, from))) {
        this.#toClient(other, from, payload, length, roomEnd, out)
        return
      }
      if (way === 'within') {
        this.#drop('no-allocation')
        return
      }
    }
    if (out.free === 0) {
      this.#drop('no-room')
      return
    }
    const index = out.append(payload, length)
    out.remote[index] = peer
    out.peer[index] = allocation.port
    this.#count(length)
  }

  #toClient(
    allocation: Allocation,
    peer: SocketAddress,
    payload: number,
    length: number,
    roomEnd: number,
    out: PacketBuffer,
  ): void {
    const channel = boundChannel(allocation, peer)
    if (channel === undefined && !takesIndicationsFrom(allocation, peer)) {
      this.#drop('no-permission')
      return
    }
    if (out.free === 0) {
      this.#drop('no-room')
      return
    }
    // the bytes in front of the payload may still belong to its predecessor: the header lies in the slot of its own
    const index = out.append(payload, length)
    const header = out.slot(index)
    if (channel !== undefined) {
      writeChannelDataHeader(out.arena.bytes, header, channel.number, length)
      out.headerLength[index] = CHANNEL_DATA_HEADER_LENGTH
    } else {
      out.headerLength[index] = this.#dataIndications.writeHeader(out.arena, header, peer, length)
      out.length[index] = (length + 3) & ~3
      for (let at = payload + length; at < Math.min(roomEnd, payload + out.length[index]!); at++)
        out.arena.bytes[at] = 0
    }
    out.headerOffset[index] = header
    out.local[index] = allocation.local
    out.remote[index] = allocation.client
    out.peer[index] = LISTENING_SOCKET
    this.#count(length)
  }

  #drop(reason: DropReason): void {
    countDrop(this.#stats, reason)
  }

  #count(length: number): void {
    this.#stats.relayedBytes += length
    this.#stats.relayedDatagrams++
  }
}

function boundChannel(allocation: Allocation, peer: SocketAddress): Channel | undefined {
  const channel = allocation.channelsByPeer.get(peer.key)
  return channel?.isBound ? channel : undefined
}

/**
 * Whether a peer without a channel is heard.
 *
 * A channel's peer has permission from all its ports (RFC 8656 §12), but a client that never spoke of permissions is one
 * of Firezone's, which wants to hear of nobody else.
 */
const takesIndicationsFrom = (allocation: Allocation, peer: SocketAddress): boolean =>
  allocation.takesIndications && allocation.permissions.has(peer.ip.text)

const admits = (allocation: Allocation, peer: SocketAddress): boolean =>
  boundChannel(allocation, peer) !== undefined || takesIndicationsFrom(allocation, peer)
