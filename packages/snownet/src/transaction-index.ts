import { add, type Instant, type Millis, seconds } from '@sallyport/sans-io'

/** How long an answer to a connectivity check is waited for at least; twice that at most. */
export const TRANSACTION_MEMORY: Millis = seconds(15)

/**
 * Remembers who asked, so that an answer finds its way in constant time.
 *
 * Two generations: entries are never removed one by one, an old generation is forgotten as a whole.
 */
export class TransactionIndex<Owner> {
  #young = new Map<string, Owner>()
  #old = new Map<string, Owner>()
  #turnAt: Instant | undefined

  /** How many requests are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** Forgets everything, once nobody is left who has asked. */
  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
  }

  /** Notes that `owner` has sent a request with this id. */
  note(transaction: string, owner: Owner, now: Instant): void {
    if (this.#turnAt === undefined || now >= this.#turnAt) {
      const isFresh = this.#turnAt !== undefined && now < add(this.#turnAt, TRANSACTION_MEMORY)
      this.#old = isFresh ? this.#young : new Map()
      this.#young = new Map()
      this.#turnAt = add(now, TRANSACTION_MEMORY)
    }
    this.#young.set(transaction, owner)
  }

  /** Returns who has sent the request with this id. */
  find(transaction: string): Owner | undefined {
    return this.#young.get(transaction) ?? this.#old.get(transaction)
  }
}
