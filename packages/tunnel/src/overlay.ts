import { type Node, NoRelayError } from '@sallyport/snownet'

/**
 * What the tunnels ask of the layer below: encrypted connections to peers, each known on the packet path by its handle.
 *
 * A `Node` of `@sallyport/snownet` is one. It belongs to its tunnel alone.
 */
export type Overlay = Pick<
  Node,
  | 'publicKey'
  | 'updateRelays'
  | 'upsertConnection'
  | 'addRemoteCandidate'
  | 'removeRemoteCandidate'
  | 'removeConnection'
  | 'closeConnection'
  | 'closeAll'
  | 'reset'
  | 'handleOf'
  | 'encapsulate'
  | 'sendPacket'
  | 'decapsulate'
  | 'handleTimeout'
  | 'pollTransmit'
  | 'pollEvent'
  | 'pollTimeout'
>

/** Whether an error of `upsertConnection` says that there is no relay to connect through. */
export const isNoRelayError = (error: unknown): error is NoRelayError => error instanceof NoRelayError
