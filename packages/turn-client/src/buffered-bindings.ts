import type { SocketAddress } from '@sallyport/sans-io'

/** How many peers wait at most. */
const MAX_BUFFERED_BINDINGS = 100

/** The peers that want a channel as soon as there is an allocation: each once, in order; when full, the oldest goes. */
export class BufferedBindings {
  readonly #peers = new Map<string, SocketAddress>()

  /** Remembers `peer`, unless it waits already. */
  add(peer: SocketAddress): void {
    if (this.#peers.has(peer.key)) return
    this.#peers.set(peer.key, peer)
    if (this.#peers.size > MAX_BUFFERED_BINDINGS) this.#peers.delete(this.#peers.keys().next().value!)
  }

  /** Takes all of them, in the order in which they came. */
  takeAll(): SocketAddress[] {
    const peers = [...this.#peers.values()]
    this.#peers.clear()
    return peers
  }

  /** Forgets all of them. */
  clear(): void {
    this.#peers.clear()
  }
}
