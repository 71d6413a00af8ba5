import { RingBuffer } from './ring-buffer.ts'

/** What was written and isn't acknowledged yet, sent or not: at most `capacity` bytes. */
export class SendBuffer {
  readonly #ring: RingBuffer

  constructor(capacity: number) {
    this.#ring = new RingBuffer(capacity)
  }

  /** How many bytes wait for an acknowledgement or to be sent. */
  get length(): number {
    return this.#ring.length
  }

  /** How many more bytes can be written. */
  get free(): number {
    return this.#ring.free
  }

  /** Appends as many of the bytes as fit, which are copied, and returns how many. */
  write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.#ring.free)
    this.#ring.writeAhead(0, bytes, 0, count)
    this.#ring.commit(count)
    return count
  }

  /** Returns a copy of the `length` bytes from `offset` on. They must be there. */
  slice(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    this.#ring.copy(offset, bytes)
    return bytes
  }

  /** Forgets the first `count` bytes: they have arrived. */
  acknowledge(count: number): void {
    this.#ring.discard(count)
  }
}
