import { MAX_PACKET_LENGTH, PacketHeader } from '@sallyport/ip-packet'
import type { TunnelAddresses } from '@sallyport/portal-protocol'
import type { IpFamily, PacketBuffer } from '@sallyport/sans-io'
import { equalAt } from '../equal-at.ts'
import { isInRange, TUNNEL_RANGE } from '../ranges.ts'
import { packetLength } from '../train.ts'
import type { ClientPeer } from './client-peer.ts'
import type { ClientPeers } from './client-peers.ts'
import type { GatewayCounters } from './counters.ts'

/** Decides which packets pass between clients and the private network, once per train. */
export class Gate {
  readonly #peers: ClientPeers
  readonly #counters: GatewayCounters
  readonly #header = new PacketHeader()
  /** The gateway's own tunnel addresses, which every client may reach; `undefined` until the portal has given some. */
  own: TunnelAddresses | undefined

  constructor(peers: ClientPeers, counters: GatewayCounters) {
    this.#peers = peers
    this.#counters = counters
  }

  /** Returns the connected client that train `index` from the TUN device goes to; `undefined`: dropped, and counted. */
  clientOf(trains: PacketBuffer, index: number): ClientPeer | undefined {
    const counters = this.#counters
    const header = this.#header
    const { bytes } = trains.arena
    if (header.parse(bytes, trains.offset[index]!, trains.length[index]!) !== undefined) {
      counters.malformedOut++
      return undefined
    }
    if (packetLength(header, trains.segmentSize[index]!) > MAX_PACKET_LENGTH) {
      counters.tooLongOut++
      return undefined
    }
    const family = header.version === 4 ? 4 : 6
    const peer = this.#peers.byAddress(bytes, header.destinationOffset, family)
    if (peer === undefined) {
      counters.unknownPeerOut++
      return undefined
    }
    const isAllowed =
      this.#isOwn(bytes, header.sourceOffset, family) ||
      header.isIcmpError || // says what became of a packet that was allowed
      peer.permits(header, bytes, header.sourceOffset, header.sourcePort)
    if (!isAllowed) {
      counters.filteredOut++
      return undefined
    }
    if (peer.handle >= 0) return peer
    counters.notConnectedOut++
    return undefined
  }

  /**
   * Returns whether a client's train, whose headers have been read, goes on to the TUN device.
   *
   * @param segments - How many packets it has: to be counted if not.
   */
  admits(peer: ClientPeer, header: PacketHeader, bytes: Uint8Array, segments: number): boolean {
    const family = header.version === 4 ? 4 : 6
    const source = family === 4 ? peer.addresses.ipv4 : peer.addresses.ipv6
    if (!equalAt(source.bytes, bytes, header.sourceOffset)) {
      this.#counters.foreignSourceIn += segments
      return false
    }
    const destination = header.destinationOffset
    const isAllowed =
      this.#isOwn(bytes, destination, family) ||
      // No network that a resource may have gives access to other clients.
      (!isInRange(TUNNEL_RANGE, bytes, destination, family) &&
        peer.permits(header, bytes, destination, header.destinationPort))
    if (!isAllowed) this.#counters.filteredIn += segments
    return isAllowed
  }

  #isOwn(bytes: Uint8Array, offset: number, family: IpFamily): boolean {
    const own = family === 4 ? this.own?.ipv4 : this.own?.ipv6
    return own !== undefined && equalAt(own.bytes, bytes, offset)
  }
}
