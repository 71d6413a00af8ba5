/**
 * An ICE agent (RFC 8445) as a pure state machine: it finds out over which pair of addresses two peers reach each
 * other, and keeps finding out.
 *
 * ```
 *              ┌──────────┐ a pair is nominated ┌───────────┐ all pairs left are nominated ┌───────────┐
 *   new ──▶    │ checking │ ──────────────────▶ │ connected │ ◀──────────────────────────▶ │ completed │
 *              └──────────┘                     └───────────┘                              └───────────┘
 *                 ▲    │ no pair is left              │                                          │
 *   new candidate │    ▼                              ▼                                          ▼
 *              ┌──────────────┐ ◀────────────────── every pair has failed or was invalidated ─────
 *              │ disconnected │
 *              └──────────────┘
 * ```
 *
 * @packageDocumentation
 */
export { IceAgent } from './agent.ts'
export {
  type Candidate,
  type CandidateDefect,
  type CandidateProtocol,
  type CandidateType,
  hostCandidate,
  isSameCandidate,
  peerReflexiveCandidate,
  relayedCandidate,
  serverReflexiveCandidate,
} from './candidate.ts'
export type { PairNomination, PairState } from './candidate-pair.ts'
export { type CandidateTextDefect, formatCandidate, parseCandidate } from './candidate-sdp.ts'
export { MAX_PAIRS } from './check-list.ts'
export type { IceConnectionState } from './connection-state.ts'
export {
  type CheckDefect,
  type CheckMessage,
  type CheckRequest,
  type CheckUfrags,
  encodeCheck,
  encodeCheckResponse,
  readCheck,
  ufragsOf,
} from './connectivity-check.ts'
export { IceOptionsError } from './error.ts'
export { checkDelay, DEFAULT_TIMING, type IceTiming, IDLE_TIMING, iceTimeout } from './ice-timing.ts'
export { MAX_OPTIMISTIC, optimisticCandidates } from './optimistic.ts'
export type { IceCredentials, IceEvent, IceInput, IceOptions, IcePairStatus, IcePath } from './options.ts'
export {
  agentLocalPreference,
  candidatePriority,
  pairPriority,
  peerReflexivePriority,
  signalledLocalPreference,
  TYPE_PREFERENCE,
} from './priority.ts'
