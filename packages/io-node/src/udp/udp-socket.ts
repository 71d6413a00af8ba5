import type { IpAddress, IpFamily, PacketBuffer, Transmit } from '@sallyport/sans-io'

/** What a socket has done since it was opened: plain numbers that a collector may read at any time. */
export interface UdpStatistics {
  /** Datagrams that arrived and were handed over. */
  received: number
  /** Reads that brought them: fewer than datagrams where the kernel joins them (GRO). */
  receiveCalls: number
  /** Datagrams that were skipped because their local address is unknown, they are empty, or a queue was full. */
  receiveDropped: number
  /** Datagrams that the kernel took. */
  sent: number
  /** Calls that sent them: fewer than datagrams where the kernel cuts them (GSO). */
  sendCalls: number
  /** Datagrams that were dropped because the send buffer was full. */
  sendDropped: number
  /** Datagrams that the kernel refused for another reason: no route, too long, not allowed. */
  sendFailed: number
}

/** How to open a {@link UdpSocket}. */
export interface UdpOptions {
  /** The family of addresses; an IPv6 socket never carries IPv4. */
  readonly family: IpFamily
  /** Our port; 0 or left out: one that the kernel chooses. */
  readonly port?: number
  /** Takes a port that the kernel chooses where `port` is in use. */
  readonly orAnyPort?: boolean
  /** Hears and speaks from this address only; left out: from all of this machine's. */
  readonly address?: IpAddress
  /** The firewall mark of what it sends (`SO_MARK`), which keeps datagrams out of our own tunnel. */
  readonly mark?: number
}

/**
 * A UDP socket without blocking: batches of datagrams in and out of {@link PacketBuffer}s.
 *
 * The native one receives and sends many datagrams of a flow with one call (GRO and GSO) and carries ECN both ways; the
 * simple one goes through `node:dgram`. Apart from that they behave alike.
 */
export interface UdpSocket {
  readonly kind: 'native' | 'simple'
  readonly family: IpFamily
  /** Our port. */
  readonly port: number
  readonly statistics: Readonly<UdpStatistics>
  /**
   * Calls `onReadable` whenever datagrams wait; it is called again while some are left. To be called once.
   *
   * With the native socket the callback is for the packet path only: see {@link Later}.
   */
  watch(onReadable: () => void): void
  /**
   * Receives once: appends one entry, which may be several datagrams of one flow back to back.
   *
   * Entries lie behind one another in the buffer's memory, which must have room for one of 64 KiB.
   *
   * @returns whether there may be more: false when nothing waits or the buffer is full.
   */
  receive(into: PacketBuffer): boolean
  /**
   * Sends the entries from `from` to `to - 1`.
   *
   * Neighbours with the same remote and local address, ECN and length (the last may be shorter) leave together. What
   * the kernel doesn't take is dropped and counted. The bytes are only borrowed.
   */
  send(datagrams: PacketBuffer, from?: number, to?: number): void
  /** Sends one datagram of the control plane. The payload is only borrowed. */
  sendOne(transmit: Transmit): void
  /** Closes it. Nothing is called back from then on. */
  close(): void
}

/** Makes statistics that are all zero. */
export const noUdpStatistics = (): UdpStatistics => ({
  received: 0,
  receiveCalls: 0,
  receiveDropped: 0,
  sent: 0,
  sendCalls: 0,
  sendDropped: 0,
  sendFailed: 0,
})

/** How many bytes the kernel should hold for us: at 1 Gbit/s, what arrives in some 100 ms. */
export const RECEIVE_BUFFER_BYTES: number = 16 << 20

/** How many bytes the kernel should hold that we have sent. */
export const SEND_BUFFER_BYTES: number = 16 << 20
