import { viewOf } from '@sallyport/sans-io'
import { DomainName, MAX_NAME_LENGTH } from './domain-name.ts'
import type { DnsDefect } from './message.ts'

/** The most bytes that all names of a message may have when written out: many pointers to a long name are an attack. */
const MAX_NAME_BYTES = 0x4_0000

/**
 * Reads a message from left to right. After the first defect it answers zeros, so that callers look at the end only.
 */
export class Reader {
  /** The first defect, if there was one. */
  defect: DnsDefect | undefined
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #end: number
  #nameBytes = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
    this.#end = bytes.length
  }

  /** Whether there was no defect so far. */
  get isGood(): boolean {
    return this.defect === undefined
  }

  /** How many bytes are left of the record, or of the message. */
  get left(): number {
    return this.#end - this.#at
  }

  /** Where the next byte lies. */
  get position(): number {
    return this.#at
  }

  /** Notes a defect, unless there was one before. */
  fail(defect: DnsDefect): void {
    this.defect ??= defect
  }

  /** Reads an 8-bit number. */
  u8(): number {
    return this.#take(1) ? this.#view.getUint8(this.#at - 1) : 0
  }

  /** Reads a 16-bit number. */
  u16(): number {
    return this.#take(2) ? this.#view.getUint16(this.#at - 2) : 0
  }

  /** Reads a 32-bit number. */
  u32(): number {
    return this.#take(4) ? this.#view.getUint32(this.#at - 4) : 0
  }

  /** Copies `length` bytes. */
  bytes(length: number): Uint8Array {
    return this.#take(length) ? new Uint8Array(this.#bytes.subarray(this.#at - length, this.#at)) : new Uint8Array(0)
  }

  /** Reads a record's data of `length` bytes, all of which it has to use; `undefined` after a defect. */
  within<T>(length: number, read: () => T): T | undefined {
    if (!this.isGood) return undefined
    if (length > this.left) {
      this.fail('truncated-message')
      return undefined
    }
    const outer = this.#end
    this.#end = this.#at + length
    const value = read()
    if (this.#at !== this.#end) this.fail('bad-record-data')
    this.#end = outer
    return this.isGood ? value : undefined
  }

  /**
   * Reads a name, compressed or not (RFC 1035 §4.1.4).
   *
   * A pointer has to lead to before the part that it ends, which rules out loops.
   */
  name(): DomainName {
    const labels: Uint8Array[] = []
    let at = this.#at
    let end = this.#end
    let start = at
    let after = -1
    for (let length = 1; this.isGood; ) {
      const byte = at < end ? this.#bytes[at]! : -1
      if (byte === 0) {
        this.#at = after < 0 ? at + 1 : after
        break
      }
      if (byte >= 0xc0 && at + 1 < end) {
        const target = ((byte & 0x3f) << 8) | this.#bytes[at + 1]!
        if (after < 0) after = at + 2
        if (target >= start) this.fail('bad-name')
        start = at = target
        end = this.#bytes.length
      } else if (byte > 0 && byte < 0x40 && at + byte < end) {
        length += 1 + byte
        if (length > MAX_NAME_LENGTH) this.fail('bad-name')
        labels.push(this.#bytes.subarray(at + 1, at + 1 + byte))
        at += 1 + byte
      } else this.fail(byte >= 0x40 && byte < 0xc0 ? 'bad-name' : 'truncated-message')
    }
    if (!this.isGood) return DomainName.ROOT
    const name = DomainName.fromLabels(labels)!
    this.#nameBytes += name.wire.length
    if (this.#nameBytes > MAX_NAME_BYTES) this.fail('decompression-bomb')
    return name
  }

  #take(length: number): boolean {
    if (!this.isGood) return false
    if (length > this.left) {
      this.fail(this.#end === this.#bytes.length ? 'truncated-message' : 'bad-record-data')
      return false
    }
    this.#at += length
    return true
  }
}
