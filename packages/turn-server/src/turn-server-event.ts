import type { IpFamily, SocketAddress } from '@sallyport/sans-io'

/**
 * What the server asks of whoever holds its sockets, in this order: a port is to be opened before the response that
 * tells of it leaves.
 */
export type TurnServerEvent =
  /** Open a UDP socket on that port, for datagrams of that family. If that fails, call `handlePortFailure`. */
  | { readonly type: 'open-port'; readonly port: number; readonly family: IpFamily }
  /** Close it. */
  | { readonly type: 'close-port'; readonly port: number; readonly family: IpFamily }
  /** Data passes between `client` and `peer`, also when it did before: for those who let it pass elsewhere. */
  | ({ readonly type: 'channel-bound' } & ChannelRoute)
  /** Data doesn't pass any more. */
  | ({ readonly type: 'channel-unbound' } & ChannelRoute)

/** Both ends of a channel. */
export interface ChannelRoute {
  readonly client: SocketAddress
  readonly channel: number
  readonly peer: SocketAddress
  /** The relayed port that the peer sees. */
  readonly port: number
}
