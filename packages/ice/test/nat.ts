import { IpAddress, SocketAddress } from '@sallyport/sans-io'
import type { Delivery, Route } from './wire.ts'

/** Something between a side and the world that changes or refuses what passes. */
export interface Middlebox {
  /** The address that one side sends from and receives on. */
  readonly inside: SocketAddress
  /** Sends a datagram out; returns the source that the world sees. */
  out(remote: SocketAddress): SocketAddress
  /** Returns whether `destination` is an address of this box. */
  owns(destination: SocketAddress): boolean
  /** Returns whether a datagram to `destination` from `source` comes in. */
  letsIn(destination: SocketAddress, source: SocketAddress): boolean
}

const STUN_SERVER = SocketAddress.of('198.51.100.99:3478')

/**
 * A NAT in front of one private address: it lets in only what answers (address- and port-dependent filtering), and
 * either keeps one public port (`cone`) or takes another one for each destination (`symmetric`).
 */
export class Nat implements Middlebox {
  readonly inside: SocketAddress
  /** What a STUN server sees. */
  readonly reflexive: SocketAddress
  readonly #outside: IpAddress
  readonly #kind: 'cone' | 'symmetric'
  readonly #ports = new Map<string, number>()
  readonly #sentTo = new Set<string>()

  constructor(inside: string, outside: string, kind: 'cone' | 'symmetric') {
    this.inside = SocketAddress.of(inside)
    this.#outside = IpAddress.of(outside)
    this.#kind = kind
    this.reflexive = this.out(STUN_SERVER)
  }

  out(remote: SocketAddress): SocketAddress {
    const key = this.#kind === 'cone' ? 'any' : remote.key
    const port = this.#ports.get(key) ?? 40_000 + this.#ports.size
    this.#ports.set(key, port)
    this.#sentTo.add(`${port} ${remote.key}`)
    return new SocketAddress(this.#outside, port)
  }

  owns(destination: SocketAddress): boolean {
    return destination.ip.equals(this.#outside)
  }

  letsIn(destination: SocketAddress, source: SocketAddress): boolean {
    return this.#sentTo.has(`${destination.port} ${source.key}`)
  }
}

/** A relayed address: it lets in only those to whom something was sent, as a channel has to be bound for that. */
export class Relay implements Middlebox {
  readonly inside: SocketAddress
  readonly #peers = new Set<string>()

  constructor(address: string) {
    this.inside = SocketAddress.of(address)
  }

  out(remote: SocketAddress): SocketAddress {
    this.#peers.add(remote.key)
    return this.inside
  }

  owns(destination: SocketAddress): boolean {
    return destination.equals(this.inside)
  }

  letsIn(_: SocketAddress, source: SocketAddress): boolean {
    return this.#peers.has(source.key)
  }
}

/** Returns the network in which each side is behind its boxes. Private addresses lead nowhere, others are public. */
export function between(boxes: { readonly alice?: readonly Middlebox[]; readonly bob?: readonly Middlebox[] }): Route {
  const { alice = [], bob = [] } = boxes
  return ({ local, remote }, sender): Delivery | undefined => {
    if (local === undefined) return undefined
    const [near, far] = sender === 'alice' ? [alice, bob] : [bob, alice]
    const source = near.find(({ inside }) => inside.equals(local))?.out(remote) ?? local
    const box = far.find(each => each.owns(remote))
    if (box !== undefined) return box.letsIn(remote, source) ? { source, destination: box.inside } : undefined
    return remote.ip.text.startsWith('10.') || near.some(each => each.owns(remote))
      ? undefined
      : { source, destination: remote }
  }
}
