import { add, type Instant, type SocketAddress } from '@sallyport/sans-io'
import type { TransactionKey } from '@sallyport/stun'
import type { KnownCandidate } from './candidate-list.ts'
import { checkDelay, type IceTiming } from './ice-timing.ts'

/** Where a pair stands (RFC 8445 §6.1.2.6). Pairs are never frozen, and one that fails is removed. */
export type PairState = 'waiting' | 'in-progress' | 'succeeded'

/**
 * How far a pair's nomination is: `nominated` until a check has been sent since, `attempted` until one of those has
 * been answered, `confirmed` then. It is never withdrawn.
 */
export type PairNomination = 'none' | 'nominated' | 'attempted' | 'confirmed'

/**
 * After so many unanswered checks, 4.5 s after an outage at most, data goes elsewhere if it can. One or two are lost too
 * easily: where one datagram in ten is, three in a row are so in one case of 150.
 */
const FALTERING = 3

interface Attempt {
  readonly key: TransactionKey
  readonly sentAt: Instant
  readonly isNominated: boolean
  isAnswered: boolean
}

/** A local and a remote candidate, and what checks between them have shown (RFC 8445 §6.1.2). */
export class CandidatePair {
  local: KnownCandidate
  remote: KnownCandidate
  /** Where the peer saw the last answered check come from (RFC 8445 §7.2.5.3.1). */
  mappedAddress: SocketAddress | undefined
  /** See {@link pairPriority}. */
  priority: bigint
  state: PairState = 'waiting'
  nomination: PairNomination = 'none'
  /** When the next check is to be sent, or the pair to be given up. */
  nextCheckAt: Instant
  /** How many checks of the peer have arrived. */
  requestsReceived = 0
  /** The last checks, as many as may remain unanswered, oldest first. */
  #attempts: Attempt[] = []

  constructor(local: KnownCandidate, remote: KnownCandidate, priority: bigint, now: Instant) {
    this.local = local
    this.remote = remote
    this.priority = priority
    this.nextCheckAt = now
  }

  /** Whether the pair has been nominated at any time. */
  get isNominated(): boolean {
    return this.nomination !== 'none'
  }

  /** When the first of the checks was sent that have been unanswered since the last answer; `undefined` if none is. */
  get silentSince(): Instant | undefined {
    const unanswered = this.#trailingUnanswered
    return unanswered === 0 ? undefined : this.#attempts.at(-unanswered)?.sentAt
  }

  /** Whether several checks in a row are unanswered: a pair that answers is to be preferred. */
  get isFaltering(): boolean {
    return this.#trailingUnanswered >= FALTERING
  }

  /** The transaction ids whose responses are waited for. */
  get transactions(): readonly TransactionKey[] {
    return this.#attempts.map(({ key }) => key)
  }

  /** Nominates the pair, which makes a check due at once. */
  nominate(now: Instant): void {
    this.nomination = 'nominated'
    this.nextCheckAt = now
  }

  /** Notes that a check was sent. Returns the transaction ids that are no longer waited for. */
  recordAttempt(key: TransactionKey, now: Instant, timing: IceTiming): readonly TransactionKey[] {
    if (this.state === 'waiting') this.state = 'in-progress'
    if (this.nomination === 'nominated') this.nomination = 'attempted'
    this.#attempts.push({ key, sentAt: now, isNominated: this.isNominated, isAnswered: false })
    return this.reschedule(now, timing)
  }

  /** Notes that the check of that transaction id was answered. */
  recordResponse(key: TransactionKey, now: Instant, timing: IceTiming): void {
    const attempt = this.#attempts.find(each => each.key === key)
    if (attempt === undefined) return
    attempt.isAnswered = true
    this.state = 'succeeded'
    if (attempt.isNominated && this.nomination === 'attempted') this.nomination = 'confirmed'
    this.reschedule(now, timing)
  }

  /**
   * Decides when the next check is due. Returns the transaction ids that are no longer waited for.
   *
   * A pair that has worked is checked at the slowest rate; once a check has been unanswered for half of that, it is
   * probed at the rate of a new pair, so that a path that died is noticed in time.
   */
  reschedule(now: Instant, timing: IceTiming): readonly TransactionKey[] {
    const forgotten = this.#attempts.splice(0, Math.max(0, this.#attempts.length - timing.maxRetransmits))
    const last = this.#attempts.at(-1)
    if (last === undefined || this.nomination === 'nominated') this.nextCheckAt = now
    else {
      const unanswered = this.#trailingUnanswered
      const silentSince = this.#attempts.at(-unanswered)?.sentAt ?? now
      const isSilent = unanswered > 0 && now - silentSince > timing.maxRto / 2
      this.nextCheckAt = add(last.sentAt, checkDelay(timing, isSilent ? unanswered : this.#attempts.length))
    }
    return forgotten.map(({ key }) => key)
  }

  /** Returns whether the last checks, as many as allowed, have all remained unanswered for long enough. */
  isFailed(now: Instant, timing: IceTiming): boolean {
    const last = this.#attempts.at(-1)
    if (last === undefined || this.#trailingUnanswered < timing.maxRetransmits) return false
    return now >= add(last.sentAt, checkDelay(timing, timing.maxRetransmits))
  }

  get #trailingUnanswered(): number {
    return this.#attempts.length - 1 - this.#attempts.findLastIndex(attempt => attempt.isAnswered)
  }
}
