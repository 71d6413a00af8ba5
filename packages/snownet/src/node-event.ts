import type { CandidateType } from '@sallyport/ice'
import type { FailureReason } from './connection-state.ts'
import type { ConnectionId } from './ids.ts'
import type { PathKind } from './peer-socket.ts'

/** What a node tells its owner. */
export type NodeEvent =
  /** Tell the peer, through the portal, that we can be reached under `candidate` (RFC 8839 §5.1). */
  | { readonly type: 'candidate-added'; readonly connection: ConnectionId; readonly candidate: string }
  /** Tell the peer that we can't be reached under `candidate` any more. */
  | { readonly type: 'candidate-removed'; readonly connection: ConnectionId; readonly candidate: string }
  /** The peer has proved who it is: the first handshake of this connection went well. */
  | { readonly type: 'connection-established'; readonly connection: ConnectionId }
  /** Datagrams go another way from here on; the first time, it is how the peer was reached at all. */
  | {
      readonly type: 'path-changed'
      readonly connection: ConnectionId
      readonly path: PathKind
      /** Of what kind our end is, as the peer sees it. */
      readonly localType: CandidateType
      /** Of what kind the peer's end is. */
      readonly remoteType: CandidateType
    }
  /** The connection is gone: no path works any more, or the peer is silent. */
  | { readonly type: 'connection-failed'; readonly connection: ConnectionId; readonly reason: FailureReason }
  /** The connection is gone because we closed it. */
  | { readonly type: 'connection-closed'; readonly connection: ConnectionId }
