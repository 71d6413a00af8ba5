import type { CandidateType, PathKind } from '@sallyport/snownet'

/** Which way packets go between two peers. */
export interface ConnectionPath {
  readonly path: PathKind
  /** Of what kind our end is, as the peer sees it, as far as we know. */
  readonly localType: CandidateType
  /** Of what kind the peer's end is. */
  readonly remoteType: CandidateType
}
