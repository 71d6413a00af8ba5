import { IpAddress, SocketAddress } from '@sallyport/sans-io'

/**
 * Socket addresses by their bytes, so that a packet from a known peer makes no object.
 *
 * A table of fixed size in which a newcomer takes the place of one that it collides with; strangers' addresses can
 * push others out, which costs an allocation, but never make it grow.
 */
export class AddressCache {
  readonly #mask: number
  readonly #words: Int32Array
  readonly #addresses: (SocketAddress | undefined)[]
  /** How often an address had to be made: what an eviction costs. */
  misses = 0

  /** @param size - How many addresses it holds: a power of two. */
  constructor(size: number) {
    this.#mask = size - 1
    this.#words = new Int32Array(size * WORDS)
    this.#addresses = new Array<SocketAddress | undefined>(size).fill(undefined)
  }

  /** Returns the address of the 4 bytes at `offset` and `port`. */
  v4(view: DataView, offset: number, port: number): SocketAddress {
    return this.#find(view, offset, 4, view.getInt32(offset), 0, 0, 0, port)
  }

  /** Returns the address of the 16 bytes at `offset` and `port`. */
  v6(view: DataView, offset: number, port: number): SocketAddress {
    const a = view.getInt32(offset)
    const b = view.getInt32(offset + 4)
    const c = view.getInt32(offset + 8)
    const d = view.getInt32(offset + 12)
    return this.#find(view, offset, 16, a, b, c, d, port | IS_V6)
  }

  #find(
    view: DataView,
    offset: number,
    length: number,
    a: number,
    b: number,
    c: number,
    d: number,
    port: number,
  ): SocketAddress {
    const slot = hash(a, b, c, d, port) & this.#mask
    const at = slot * WORDS
    const words = this.#words
    const found = this.#addresses[slot]
    if (
      found !== undefined &&
      words[at] === a &&
      words[at + 1] === b &&
      words[at + 2] === c &&
      words[at + 3] === d &&
      words[at + 4] === port
    )
      return found
    this.misses++
    words[at] = a
    words[at + 1] = b
    words[at + 2] = c
    words[at + 3] = d
    words[at + 4] = port
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length)
    const made = new SocketAddress(IpAddress.fromBytes(bytes), port & 0xffff)
    this.#addresses[slot] = made
    return made
  }
}

/** Columns of an entry: the address, and the port with {@link IS_V6}. */
const WORDS = 5
const IS_V6 = 0x1_0000

function hash(a: number, b: number, c: number, d: number, e: number): number {
  let h = Math.imul(a ^ Math.imul(b ^ Math.imul(c ^ Math.imul(d ^ Math.imul(e, PRIME), PRIME), PRIME), PRIME), PRIME)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return h ^ (h >>> 13)
}

const PRIME = 0x01000193
