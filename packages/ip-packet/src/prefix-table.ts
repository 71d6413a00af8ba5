import type { IpAddress, IpFamily } from '@sallyport/sans-io'
import { type IpPrefix, matchingBits } from './ip-prefix.ts'

/**
 * A table from prefixes of both families to values, looked up by the longest prefix that an address lies in.
 *
 * A path-compressed binary trie (Morrison 1968, "PATRICIA"): a lookup visits only nodes whose prefix the address has,
 * and allocates nothing.
 */
export class PrefixTable<T> {
  #ipv4: Node<T> | undefined
  #ipv6: Node<T> | undefined
  #size = 0

  /** How many prefixes have a value. */
  get size(): number {
    return this.#size
  }

  /** Sets or replaces the value of exactly `prefix`. */
  set(prefix: IpPrefix, value: T): void {
    const root = this.#root(prefix.family)
    const updated = this.#insert(root, prefix, value)
    if (updated !== root) this.#setRoot(prefix.family, updated)
  }

  /** Removes the value of exactly `prefix`. Returns whether it had one. */
  delete(prefix: IpPrefix): boolean {
    const before = this.#size
    this.#setRoot(prefix.family, this.#remove(this.#root(prefix.family), prefix))
    return this.#size < before
  }

  /** Removes everything. */
  clear(): void {
    this.#ipv4 = undefined
    this.#ipv6 = undefined
    this.#size = 0
  }

  /** Returns the value of exactly `prefix`. */
  at(prefix: IpPrefix): T | undefined {
    let node = this.#root(prefix.family)
    while (node !== undefined && node.length <= prefix.length) {
      if (matchingBits(node.bytes, prefix.address.bytes, 0, node.length) < node.length) return undefined
      if (node.length === prefix.length) return node.entry?.value
      node = bitAt(prefix.address.bytes, 0, node.length) ? node.one : node.zero
    }
    return undefined
  }

  /** Returns the value of the longest prefix that `address` lies in. */
  get(address: IpAddress): T | undefined {
    return this.lookup(address.bytes, 0, address.family)
  }

  /** Returns the value of the longest prefix that the address with its bytes at `offset` lies in. Allocates nothing. */
  lookup(bytes: Uint8Array, offset: number, family: IpFamily): T | undefined {
    let best: Entry<T> | undefined
    let node = family === 4 ? this.#ipv4 : this.#ipv6
    const bits = family === 4 ? 32 : 128
    while (node !== undefined && matchingBits(node.bytes, bytes, offset, node.length) === node.length) {
      if (node.entry !== undefined) best = node.entry
      if (node.length === bits) break
      node = bitAt(bytes, offset, node.length) ? node.one : node.zero
    }
    return best?.value
  }

  /** Returns all prefixes with their values: IPv4 first, a prefix before those inside it, otherwise ascending. */
  *entries(): IterableIterator<readonly [IpPrefix, T]> {
    yield* entriesOf(this.#ipv4)
    yield* entriesOf(this.#ipv6)
  }

  #root(family: IpFamily): Node<T> | undefined {
    return family === 4 ? this.#ipv4 : this.#ipv6
  }

  #setRoot(family: IpFamily, root: Node<T> | undefined): void {
    if (family === 4) this.#ipv4 = root
    else this.#ipv6 = root
  }

  #insert(node: Node<T> | undefined, prefix: IpPrefix, value: T): Node<T> {
    const bytes = prefix.address.bytes
    const entry = { prefix, value }
    if (node === undefined) {
      this.#size++
      return { bytes, length: prefix.length, entry, zero: undefined, one: undefined }
    }
    const common = matchingBits(node.bytes, bytes, 0, Math.min(node.length, prefix.length))
    if (common < node.length) {
      // The new prefix leaves the path above this node: a node for the common part takes its place.
      const fork: Node<T> = { bytes, length: common, entry: undefined, zero: undefined, one: undefined }
      if (bitAt(node.bytes, 0, common)) fork.one = node
      else fork.zero = node
      return this.#insert(fork, prefix, value)
    }
    if (node.length === prefix.length) {
      if (node.entry === undefined) this.#size++
      node.entry = entry
    } else if (bitAt(bytes, 0, node.length)) node.one = this.#insert(node.one, prefix, value)
    else node.zero = this.#insert(node.zero, prefix, value)
    return node
  }

  #remove(node: Node<T> | undefined, prefix: IpPrefix): Node<T> | undefined {
    const bytes = prefix.address.bytes
    if (node === undefined || node.length > prefix.length) return node
    if (matchingBits(node.bytes, bytes, 0, node.length) < node.length) return node
    if (node.length === prefix.length) {
      if (node.entry !== undefined) this.#size--
      node.entry = undefined
    } else if (bitAt(bytes, 0, node.length)) node.one = this.#remove(node.one, prefix)
    else node.zero = this.#remove(node.zero, prefix)
    if (node.entry !== undefined || (node.zero !== undefined && node.one !== undefined)) return node
    return node.zero ?? node.one // a node that neither holds nor forks is not needed
  }
}

interface Entry<T> {
  readonly prefix: IpPrefix
  readonly value: T
}

interface Node<T> {
  readonly bytes: Uint8Array
  readonly length: number
  entry: Entry<T> | undefined
  zero: Node<T> | undefined
  one: Node<T> | undefined
}

const bitAt = (bytes: Uint8Array, offset: number, bit: number): boolean =>
  ((bytes[offset + (bit >> 3)]! >> (7 - (bit & 7))) & 1) === 1

function* entriesOf<T>(node: Node<T> | undefined): IterableIterator<readonly [IpPrefix, T]> {
  if (node === undefined) return
  if (node.entry !== undefined) yield [node.entry.prefix, node.entry.value]
  yield* entriesOf(node.zero)
  yield* entriesOf(node.one)
}
