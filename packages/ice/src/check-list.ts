import type { Instant, SocketAddress } from '@sallyport/sans-io'
import type { TransactionKey } from '@sallyport/stun'
import type { KnownCandidate } from './candidate-list.ts'
import { CandidatePair } from './candidate-pair.ts'
import type { IceTiming } from './ice-timing.ts'

/** How many pairs an agent checks at most (RFC 8445 §6.1.2.5). */
export const MAX_PAIRS = 100

/** What became of a pair that was to be added. */
export type PairAddition =
  | { readonly type: 'added' | 'improved'; readonly pair: CandidatePair; readonly dropped: CandidatePair | undefined }
  | { readonly type: 'redundant'; readonly pair: CandidatePair }
  | { readonly type: 'full' }

/** An agent's pairs in descending order of priority (RFC 8445 §6.1.2): at most one for each base and remote address. */
export class CheckList {
  /** The pair that carries data; forgotten when it is removed. */
  selected: CandidatePair | undefined
  #pairs: CandidatePair[] = []
  readonly #byTransaction = new Map<TransactionKey, CandidatePair>()

  /** The pairs, best first. */
  get pairs(): readonly CandidatePair[] {
    return this.#pairs
  }

  /** When the first check is due. */
  get nextCheckAt(): Instant | undefined {
    let first: Instant | undefined
    for (const { nextCheckAt } of this.#pairs) if (first === undefined || nextCheckAt < first) first = nextCheckAt
    return first
  }

  /**
   * Adds the pair of two candidates, unless one of the same base and remote address is as good; one that is worse gets
   * these candidates and this priority and goes on (RFC 8445 §6.1.2.4).
   *
   * When the list is full, the worst pair that is not selected gives way.
   */
  add(local: KnownCandidate, remote: KnownCandidate, priority: bigint, now: Instant): PairAddition {
    const existing = this.find(local.candidate.base, remote.candidate.address)
    if (existing !== undefined) {
      if (existing.priority >= priority) return { type: 'redundant', pair: existing }
      existing.local = local
      existing.remote = remote
      existing.priority = priority
      this.sort()
      return { type: 'improved', pair: existing, dropped: undefined }
    }
    let dropped: CandidatePair | undefined
    if (this.#pairs.length >= MAX_PAIRS) {
      const worst = this.#pairs.findLast(pair => pair !== this.selected)
      if (worst === undefined || worst.priority >= priority) return { type: 'full' }
      this.#remove([worst])
      dropped = worst
    }
    const pair = new CandidatePair(local, remote, priority, now)
    this.#pairs.push(pair)
    this.sort()
    return { type: 'added', pair, dropped }
  }

  /** Returns the pair that sends from `base` to `remote`. */
  find(base: SocketAddress, remote: SocketAddress): CandidatePair | undefined {
    return this.#pairs.find(
      pair => pair.remote.candidate.address.equals(remote) && pair.local.candidate.base.equals(base),
    )
  }

  /** Returns whether a candidate is part of any pair. */
  uses(known: KnownCandidate): boolean {
    return this.#pairs.some(pair => pair.local === known || pair.remote === known)
  }

  /** Restores the order after priorities have changed. */
  sort(): void {
    this.#pairs.sort((a, b) => (a.priority === b.priority ? 0 : a.priority < b.priority ? 1 : -1))
  }

  /** Removes the pairs of a candidate. */
  removeOf(known: KnownCandidate): void {
    this.#remove(this.#pairs.filter(pair => pair.local === known || pair.remote === known))
  }

  /** Removes and returns the pairs that have failed. */
  removeFailed(now: Instant, timing: IceTiming): CandidatePair[] {
    return this.#remove(this.#pairs.filter(pair => pair.isFailed(now, timing)))
  }

  /** Returns the pairs whose checks are due: nominated ones first, then by time, then by priority. */
  due(now: Instant): CandidatePair[] {
    const rank = (pair: CandidatePair): number => (pair.nomination === 'nominated' ? 0 : 1)
    return this.#pairs
      .filter(pair => pair.nextCheckAt <= now)
      .sort((a, b) => rank(a) - rank(b) || a.nextCheckAt - b.nextCheckAt)
  }

  /** Notes that a check was sent. */
  recordAttempt(pair: CandidatePair, key: TransactionKey, now: Instant, timing: IceTiming): void {
    this.#byTransaction.set(key, pair)
    this.#forget(pair.recordAttempt(key, now, timing))
  }

  /** Returns the pair whose remembered check had that transaction id. */
  ofTransaction(key: TransactionKey): CandidatePair | undefined {
    return this.#byTransaction.get(key)
  }

  /** Decides anew when each pair is due. */
  reschedule(now: Instant, timing: IceTiming): void {
    for (const pair of this.#pairs) this.#forget(pair.reschedule(now, timing))
  }

  #remove(pairs: CandidatePair[]): CandidatePair[] {
    for (const pair of pairs) this.#forget(pair.transactions)
    if (this.selected !== undefined && pairs.includes(this.selected)) this.selected = undefined
    if (pairs.length > 0) this.#pairs = this.#pairs.filter(pair => !pairs.includes(pair))
    return pairs
  }

  #forget(keys: readonly TransactionKey[]): void {
    for (const key of keys) this.#byTransaction.delete(key)
  }
}
