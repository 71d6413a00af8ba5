import type { SocketAddress } from '@sallyport/sans-io'
import { type Candidate, isSameCandidate } from './candidate.ts'

/** A candidate that an agent knows. Discarded ones are remembered, so that checks to and from them stay unanswered. */
export interface KnownCandidate {
  /** Replaced when the real candidate of a peer-reflexive one is signalled. */
  candidate: Candidate
  isDiscarded: boolean
}

/** The candidates of one side, bounded: whoever roams for months leaves many behind. */
export class CandidateList {
  readonly #capacity: number
  #known: KnownCandidate[] = []

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /**
   * Appends a candidate, making room by forgetting the oldest discarded one, else the oldest one that `isIdle` says
   * does nothing. Returns `undefined` if all of them are of use.
   */
  add(candidate: Candidate, isIdle: (known: KnownCandidate) => boolean): KnownCandidate | undefined {
    if (this.#known.length >= this.#capacity) {
      const expendable = this.#known.find(known => known.isDiscarded) ?? this.#known.find(isIdle)
      if (expendable === undefined) return undefined
      this.#known = this.#known.filter(known => known !== expendable)
    }
    const known = { candidate, isDiscarded: false }
    this.#known.push(known)
    return known
  }

  /** Returns the entry of the same candidate, preferring one that is not discarded. */
  find(candidate: Candidate): KnownCandidate | undefined {
    return preferActive(this.#known.filter(known => isSameCandidate(known.candidate, candidate)))
  }

  /** Returns the entries at that address, in the order in which they came. */
  at(address: SocketAddress): KnownCandidate[] {
    return this.#known.filter(known => known.candidate.address.equals(address))
  }

  /** Returns the entries that are not discarded, in the order in which they came. */
  get active(): KnownCandidate[] {
    return this.#known.filter(known => !known.isDiscarded)
  }

  /** Whether nothing was ever added. */
  get isEmpty(): boolean {
    return this.#known.length === 0
  }
}

/** Returns the first entry that is not discarded, else the first. */
export function preferActive(known: readonly KnownCandidate[]): KnownCandidate | undefined {
  return known.find(each => !each.isDiscarded) ?? known[0]
}
