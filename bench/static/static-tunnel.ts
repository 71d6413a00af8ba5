import { wasmChecksum } from '@sallyport/io-node'
import { TrainCutter, TrainJoiner } from '@sallyport/ip-packet'
import type {
  Crypto,
  Datagram,
  DataPlane,
  Instant,
  PacketBuffer,
  Random,
  SansIo,
  SocketAddress,
  Transmit,
} from '@sallyport/sans-io'
import {
  type CalendarAnchor,
  DATA_HEADER_LENGTH,
  DATA_OVERHEAD,
  MESSAGE_DATA,
  messageTypeOf,
  RateLimiter,
  staticKeyPair,
  Tunnel,
  type TunnelEvent,
} from '@sallyport/wireguard'

/** How to make a {@link StaticTunnel}. */
export interface StaticTunnelOptions {
  readonly crypto: Crypto
  readonly random: Random
  readonly calendar: CalendarAnchor
  readonly privateKey: Uint8Array
  readonly peerPublicKey: Uint8Array
  readonly presharedKey?: Uint8Array
  /** Where the peer is; it never moves. */
  readonly remote: SocketAddress
  /** How many handshake messages a second are heard without a cookie; see `RateLimiterOptions.limit`. */
  readonly handshakeLimit?: number
}

/**
 * WireGuard with one peer at a fixed address: the packet path of a tunnel without everything around it.
 *
 * What a whole client and gateway cost on top of it is what the benchmarks compare.
 */
export class StaticTunnel implements SansIo<Datagram, Transmit, TunnelEvent>, DataPlane {
  readonly #tunnel: Tunnel
  readonly #remote: SocketAddress
  readonly #cutter = new TrainCutter({ checksum: wasmChecksum })
  readonly #joiner: TrainJoiner

  constructor(options: StaticTunnelOptions, takesUdpTrains: boolean, now: Instant) {
    const { crypto, random, calendar, peerPublicKey, presharedKey } = options
    const identity = staticKeyPair(crypto, options.privateKey)
    const limit = options.handshakeLimit === undefined ? {} : { limit: options.handshakeLimit }
    const rateLimiter = new RateLimiter({ crypto, random, publicKey: identity.publicKey, ...limit }, now)
    const tunnel = { crypto, random, identity, peerPublicKey, localIndex: 1, rateLimiter, calendar }
    this.#tunnel = new Tunnel(presharedKey ? { ...tunnel, presharedKey } : tunnel, now)
    this.#remote = options.remote
    this.#joiner = new TrainJoiner({ udp: takesUdpTrains })
  }

  handleInput({ remote, payload }: Datagram, now: Instant): boolean {
    return this.#tunnel.handleHandshake(payload, remote.ip, now) === undefined
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    const cutter = this.#cutter
    for (let i = 0; i < trains.count; i++) {
      const { arena, offset, length, segmentSize, flags } = trains
      if (cutter.begin(arena, offset[i]!, length[i]!, segmentSize[i]!, flags[i]!) !== undefined) continue
      while (datagrams.free > 0 && cutter.next()) {
        const into = datagrams.slot(datagrams.count)
        const sealed = this.#tunnel.seal(arena, cutter.segmentOffset, cutter.segmentLength, into, now)
        if (sealed === 0) break // no session yet: what is lost is sent again by those who care
        const index = datagrams.append(into - DATA_HEADER_LENGTH, sealed)
        datagrams.remote[index] = this.#remote
        datagrams.ecn[index] = cutter.header.ecn
      }
    }
  }

  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    const { arena } = datagrams
    for (let i = 0; i < datagrams.count; i++) {
      const end = datagrams.offset[i]! + datagrams.length[i]!
      const size = datagrams.segmentSize[i]! || datagrams.length[i]!
      for (let at = datagrams.offset[i]!; at < end; at += size) {
        const length = Math.min(size, end - at)
        if (messageTypeOf(arena.bytes, at, length) !== MESSAGE_DATA) {
          this.#tunnel.handleHandshake(arena.bytes.subarray(at, at + length), datagrams.remote[i]!.ip, now)
          continue
        }
        if (packets.free === 0 || length - DATA_OVERHEAD > packets.room) continue
        const into = packets.slot(packets.count)
        const opened = this.#tunnel.open(arena, at, length, into, now)
        if (opened > 0) packets.append(into, opened)
      }
    }
    this.#joiner.join(packets, 0, packets.count)
  }

  handleTimeout(now: Instant): void {
    this.#tunnel.handleTimeout(now)
  }

  pollTransmit(): Transmit | undefined {
    const payload = this.#tunnel.pollTransmit()
    return payload && { local: undefined, remote: this.#remote, payload }
  }

  pollEvent(): TunnelEvent | undefined {
    return this.#tunnel.pollEvent()
  }

  pollTimeout(): Instant | undefined {
    return this.#tunnel.pollTimeout()
  }
}
