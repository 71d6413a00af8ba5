import type { SocketAddress } from '@sallyport/sans-io'

/**
 * Through which relays a path leads:
 *
 * | kind | we send | the peer receives |
 * |---|---|---|
 * | `peer-to-peer` | directly | directly |
 * | `peer-to-relay` | directly | through its relay |
 * | `relay-to-peer` | through our relay | directly |
 * | `relay-to-relay` | through our relay | through its relay |
 */
export type PathKind = 'peer-to-peer' | 'peer-to-relay' | 'relay-to-peer' | 'relay-to-relay'

/** How datagrams for a peer are addressed: the pair that ICE has nominated. */
export class PeerSocket {
  /** Which relays are in between. */
  readonly kind: PathKind
  /** The address that datagrams leave from: ours, or the one on our relay. */
  readonly local: SocketAddress
  /** Where they go: an address of the peer, or the one on its relay. */
  readonly remote: SocketAddress
  /** Whether we send through our relay: datagrams then need a channel. */
  readonly isRelayed: boolean

  /**
   * @param localIsRelay - Whether `local` is an address that our relay has allocated to us.
   * @param remoteIsRelay - Whether `remote` is an address that the peer's relay has allocated to it.
   */
  constructor(local: SocketAddress, remote: SocketAddress, localIsRelay: boolean, remoteIsRelay: boolean) {
    this.local = local
    this.remote = remote
    this.isRelayed = localIsRelay
    this.kind = `${localIsRelay ? 'relay' : 'peer'}-to-${remoteIsRelay ? 'relay' : 'peer'}`
  }

  /** Returns whether `other` is the same way to the same place. */
  equals(other: PeerSocket): boolean {
    return this.kind === other.kind && this.local.equals(other.local) && this.remote.equals(other.remote)
  }

  toString(): string {
    return `${this.kind} ${this.local} → ${this.remote}`
  }
}
