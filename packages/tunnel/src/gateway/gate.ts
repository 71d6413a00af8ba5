import { MAX_PACKET_LENGTH, PacketHeader } from '@sallyport/ip-packet'
import type { TunnelAddresses } from '@sallyport/portal-protocol'
import { CHECKSUM_PENDING, type Instant, type IpFamily, type PacketBuffer } from '@sallyport/sans-io'
import { equalAt } from '../equal-at.ts'
import { isInRange, PROXY_RANGE, TUNNEL_RANGE } from '../ranges.ts'
import { packetLength } from '../train.ts'
import type { ClientPeer } from './client-peer.ts'
import type { ClientPeers } from './client-peers.ts'
import type { GatewayCounters } from './counters.ts'
import { EXPIRED, NOT_TRANSLATED } from './nat.ts'
import { translateIcmpError } from './translate-icmp-error.ts'

/** What becomes of a client's train. */
export type Admission = 'admitted' | 'administratively-prohibited' | 'no-route'

/** Decides which packets pass between clients and the private network, once per train. */
export class Gate {
  readonly #peers: ClientPeers
  readonly #counters: GatewayCounters
  readonly #header = new PacketHeader()
  /** The gateway's own tunnel addresses, which every client may reach; `undefined` until the portal has given some. */
  own: TunnelAddresses | undefined
  /** What goes to the client instead of the train that {@link clientOf} was asked about last, if anything does. */
  replacement: Uint8Array | undefined

  constructor(peers: ClientPeers, counters: GatewayCounters) {
    this.#peers = peers
    this.#counters = counters
  }

  /**
   * Returns the connected client that train `index` from the TUN device goes to; `undefined`: dropped, and counted.
   *
   * A train from an address that a name has then comes from the one that the client uses for it.
   */
  clientOf(trains: PacketBuffer, index: number, now: Instant): ClientPeer | undefined {
    this.replacement = undefined
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
    if (!this.#isOwn(bytes, header.sourceOffset, family) && !this.#passesOut(peer, trains, index, now)) return undefined
    if (peer.handle >= 0) return peer
    counters.notConnectedOut++
    return undefined
  }

  /** Translates what belongs to a name; the rest is for filters alone. */
  #passesOut(peer: ClientPeer, trains: PacketBuffer, index: number, now: Instant): boolean {
    const header = this.#header
    const { bytes } = trains.arena
    if (header.isIcmpError) {
      // An error says what became of a packet that was allowed, hence no filter.
      const translated = translateIcmpError(peer.nat, bytes, header, peer.addresses, now)
      if (translated === 'expired') this.#counters.expiredOut++
      else this.replacement = translated
      return translated !== 'expired'
    }
    const verdict = peer.nat.incoming(bytes, header, now)
    if (verdict === EXPIRED) {
      this.#counters.expiredOut++
      return false
    }
    const session = verdict === NOT_TRANSLATED ? undefined : peer.nat.found!
    const isAllowed =
      session === undefined
        ? peer.permits(header, bytes, header.sourceOffset, header.sourcePort)
        : peer.permitsName(session.proxy, header, header.sourcePort)
    if (!isAllowed) {
      this.#counters.filteredOut++
      return false
    }
    if (session !== undefined) {
      // Trains that are yet to be cut have their checksums computed then.
      const isPending = trains.segmentSize[index]! > 0 || (trains.flags[index]! & CHECKSUM_PENDING) !== 0
      peer.nat.rewriteIncoming(session, bytes, header, isPending)
    }
    return true
  }

  /**
   * Returns whether a client's train, headed by packet `index` whose headers have been read, goes on to the TUN device.
   *
   * What goes to an address that stands for a name then goes to one that the name has.
   */
  admit(peer: ClientPeer, header: PacketHeader, packets: PacketBuffer, index: number, now: Instant): Admission {
    const { bytes } = packets.arena
    const segments = packets.segments[index]!
    const family = header.version === 4 ? 4 : 6
    const source = family === 4 ? peer.addresses.ipv4 : peer.addresses.ipv6
    if (!equalAt(source.bytes, bytes, header.sourceOffset)) {
      this.#counters.foreignSourceIn += segments
      return 'administratively-prohibited'
    }
    const destination = header.destinationOffset
    if (isInRange(PROXY_RANGE, bytes, destination, family)) return this.#admitToName(peer, header, packets, index, now)
    const isAllowed =
      this.#isOwn(bytes, destination, family) ||
      // No network that a resource may have gives access to other clients.
      (!isInRange(TUNNEL_RANGE, bytes, destination, family) &&
        peer.permits(header, bytes, destination, header.destinationPort))
    if (isAllowed) return 'admitted'
    this.#counters.filteredIn += segments
    return 'administratively-prohibited'
  }

  #admitToName(peer: ClientPeer, header: PacketHeader, packets: PacketBuffer, index: number, now: Instant): Admission {
    const { bytes } = packets.arena
    const segments = packets.segments[index]!
    const proxy = peer.nat.proxyOf(bytes, header.destinationOffset, header.version === 4 ? 4 : 6)
    if (proxy === undefined || !peer.permitsName(proxy, header, header.destinationPort)) {
      this.#counters.filteredIn += segments
      return 'administratively-prohibited'
    }
    const session = peer.nat.outgoing(proxy, header, now)
    if (session === undefined) {
      this.#counters.untranslatableIn += segments
      return 'no-route'
    }
    peer.nat.rewriteOutgoing(session, bytes, header)
    for (let i = index + 1; i < index + segments; i++) {
      // Packets of one train have equal headers, each at its own place.
      this.#header.parse(bytes, packets.offset[i]!, packets.length[i]!)
      peer.nat.rewriteOutgoing(session, bytes, this.#header)
    }
    return 'admitted'
  }

  #isOwn(bytes: Uint8Array, offset: number, family: IpFamily): boolean {
    const own = family === 4 ? this.own?.ipv4 : this.own?.ipv6
    return own !== undefined && equalAt(own.bytes, bytes, offset)
  }
}
