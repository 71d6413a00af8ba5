import type { SocketAddress } from './address.ts'

/** A UDP datagram that arrived. */
export interface Datagram {
  /** The address of ours that it was sent to: an interface's address, never the wildcard. */
  readonly local: SocketAddress
  /** Who sent it; of the same family as `local`. */
  readonly remote: SocketAddress
  /** Borrowed until the call that carries it returns. */
  readonly payload: Uint8Array
}

/** A UDP datagram to send. */
export interface Transmit {
  /** The address of ours that it must leave from; `undefined` leaves the choice to the operating system. */
  readonly local: SocketAddress | undefined
  readonly remote: SocketAddress
  /** Belongs to whoever holds the transmit. */
  readonly payload: Uint8Array
}
