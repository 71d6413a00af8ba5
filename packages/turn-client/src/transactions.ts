import { earliest, type Instant, type SocketAddress } from '@sallyport/sans-io'
import { type TransactionKey, transactionKey } from '@sallyport/stun'
import type { Backoff } from './backoff.ts'
import type { TurnRequest } from './request.ts'

/** A request that waits for its answer. */
export interface Transaction {
  readonly request: TurnRequest
  readonly backoff: Backoff
  /** How often in a row the server has challenged our credentials instead of answering. */
  readonly challenges: number
  /** What has left so far, oldest first; at least one. */
  readonly copies: SentCopy[]
}

/** One datagram of a {@link Transaction}. */
export interface SentCopy {
  readonly transactionId: Uint8Array
  readonly destination: SocketAddress
  /** Whether it carried a NONCE. */
  readonly hadNonce: boolean
}

/**
 * The requests in flight.
 *
 * A request that is sent again is signed again and thus gets another transaction id. Answers to all its copies count:
 * where the way there and back takes longer than the first wait, only those to old copies ever arrive in time.
 */
export class Transactions {
  readonly #inFlight = new Set<Transaction>()
  readonly #copies = new Map<TransactionKey, { readonly transaction: Transaction; readonly copy: SentCopy }>()

  /** Starts waiting for the answer to `request`, of which `copy` has been sent. */
  begin(request: TurnRequest, copy: SentCopy, backoff: Backoff, challenges: number): void {
    const transaction = { request, backoff, challenges, copies: [] }
    this.#inFlight.add(transaction)
    this.sentAgain(transaction, copy)
  }

  /** Notes that `copy` of it has been sent. */
  sentAgain(transaction: Transaction, copy: SentCopy): void {
    transaction.copies.push(copy)
    this.#copies.set(transactionKey(copy.transactionId), { transaction, copy })
  }

  /** Finds what a message with that transaction id from `remote` answers, or `undefined`. */
  find(
    transactionId: Uint8Array,
    remote: SocketAddress,
  ): { readonly transaction: Transaction; readonly copy: SentCopy } | undefined {
    const found = this.#copies.get(transactionKey(transactionId))
    return found?.copy.destination.equals(remote) ? found : undefined
  }

  /** Stops waiting. */
  end(transaction: Transaction): void {
    this.#inFlight.delete(transaction)
    for (const { transactionId } of transaction.copies) this.#copies.delete(transactionKey(transactionId))
  }

  /** Stops waiting for answers to requests that match. */
  endAll(matches: (request: TurnRequest) => boolean): void {
    for (const transaction of [...this.#inFlight]) if (matches(transaction.request)) this.end(transaction)
  }

  /** Stops waiting for anything. */
  clear(): void {
    this.#inFlight.clear()
    this.#copies.clear()
  }

  /** Returns those whose back-off triggers at `now`. */
  due(now: Instant): Transaction[] {
    return [...this.#inFlight].filter(({ backoff }) => backoff.next <= now)
  }

  /** Returns whether `transaction` still waits. */
  has(transaction: Transaction): boolean {
    return this.#inFlight.has(transaction)
  }

  /** Returns whether a request is in flight that `matches`. */
  some(matches: (request: TurnRequest) => boolean): boolean {
    for (const { request } of this.#inFlight) if (matches(request)) return true
    return false
  }

  /** How many requests are in flight. */
  get size(): number {
    return this.#inFlight.size
  }

  /** When {@link due} is next worth asking. */
  get next(): Instant | undefined {
    let next: Instant | undefined
    for (const { backoff } of this.#inFlight) next = earliest(next, backoff.next)
    return next
  }
}
