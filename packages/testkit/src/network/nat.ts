import { type Instant, type IpAddress, type Millis, SocketAddress } from '@sallyport/sans-io'
import type { Dice } from './dice.ts'

/**
 * How a NAT treats UDP, in the words of RFC 3489 §5 with the meaning of RFC 4787:
 *
 * | kind | mapping depends on | who may answer |
 * |---|---|---|
 * | `full-cone` | the inner address and port | everybody |
 * | `address-restricted` | the inner address and port | every port of an address that was sent to |
 * | `port-restricted` | the inner address and port | exactly the addresses and ports that were sent to |
 * | `symmetric` | the inner address and port and the destination | exactly the destination |
 */
export type NatKind = 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric'

/** All kinds, most permissive first. */
export const NAT_KINDS: readonly NatKind[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric']

interface Mapping {
  readonly inner: SocketAddress
  readonly outer: SocketAddress
  /** Who was sent to, and when for the last time: by address or by address and port, as the kind wants it. */
  readonly allowed: Map<string, Instant>
  lastUsed: Instant
}

/** The translation table of one NAT. It preserves ports where it can; a symmetric one never does. */
export class Nat {
  /** How it treats UDP. */
  readonly kind: NatKind
  readonly #outer: IpAddress
  readonly #timeout: Millis
  readonly #dice: Dice
  readonly #byInner = new Map<string, Mapping>()
  readonly #byOuter = new Map<number, Mapping>()
  readonly #forwards = new Map<number, SocketAddress>()
  /** Who came in through a forwarded port is answered from it: inner address and remote address to outer address. */
  readonly #forwarded = new Map<string, SocketAddress>()

  /**
   * @param outer - The address that the outside sees.
   * @param timeout - How long a mapping and a permission live without being used from inside (RFC 4787 §4.3).
   */
  constructor(kind: NatKind, outer: IpAddress, timeout: Millis, dice: Dice) {
    this.kind = kind
    this.#outer = outer
    this.#timeout = timeout
    this.#dice = dice
  }

  /** Forwards the outer `port` to `inner` for ever and for everybody. */
  forward(port: number, inner: SocketAddress): void {
    this.#forwards.set(port, inner)
  }

  /** Forgets all mappings, as a router does that was restarted. */
  flush(): void {
    this.#byInner.clear()
    this.#forwarded.clear()
    this.#byOuter.clear()
  }

  /** Returns what the outside sees as the source of a datagram from `inner` to `destination`. */
  outbound(inner: SocketAddress, destination: SocketAddress, now: Instant): SocketAddress {
    const forwarded = this.#forwarded.get(`${inner.key} ${destination.key}`)
    if (forwarded !== undefined) return forwarded
    const key = this.kind === 'symmetric' ? `${inner.key} ${destination.key}` : inner.key
    let mapping = this.#byInner.get(key)
    if (mapping === undefined || this.#isStale(mapping.lastUsed, now)) {
      if (mapping !== undefined) this.#byOuter.delete(mapping.outer.port)
      mapping = { inner, outer: this.#pickOuter(inner, now), allowed: new Map(), lastUsed: now }
      this.#byInner.set(key, mapping)
      this.#byOuter.set(mapping.outer.port, mapping)
    }
    mapping.lastUsed = now
    mapping.allowed.set(this.#permission(destination), now)
    return mapping.outer
  }

  /** Returns to whom inside a datagram from `source` to the outer `port` goes, or `undefined` if it is refused. */
  inbound(port: number, source: SocketAddress, now: Instant): SocketAddress | undefined {
    const mapping = this.#byOuter.get(port)
    if (mapping !== undefined && !this.#isStale(mapping.lastUsed, now)) {
      const allowedAt = mapping.allowed.get(this.#permission(source))
      if (this.kind === 'full-cone' || (allowedAt !== undefined && !this.#isStale(allowedAt, now))) return mapping.inner
    }
    const inner = this.#forwards.get(port)
    if (inner !== undefined) this.#forwarded.set(`${inner.key} ${source.key}`, new SocketAddress(this.#outer, port))
    return inner
  }

  #permission(remote: SocketAddress): string {
    return this.kind === 'address-restricted' ? remote.ip.text : remote.key
  }

  #isStale(used: Instant, now: Instant): boolean {
    return now - used > this.#timeout
  }

  #pickOuter(inner: SocketAddress, now: Instant): SocketAddress {
    if (this.kind !== 'symmetric' && this.#isFree(inner.port, now)) return new SocketAddress(this.#outer, inner.port)
    for (;;) {
      const port = 1024 + this.#dice.below(64_512)
      if (this.#isFree(port, now)) return new SocketAddress(this.#outer, port)
    }
  }

  #isFree(port: number, now: Instant): boolean {
    const owner = this.#byOuter.get(port)
    if (owner === undefined) return true
    if (!this.#isStale(owner.lastUsed, now)) return false
    for (const [key, mapping] of this.#byInner) if (mapping === owner) this.#byInner.delete(key)
    return true
  }
}

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
}
