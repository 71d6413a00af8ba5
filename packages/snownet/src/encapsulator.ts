import { type ChecksumKernel, TrainCutter } from '@sallyport/ip-packet'
import type { Instant, PacketBuffer, SocketAddress } from '@sallyport/sans-io'
import { CIPHER_SCRATCH_AFTER, copyBytes } from '@sallyport/sans-io'
import { CHANNEL_DATA_HEADER_LENGTH, writeChannelDataHeader } from '@sallyport/stun'
import { DATA_HEADER_LENGTH } from '@sallyport/wireguard'
import type { Connection } from './connection.ts'
import type { PeerSocket } from './peer-socket.ts'
import type { RelayPool } from './relay-pool.ts'

/** What is called when packets of a train are not sent. */
export type Dropped = (packets: number) => void

/**
 * The way out of the packet path: a train is cut into packets, each is sealed into a slot of its own and addressed.
 *
 * ```
 * slot        headroom                           room
 *  ├ … ┼ ChannelData 4 ┼ WireGuard 16 ┼ ciphertext ┼ tag 16 ┤
 *      └ only through our relay       └ slot(i)
 * ```
 */
export class Encapsulator {
  readonly #cutter: TrainCutter
  readonly #relays: () => RelayPool
  readonly #drop: Dropped
  /** Where the train at hand goes. Fields rather than results, because the packet path allocates nothing. */
  #local: SocketAddress | undefined
  #remote: SocketAddress | undefined
  #channel = 0

  constructor(relays: () => RelayPool, drop: Dropped, checksum: ChecksumKernel | undefined) {
    this.#cutter = new TrainCutter(checksum === undefined ? {} : { checksum })
    this.#relays = relays
    this.#drop = drop
  }

  /** Appends the datagrams for train `index` to `datagrams`. The train is used up. */
  encapsulate(
    connection: Connection,
    trains: PacketBuffer,
    index: number,
    datagrams: PacketBuffer,
    now: Instant,
  ): void {
    const cutter = this.#cutter
    const { arena } = trains
    const state = connection.state
    const hasPath = state.type === 'connected' || state.type === 'idle'
    if (hasPath && !this.#address(connection, state.socket, now)) {
      this.#drop(1)
      return
    }
    const defect = cutter.begin(
      arena,
      trains.offset[index]!,
      trains.length[index]!,
      trains.segmentSize[index]!,
      trains.flags[index]!,
    )
    if (defect !== undefined) {
      this.#drop(1)
      return
    }
    if (hasPath) {
      connection.noteActivity(now)
      while (cutter.next()) this.#seal(connection, trains, datagrams, now)
    } else while (cutter.next()) if (!connection.sendPacket(this.#segment(trains), now)) this.#drop(1)
  }

  /** Finds out where datagrams go. Returns false when they can't: there is no channel yet. */
  #address(connection: Connection, socket: PeerSocket, now: Instant): boolean {
    if (!socket.isRelayed) {
      this.#local = socket.local
      this.#remote = socket.remote
      this.#channel = 0
      return true
    }
    const relay = connection.relay
    const server = relay.allocation.activeServer
    const channel = relay.allocation.channelTo(socket.remote, now)
    if (server === undefined || channel === undefined) {
      this.#relays().bindChannel(relay, socket.remote, now)
      return false
    }
    this.#local = undefined
    this.#remote = server
    this.#channel = channel
    return true
  }

  #seal(connection: Connection, trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    const { segmentOffset, segmentLength } = this.#cutter
    if (datagrams.free === 0 || segmentLength + CIPHER_SCRATCH_AFTER > datagrams.room) {
      this.#drop(1)
      return
    }
    const into = datagrams.slot(datagrams.count)
    let from = segmentOffset
    if (trains.arena !== datagrams.arena) {
      // Memory that isn't shared costs a copy: tests and simple hosts.
      datagrams.arena.bytes.set(this.#segment(trains), into)
      from = into
    }
    const length = connection.tunnel.seal(datagrams.arena, from, segmentLength, into, now)
    if (length === 0) {
      if (!connection.tunnel.queuePacket(copyBytes(this.#segment(trains)))) this.#drop(1)
      return
    }
    let start = into - DATA_HEADER_LENGTH
    let total = length
    if (this.#channel !== 0) {
      start -= CHANNEL_DATA_HEADER_LENGTH
      total += CHANNEL_DATA_HEADER_LENGTH
      writeChannelDataHeader(datagrams.arena.bytes, start, this.#channel, length)
    }
    const entry = datagrams.append(start, total)
    datagrams.local[entry] = this.#local
    datagrams.remote[entry] = this.#remote
    datagrams.ecn[entry] = this.#cutter.header.ecn
  }

  #segment(trains: PacketBuffer): Uint8Array {
    const { segmentOffset, segmentLength } = this.#cutter
    return trains.arena.bytes.subarray(segmentOffset, segmentOffset + segmentLength)
  }
}
