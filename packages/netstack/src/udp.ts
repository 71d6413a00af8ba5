import { makeUdpPacket } from '@sallyport/ip-packet'
import { BoundedQueue, type SocketAddress } from '@sallyport/sans-io'

/** A datagram that came for a {@link UdpSocket}. */
export interface UdpDatagram {
  readonly remote: SocketAddress
  /** Belongs to whoever takes it. */
  readonly payload: Uint8Array
}

/** What a {@link UdpSocket} needs of its stack. */
export interface UdpLink {
  /** Sends a packet; answers whether there was room for it. */
  transmit(packet: Uint8Array): boolean
  close(socket: UdpSocket): void
  readonly mtu: number
}

/** A bound UDP socket (RFC 768). What arrives while its queue is full is dropped. */
export class UdpSocket {
  readonly local: SocketAddress
  readonly #link: UdpLink
  readonly #received: BoundedQueue<UdpDatagram>
  #isOpen = true

  /** Made by `NetStack.bindUdp`. */
  constructor(local: SocketAddress, link: UdpLink, queueLength: number) {
    this.local = local
    this.#link = link
    this.#received = new BoundedQueue(queueLength)
  }

  /** The longest payload that {@link send} takes, in bytes. */
  get maxPayload(): number {
    return this.#link.mtu - (this.local.family === 4 ? 28 : 48)
  }

  /** How many datagrams were dropped since nobody took those before them. */
  get dropped(): number {
    return this.#received.dropped
  }

  /**
   * Sends a datagram, whose payload is copied. Returns whether there was room for it.
   *
   * Throws a `RangeError` for a payload above {@link maxPayload} or a remote address of the other family.
   */
  send(payload: Uint8Array, remote: SocketAddress): boolean {
    if (payload.length > this.maxPayload) throw new RangeError(`${payload.length} bytes don't fit in a packet`)
    if (remote.family !== this.local.family) throw new RangeError(`${this.local} can't send to ${remote}`)
    if (!this.#isOpen) return false
    return this.#link.transmit(
      makeUdpPacket({
        source: this.local.ip,
        sourcePort: this.local.port,
        destination: remote.ip,
        destinationPort: remote.port,
        payload,
      }),
    )
  }

  /** Takes the oldest datagram, or `undefined`. */
  receive(): UdpDatagram | undefined {
    return this.#received.shift()
  }

  /** Frees the address. Safe to call twice. */
  close(): void {
    this.#isOpen = false
    this.#link.close(this)
  }

  /** Called by the stack. */
  deliver(datagram: UdpDatagram): boolean {
    return this.#received.push(datagram)
  }
}
