import { IpAddress, SocketAddress } from '@sallyport/sans-io'

/**
 * Socket addresses by their bytes, so that a packet from a known peer makes no object.
 *
 * A table of fixed size, in sets of {@link WAYS}: a newcomer takes the place of one of its set, in turn. Strangers'
 * addresses can push others out, which costs an allocation, but never make it grow.
 */
export class AddressCache {
  readonly #setMask: number
  readonly #words: Int32Array
  readonly #addresses: (SocketAddress | undefined)[]
  /** Which one of a full set has to go next. */
  #victim = 0
  /** How often an address had to be made: what an eviction costs. */
  misses = 0

  /** @param size - How many addresses it holds: a power of two, at least {@link WAYS}. */
  constructor(size: number) {
    this.#setMask = size / WAYS - 1
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
    const first = (hash(a, b, c, d, port) & this.#setMask) * WAYS
    const words = this.#words
    let free = -1
    for (let slot = first; slot < first + WAYS; slot++) {
      const found = this.#addresses[slot]
      if (found === undefined) {
        free = slot
        break // sets fill up from the front
      }
      const at = slot * WORDS
      if (
        words[at] === a &&
        words[at + 1] === b &&
        words[at + 2] === c &&
        words[at + 3] === d &&
        words[at + 4] === port
      )
        return found
    }
    if (free < 0) this.#victim = (this.#victim + 1) % WAYS
    const slot = free < 0 ? first + this.#victim : free
    const at = slot * WORDS
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

/** How many addresses of one hash fit: with fewer, a thousand clients push each other out all the time. */
const WAYS = 4

/** Columns of an entry: the address, and the port with {@link IS_V6}. */
const WORDS = 5
const IS_V6 = 0x1_0000

function hash(a: number, b: number, c: number, d: number, e: number): number {
  let h = Math.imul(a ^ Math.imul(b ^ Math.imul(c ^ Math.imul(d ^ Math.imul(e, PRIME), PRIME), PRIME), PRIME), PRIME)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const PRIME = 0x01000193
