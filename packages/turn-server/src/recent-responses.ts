import { add, type Instant, type SocketAddress, seconds } from '@sallyport/sans-io'
import { type StunHeader, transactionKey } from '@sallyport/stun'

/** For how long a request may be the copy of one that was answered (RFC 8489 §6.3.1). */
const REMEMBERED_FOR = seconds(40)

/** More than that aren't remembered: a copy of a forgotten request is then taken for another request. */
const MAX_REMEMBERED = 4096

/**
 * The answers to requests that mustn't be served twice, for when their answer gets lost: ALLOCATE, which would find the
 * allocation that it has made itself, and REFRESH, which wouldn't find the one that it has ended.
 */
export class RecentResponses {
  /** In the order in which they were given. */
  readonly #responses = new Map<string, { readonly payload: Uint8Array; readonly until: Instant }>()

  /** Returns what `request` was answered with when it came for the first time, or `undefined` if it never did. */
  find(client: SocketAddress, request: StunHeader, now: Instant): Uint8Array | undefined {
    const found = this.#responses.get(keyOf(client, request))
    return found !== undefined && found.until > now ? found.payload : undefined
  }

  /** Remembers the answer to `request`. */
  remember(client: SocketAddress, request: StunHeader, payload: Uint8Array, now: Instant): void {
    for (const [key, { until }] of this.#responses) {
      if (until > now && this.#responses.size < MAX_REMEMBERED) break
      this.#responses.delete(key)
    }
    this.#responses.set(keyOf(client, request), { payload, until: add(now, REMEMBERED_FOR) })
  }
}

const keyOf = (client: SocketAddress, { method, transactionId }: StunHeader): string =>
  `${client.key} ${method} ${transactionKey(transactionId)}`
