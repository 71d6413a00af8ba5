import type { Instant, Millis, SocketAddress } from '@sallyport/sans-io'

/** A stateful packet filter that translates nothing: what home routers do to IPv6 (RFC 6092 §3). */
export class Firewall {
  readonly #timeout: Millis
  readonly #flows = new Map<string, Instant>()

  /** @param timeout - How long answers are let in after the last datagram in either direction. */
  constructor(timeout: Millis) {
    this.#timeout = timeout
  }

  /** Notes a datagram that leaves. */
  outbound(inner: SocketAddress, destination: SocketAddress, now: Instant): void {
    this.#flows.set(`${inner.key} ${destination.key}`, now)
  }

  /** Returns whether a datagram from `source` answers one that left. */
  inbound(inner: SocketAddress, source: SocketAddress, now: Instant): boolean {
    const key = `${inner.key} ${source.key}`
    const used = this.#flows.get(key)
    if (used === undefined || now - used > this.#timeout) return false
    this.#flows.set(key, now)
    return true
  }

  /** Forgets all flows, as a router does that was restarted. */
  flush(): void {
    this.#flows.clear()
  }
}
