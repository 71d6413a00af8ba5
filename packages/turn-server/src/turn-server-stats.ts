import type { ErrorCode } from './response.ts'

/** Why a datagram wasn't relayed. */
export type DropReason =
  /** It is neither ChannelData, nor a Send indication, nor a request. */
  | 'malformed'
  /** Its client, or its relayed port, has no allocation. */
  | 'no-allocation'
  /** Its channel isn't bound. */
  | 'no-channel'
  /** Its peer has no permission (RFC 8656 §9). */
  | 'no-permission'
  /** It found no room in the batch. */
  | 'no-room'

/** What a `TurnServer` counts. Plain numbers that only grow, to be read at any time. */
export interface TurnServerStats {
  /** Payload bytes relayed, in both directions. */
  relayedBytes: number
  /** Datagrams relayed, in both directions. */
  relayedDatagrams: number
  /** Datagrams that weren't relayed, for any reason. */
  droppedDatagrams: number
  /** The same by reason. */
  readonly drops: Record<DropReason, number>
  /** Success responses. */
  successes: number
  /** Error responses. */
  errors: number
  /** Error responses by code. */
  readonly errorsByCode: Partial<Record<ErrorCode, number>>
  /** Requests that were signed, but not with their user's key, or with credentials that have ended. */
  authenticationFailures: number
  /** Responses that were not sent, lest they amplify what strangers send. */
  withheldResponses: number
}

/** Returns counters that are all zero. */
export const newStats = (): TurnServerStats => ({
  relayedBytes: 0,
  relayedDatagrams: 0,
  droppedDatagrams: 0,
  drops: { malformed: 0, 'no-allocation': 0, 'no-channel': 0, 'no-permission': 0, 'no-room': 0 },
  successes: 0,
  errors: 0,
  errorsByCode: {},
  authenticationFailures: 0,
  withheldResponses: 0,
})

/** Counts a datagram that isn't relayed. */
export function countDrop(stats: TurnServerStats, reason: DropReason): void {
  stats.droppedDatagrams++
  stats.drops[reason]++
}
