import {
  encodeMessage,
  isResponseTo,
  makeResponse,
  type OneQuestion,
  parseResponse,
  ResponseCode,
} from '@sallyport/dns-message'
import { add, type Instant, type Millis, type SocketAddress, seconds } from '@sallyport/sans-io'

/** A query that the owner of a client is to put to servers outside of the tunnel. */
export interface HostQuery {
  readonly id: number
  /** Whom to ask: the first that answers. The others are there for when it doesn't. */
  readonly servers: readonly SocketAddress[]
  /** The query as the application sent it. */
  readonly message: Uint8Array
}

/** Who asked, and what. */
export interface Asker {
  readonly query: OneQuestion
  /** What was asked: an address of ours. */
  readonly sentinel: SocketAddress
  readonly application: SocketAddress
}

/** After this we answer that nobody answers, whatever our owner does. Its own limit is lower. */
const LIFETIME: Millis = seconds(8)

/** How many queries may be under way. */
const MAX_QUERIES = 1000

/** Queries that are under way outside of the tunnel. */
export class HostQueries {
  readonly #queries = new Map<number, Asker & { readonly expiresAt: Instant }>()
  #nextId = 0

  /** Notes who asked, and returns the number of the query; `undefined`: too many are under way. */
  add(asker: Asker, now: Instant): number | undefined {
    if (this.#queries.size >= MAX_QUERIES) return undefined
    const id = this.#nextId++
    this.#queries.set(id, { ...asker, expiresAt: add(now, LIFETIME) })
    return id
  }

  /**
   * Takes what came of a query; `undefined`: nobody answered. Returns who asked, and what to answer: that it has failed,
   * unless it is a response to the question.
   */
  take(
    id: number,
    message: Uint8Array | undefined,
  ): { readonly asker: Asker; readonly response: Uint8Array } | undefined {
    const asker = this.#queries.get(id)
    if (asker === undefined) return undefined
    this.#queries.delete(id)
    const response = message === undefined ? 'nobody' : parseResponse(message)
    if (message !== undefined && typeof response !== 'string' && isResponseTo(asker.query, response))
      return { asker, response: message }
    return { asker, response: encodeMessage(makeResponse(asker.query, ResponseCode.SERVER_FAILURE)) }
  }

  /** Returns the number of a query that has taken too long. */
  overdue(now: Instant): number | undefined {
    const [first] = this.#queries
    return first !== undefined && first[1].expiresAt <= now ? first[0] : undefined
  }

  /** When {@link overdue} has one next. */
  get nextExpiry(): Instant | undefined {
    return this.#queries.values().next().value?.expiresAt
  }
}
