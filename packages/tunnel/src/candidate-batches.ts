/** Candidates of ours for one peer: what has to be told, and what has to be taken back. */
export interface CandidateBatch<Peer> {
  readonly peer: Peer
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** Collects what the overlay tells about our ICE candidates, so that one drain makes at most two messages per peer. */
export class CandidateBatches<Peer> {
  readonly #peers = new Map<Peer, { readonly added: Set<string>; readonly removed: Set<string> }>()

  /** Notes a candidate that `peer` has to learn. */
  add(peer: Peer, candidate: string): void {
    const batch = this.#of(peer)
    batch.removed.delete(candidate)
    batch.added.add(candidate)
  }

  /** Notes a candidate that `peer` has to forget. */
  remove(peer: Peer, candidate: string): void {
    const batch = this.#of(peer)
    batch.added.delete(candidate)
    batch.removed.add(candidate)
  }

  /** Forgets what was noted for a peer that is gone. */
  forget(peer: Peer): void {
    this.#peers.delete(peer)
  }

  /** Takes the batch of the next peer, or `undefined`. */
  take(): CandidateBatch<Peer> | undefined {
    for (const [peer, { added, removed }] of this.#peers) {
      this.#peers.delete(peer)
      return { peer, added: [...added], removed: [...removed] }
    }
    return undefined
  }

  /** Forgets everything. */
  clear(): void {
    this.#peers.clear()
  }

  #of(peer: Peer): { readonly added: Set<string>; readonly removed: Set<string> } {
    let batch = this.#peers.get(peer)
    if (batch === undefined) this.#peers.set(peer, (batch = { added: new Set(), removed: new Set() }))
    return batch
  }
}
