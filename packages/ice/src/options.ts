import type { Logger, Millis, Random, SocketAddress, StunCrypto } from '@sallyport/sans-io'
import type { StunMessage } from '@sallyport/stun'
import type { CandidateType } from './candidate.ts'
import type { PairNomination, PairState } from './candidate-pair.ts'
import type { IceConnectionState } from './connection-state.ts'
import type { IceTiming } from './ice-timing.ts'

/** The short-term credentials of one side (RFC 8445 §5.3). Both parts are ASCII, and `ufrag` has no colon. */
export interface IceCredentials {
  readonly ufrag: string
  readonly password: string
}

/** What an agent needs to know from the start. */
export interface IceOptions {
  /** Whether this side chooses the pair (RFC 8445 §6.1.1). The owner decides; exactly one of the two must. */
  readonly controlling: boolean
  readonly localCredentials: IceCredentials
  readonly remoteCredentials: IceCredentials
  readonly crypto: StunCrypto
  /** Makes transaction ids and the tie breaker. */
  readonly random: Random
  /** {@link DEFAULT_TIMING} unless given. */
  readonly timing?: IceTiming
  /** The least time between two checks, Ta (RFC 8445 §14.2). Zero unless given: all that is due is sent at once. */
  readonly pacing?: Millis
  readonly logger?: Logger
}

/** A STUN message that arrived for an agent. */
export interface IceInput {
  /** The candidate's address that it was sent to: an interface's, or the relayed one through which it came. */
  readonly local: SocketAddress
  /** Who sent it. */
  readonly remote: SocketAddress
  /** Borrowed until the call that carries it returns. */
  readonly message: StunMessage
}

/** What an agent tells its owner. */
export type IceEvent =
  | { readonly type: 'state-changed'; readonly state: IceConnectionState }
  /** Data goes this way from here on; until the next event of this type. */
  | ({ readonly type: 'nominated' } & IcePath)

/** The two ends of a pair, as far as whoever sends has to know them. */
export interface IcePath {
  /** The base to send from: an interface's address, or that of a relayed candidate. */
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly localType: CandidateType
  /**
   * The type of the candidate of ours under which the peer sees us (RFC 8445 §7.2.5.3.2): behind a NAT `srflx` or
   * `prflx` where {@link localType} is `host`. The same as that until a check on this pair was answered.
   */
  readonly validLocalType: CandidateType
  readonly remoteType: CandidateType
}

/** What is known of one pair; for status pages and tests. */
export interface IcePairStatus extends IcePath {
  readonly priority: bigint
  readonly state: PairState
  readonly nomination: PairNomination
  readonly requestsReceived: number
}
