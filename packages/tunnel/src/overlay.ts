import type { Brand, Datagram, Instant, PacketBuffer, SansIo, SocketAddress, Transmit } from '@sallyport/sans-io'

/** Identifies a connection: the id of the client or gateway at its far end. */
export type ConnectionId = Brand<string, 'ConnectionId'>

/** A relay that connections may go through. */
export interface OverlayRelay {
  readonly id: Brand<string, 'RelayId'>
  readonly v4: SocketAddress | undefined
  readonly v6: SocketAddress | undefined
  readonly username: string
  readonly password: string
  readonly realm: string
}

/** One side's credentials of an ICE session (RFC 8445 §5.3). */
export interface OverlayCredentials {
  readonly ufrag: string
  readonly password: string
}

/** What a connection is made from. */
export interface OverlayPeer {
  readonly peerPublicKey: Uint8Array
  readonly presharedKey: Uint8Array
  readonly localCredentials: OverlayCredentials
  readonly remoteCredentials: OverlayCredentials
}

/** What happens to connections. */
export type OverlayEvent =
  | {
      readonly type: 'candidate-added' | 'candidate-removed'
      readonly connection: ConnectionId
      readonly candidate: string
    }
  | {
      readonly type: 'connection-established' | 'connection-failed' | 'connection-closed'
      readonly connection: ConnectionId
    }

/**
 * What the tunnels ask of the layer below: encrypted connections to peers. The `Node` of `@sallyport/snownet` is one.
 *
 * A *handle* is a small integer that stands for a connection on the packet path, from when it is made until it is gone.
 */
export interface Overlay extends SansIo<Datagram, Transmit, OverlayEvent> {
  /** Our public key, which the portal tells to peers. Changes with {@link reset}. */
  readonly publicKey: Uint8Array
  /** Replaces relays: forgets those in `remove`, then uses those in `add`. */
  updateRelays(remove: ReadonlySet<Brand<string, 'RelayId'>>, add: readonly OverlayRelay[], now: Instant): void
  /** Makes a connection, or keeps the one that was made from the same. Throws when no relay is known. */
  upsertConnection(id: ConnectionId, peer: OverlayPeer, now: Instant): void
  /** Learns a candidate of the peer, as SDP text. One that doesn't parse is ignored. */
  addRemoteCandidate(id: ConnectionId, candidate: string, now: Instant): void
  /** Forgets a candidate that the peer has taken back. */
  removeRemoteCandidate(id: ConnectionId, candidate: string, now: Instant): void
  /** Forgets a connection; nothing is sent and no event follows. */
  removeConnection(id: ConnectionId): void
  /** Forgets a connection after sending `goodbye` through it, if it is established. */
  closeConnection(id: ConnectionId, goodbye: Uint8Array, now: Instant): void
  /** {@link closeConnection} for all of them. */
  closeAll(goodbye: Uint8Array, now: Instant): void
  /** Starts over with a new key: everything is forgotten. */
  reset(now: Instant): void
  /** Returns the handle of a connection, or -1. */
  handleOf(id: ConnectionId): number
  /** Encrypts the packets of train `index` and appends them to `datagrams`, or keeps them while connecting. */
  encapsulate(handle: number, trains: PacketBuffer, index: number, datagrams: PacketBuffer, now: Instant): void
  /** Encrypts a single packet: it comes out of `pollTransmit`. */
  sendPacket(id: ConnectionId, packet: Uint8Array, now: Instant): void
  /** Appends the packets that `datagrams` carried to `packets`, each with its connection's handle as `peer`. */
  decapsulate(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void
}

/** Whether an error of {@link Overlay.upsertConnection} says that there is no relay to connect through. */
export const isNoRelayError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'SNOWNET_NO_RELAY'
