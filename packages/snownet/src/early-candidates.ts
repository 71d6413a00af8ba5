import { add, type Instant, type Millis, seconds } from '@sallyport/sans-io'
import type { ConnectionId } from './ids.ts'

/** How long candidates of a peer that we do not know yet are kept. */
export const EARLY_CANDIDATE_LIFETIME: Millis = seconds(5)

const MAX_PEERS = 64
const MAX_CANDIDATES = 32
const MAX_LINE = 512

/**
 * Candidates that arrived before their connection: a clustered portal guarantees no order between the two messages.
 *
 * Bounded in peers, candidates and time; the longest waiting peer gives way.
 */
export class EarlyCandidates {
  readonly #waiting = new Map<ConnectionId, { readonly until: Instant; readonly lines: Set<string> }>()

  /** How many peers' candidates are kept. */
  get size(): number {
    return this.#waiting.size
  }

  /** Keeps a candidate for a peer that may become known soon. */
  add(connection: ConnectionId, line: string, now: Instant): void {
    if (line.length > MAX_LINE) return
    this.#expire(now)
    let peer = this.#waiting.get(connection)
    if (peer === undefined) {
      if (this.#waiting.size >= MAX_PEERS) this.#waiting.delete(this.#waiting.keys().next().value!)
      peer = { until: add(now, EARLY_CANDIDATE_LIFETIME), lines: new Set() }
      this.#waiting.set(connection, peer)
    }
    if (peer.lines.size < MAX_CANDIDATES) peer.lines.add(line)
  }

  /** Forgets a candidate that was taken back. */
  remove(connection: ConnectionId, line: string): void {
    this.#waiting.get(connection)?.lines.delete(line)
  }

  /** Takes what is kept for a peer that became known. */
  take(connection: ConnectionId, now: Instant): string[] {
    this.#expire(now)
    const peer = this.#waiting.get(connection)
    this.#waiting.delete(connection)
    return peer === undefined ? [] : [...peer.lines]
  }

  /** Forgets everything. */
  clear(): void {
    this.#waiting.clear()
  }

  #expire(now: Instant): void {
    for (const [connection, { until }] of this.#waiting) {
      if (until > now) return // the first in the map are the oldest
      this.#waiting.delete(connection)
    }
  }
}
