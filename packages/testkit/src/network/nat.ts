import { type Instant, type IpAddress, type Millis, SocketAddress } from '@sallyport/sans-io'
import type { Dice } from './dice.ts'
import { behaviourOf, type Dependence, type NatBehaviour, type NatKind } from './nat-behaviour.ts'

interface Mapping {
  readonly key: string
  readonly inner: SocketAddress
  readonly outer: SocketAddress
  /** Who was sent to, and when for the last time: by nothing, address, or address and port, as the filter wants it. */
  readonly allowed: Map<string, Instant>
  lastUsed: Instant
}

/** The translation table of one NAT. */
export class Nat {
  /** How it treats UDP. */
  readonly behaviour: NatBehaviour
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
   * @param timeout - How long a mapping and a permission live without being used (RFC 4787 §4.3).
   */
  constructor(nat: NatKind | NatBehaviour, outer: IpAddress, timeout: Millis, dice: Dice) {
    this.behaviour = behaviourOf(nat)
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

  /** Returns whether `destination` is to be sent back inside (RFC 4787 §6). */
  hairpins(destination: SocketAddress): boolean {
    return this.behaviour.hairpins === true && destination.ip.equals(this.#outer)
  }

  /** Returns what the outside sees as the source of a datagram from `inner` to `destination`. */
  outbound(inner: SocketAddress, destination: SocketAddress, now: Instant): SocketAddress {
    const forwarded = this.#forwarded.get(`${inner.key} ${destination.key}`)
    if (forwarded !== undefined) return forwarded
    const { mapping: dependence, filtering } = this.behaviour
    const key = `${inner.key} ${partOf(destination, dependence)}`
    let mapping = this.#byInner.get(key)
    if (mapping === undefined || this.#isStale(mapping.lastUsed, now)) {
      if (mapping !== undefined) this.#byOuter.delete(mapping.outer.port)
      mapping = { key, inner, outer: this.#pickOuter(inner, now), allowed: new Map(), lastUsed: now }
      this.#byInner.set(key, mapping)
      this.#byOuter.set(mapping.outer.port, mapping)
    }
    mapping.lastUsed = now
    mapping.allowed.set(partOf(destination, filtering), now)
    return mapping.outer
  }

  /** Returns to whom inside a datagram from `source` to the outer `port` goes, or `undefined` if it is refused. */
  inbound(port: number, source: SocketAddress, now: Instant): SocketAddress | undefined {
    const mapping = this.#byOuter.get(port)
    if (mapping !== undefined && !this.#isStale(mapping.lastUsed, now)) {
      const part = partOf(source, this.behaviour.filtering)
      const allowedAt = mapping.allowed.get(part)
      if (allowedAt !== undefined && !this.#isStale(allowedAt, now)) {
        if (this.behaviour.refreshesInbound === true) {
          mapping.lastUsed = now
          mapping.allowed.set(part, now)
        }
        return mapping.inner
      }
    }
    const inner = this.#forwards.get(port)
    if (inner !== undefined) this.#forwarded.set(`${inner.key} ${source.key}`, new SocketAddress(this.#outer, port))
    return inner
  }

  #isStale(used: Instant, now: Instant): boolean {
    return now - used > this.#timeout
  }

  #pickOuter(inner: SocketAddress, now: Instant): SocketAddress {
    if (this.behaviour.preservesPorts && this.#isFree(inner.port, now))
      return new SocketAddress(this.#outer, inner.port)
    for (;;) {
      const port = 1024 + this.#dice.below(64_512)
      if (this.#isFree(port, now)) return new SocketAddress(this.#outer, port)
    }
  }

  #isFree(port: number, now: Instant): boolean {
    const owner = this.#byOuter.get(port)
    if (owner === undefined) return true
    if (!this.#isStale(owner.lastUsed, now)) return false
    this.#byOuter.delete(port)
    if (this.#byInner.get(owner.key) === owner) this.#byInner.delete(owner.key)
    return true
  }
}

/** What of a remote address a mapping or a filter looks at. */
function partOf(remote: SocketAddress, dependence: Dependence): string {
  switch (dependence) {
    case 'endpoint-independent':
      return ''
    case 'address-dependent':
      return remote.ip.text
    case 'address-and-port-dependent':
      return remote.key
  }
}
