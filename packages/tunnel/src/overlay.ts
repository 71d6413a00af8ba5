import type { Node } from '@sallyport/snownet'

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
  | 'relocate'
  | 'repeatCandidates'
  | 'handleOf'
  | 'encapsulate'
  | 'sendPacket'
  | 'decapsulate'
  | 'handleTimeout'
  | 'pollTransmit'
  | 'pollEvent'
  | 'pollTimeout'
>
