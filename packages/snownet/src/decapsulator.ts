import { mergeEcn } from '@sallyport/ip-packet'
import type { Instant, PacketBuffer, SocketAddress } from '@sallyport/sans-io'
import { CHANNEL_DATA_HEADER_LENGTH, channelDataNumber, channelDataPayloadLength } from '@sallyport/stun'
import { DATA_HEADER_LENGTH, DATA_OVERHEAD, MESSAGE_DATA, receiverIndexOf } from '@sallyport/wireguard'
import type { Connection } from './connection.ts'
import { CHANNEL_DATA, classify, NOT_OURS, STUN, WIREGUARD_DATA, WIREGUARD_HANDSHAKE } from './demultiplex.ts'
import type { Relay } from './relay-pool.ts'

/** Who knows where datagrams belong, and takes those that are not packets. */
export interface Reception {
  /** Returns the relay at that address, by its key. */
  relayAt(address: string): Relay | undefined
  /** Returns the connection whose WireGuard indices begin with these 24 bits. */
  connectionWithIndex(index: number): Connection | undefined
  /** Takes a STUN message. `relay`: the one that it is from, or that it came through. */
  handleStun(relay: Relay | undefined, local: SocketAddress, remote: SocketAddress, message: Uint8Array): void
  /** Takes a WireGuard handshake message. `relay`: the one that it came through. */
  handleHandshake(relay: Relay | undefined, local: SocketAddress, remote: SocketAddress, message: Uint8Array): void
  /** Notes that the packet path has used `connection`. */
  touch(connection: Connection): void
  /** Counts a datagram that is of no use to anybody. */
  drop(): void
}

/**
 * What one call works on: from where to where, and the ECN bits of the datagrams at hand. The time is an argument instead:
 * a fraction that is read from a field costs an object on the heap each time.
 */
interface Batch {
  datagrams: PacketBuffer
  packets: PacketBuffer
  ecn: number
}

/**
 * The way in of the packet path: tells datagrams apart, takes off what relays have put around them, and opens packets.
 *
 * ```
 * received:  [ datagram 0 | datagram 1 | … ]   one entry: all of one sender, `segmentSize` apart
 *                │ from a relay: STUN → its allocation;  ChannelData → what is inside, from the peer behind the channel
 *                ├ STUN → ICE
 *                ├ WireGuard 1–3 → handshakes
 *                └ WireGuard 4 → opened into a slot of `packets`
 * ```
 */
export class Decapsulator {
  readonly #reception: Reception
  /** Made by the first call and reused: the packet path allocates nothing. */
  #batch: Batch | undefined

  constructor(reception: Reception) {
    this.#reception = reception
  }

  /** Appends what the datagrams hold to `packets`, with `peer` set to the connection's number. Bytes are used up. */
  decapsulate(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    this.#batch ??= { datagrams, packets, ecn: 0 }
    const batch = this.#batch
    batch.datagrams = datagrams
    batch.packets = packets
    for (let i = 0; i < datagrams.count; i++) {
      const local = datagrams.local[i]
      const remote = datagrams.remote[i]
      if (local === undefined || remote === undefined) {
        this.#reception.drop()
        continue
      }
      batch.ecn = datagrams.ecn[i]!
      const relay = this.#reception.relayAt(remote.key)
      const end = datagrams.offset[i]! + datagrams.length[i]!
      const size = datagrams.segmentSize[i]! || datagrams.length[i]!
      let at = datagrams.offset[i]!
      do {
        const length = Math.min(size, end - at)
        if (relay === undefined) this.#fromPeer(batch, undefined, local, remote, at, length, now)
        else this.#fromRelay(batch, relay, local, remote, at, length, now)
        at += size
      } while (at < end)
    }
  }

  #fromRelay(
    batch: Batch,
    relay: Relay,
    local: SocketAddress,
    remote: SocketAddress,
    at: number,
    length: number,
    now: Instant,
  ): void {
    const { bytes } = batch.datagrams.arena
    if (classify(bytes, at, length) !== CHANNEL_DATA) {
      this.#fromPeer(batch, relay, local, remote, at, length, now)
      return
    }
    const payloadLength = channelDataPayloadLength(bytes, at, length)
    const { allocation } = relay
    const peer = payloadLength < 0 ? undefined : allocation.receiveOn(channelDataNumber(bytes, at), now)
    const ours = peer && allocation.relayedAddress(peer.family)
    if (peer === undefined || ours === undefined) this.#reception.drop()
    else this.#fromPeer(batch, relay, ours, peer, at + CHANNEL_DATA_HEADER_LENGTH, payloadLength, now)
  }

  #fromPeer(
    batch: Batch,
    relay: Relay | undefined,
    local: SocketAddress,
    remote: SocketAddress,
    at: number,
    length: number,
    now: Instant,
  ): void {
    const { bytes } = batch.datagrams.arena
    switch (classify(bytes, at, length)) {
      case WIREGUARD_DATA:
        this.#open(batch, at, length, now)
        break
      case STUN:
        this.#reception.handleStun(relay, local, remote, bytes.subarray(at, at + length))
        break
      case WIREGUARD_HANDSHAKE:
        this.#reception.handleHandshake(relay, local, remote, bytes.subarray(at, at + length))
        break
      case CHANNEL_DATA: // from somebody who is no relay of ours
      case NOT_OURS:
        this.#reception.drop()
    }
  }

  #open({ datagrams, packets, ecn }: Batch, at: number, length: number, now: Instant): void {
    const receiver = receiverIndexOf(datagrams.arena.bytes, at, MESSAGE_DATA)
    const connection = this.#reception.connectionWithIndex(receiver >>> 8)
    const fits = packets.free > 0 && length - DATA_OVERHEAD <= packets.room
    if (connection === undefined || !fits) {
      this.#reception.drop()
      return
    }
    const isShared = datagrams.arena === packets.arena
    const slot = packets.slot(packets.count)
    const into = isShared ? slot : at + DATA_HEADER_LENGTH
    const opened = connection.tunnel.open(datagrams.arena, at, length, into, now)
    if (opened < 0) {
      this.#reception.drop()
      return
    }
    this.#reception.touch(connection)
    if (opened === 0) return // a keepalive: proves that the peer is there, but is no use of the connection
    connection.noteActivity(now)
    if (!isShared) packets.arena.bytes.set(datagrams.arena.bytes.subarray(into, into + opened), slot)
    const packet = packets.append(slot, opened)
    packets.peer[packet] = connection.handle
    packets.ecn[packet] = ecn
    mergeEcn(packets.arena.bytes, slot, ecn)
  }
}
