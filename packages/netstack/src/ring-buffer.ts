/**
 * Bytes in a ring of fixed capacity: some at its front that are valid, others written ahead of them.
 *
 * Its memory is only taken when the first byte comes.
 */
export class RingBuffer {
  readonly capacity: number
  #bytes: Uint8Array | undefined
  #start = 0
  #length = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** How many bytes are valid, from the front. */
  get length(): number {
    return this.#length
  }

  /** How many more bytes fit. */
  get free(): number {
    return this.capacity - this.#length
  }

  /** Copies bytes to `offset` behind the valid ones without making them valid. They must fit. */
  writeAhead(offset: number, from: Uint8Array, start: number, length: number): void {
    if (offset + length > this.free) throw new RangeError(`no room for ${length} bytes ${offset} ahead`)
    this.#bytes ??= new Uint8Array(this.capacity)
    const at = (this.#start + this.#length + offset) % this.capacity
    const head = Math.min(length, this.capacity - at)
    this.#bytes.set(from.subarray(start, start + head), at)
    if (head < length) this.#bytes.set(from.subarray(start + head, start + length), 0)
  }

  /** Makes the next `count` bytes valid that were written ahead. */
  commit(count: number): void {
    this.#length += count
  }

  /** Copies valid bytes from `offset` on to `into`, as many as there are and fit, and returns how many. */
  copy(offset: number, into: Uint8Array): number {
    const length = Math.min(into.length, this.#length - offset)
    if (length <= 0 || this.#bytes === undefined) return 0
    const at = (this.#start + offset) % this.capacity
    const head = Math.min(length, this.capacity - at)
    into.set(this.#bytes.subarray(at, at + head))
    if (head < length) into.set(this.#bytes.subarray(0, length - head), head)
    return length
  }

  /** Forgets the first `count` valid bytes. */
  discard(count: number): void {
    this.#start = (this.#start + count) % this.capacity
    this.#length -= count
  }
}
