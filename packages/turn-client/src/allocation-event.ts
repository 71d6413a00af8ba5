import type { TurnCandidate } from './learned-addresses.ts'

/** What an allocation has to tell. */
export type AllocationEvent =
  /** We can be reached under this address. */
  | { readonly type: 'new-candidate'; readonly candidate: TurnCandidate }
  /** We can't be reached under this address any more. */
  | { readonly type: 'invalid-candidate'; readonly candidate: TurnCandidate }

/** Why an allocation is of no more use. */
export type FreeReason =
  /** The server doesn't answer, or stopped to. */
  | 'no-response'
  /** The server refuses our credentials: they are wrong or have expired. */
  | 'authentication'
  /** The server doesn't understand us (420). */
  | 'protocol'
  /** We have given it back. */
  | 'released'
