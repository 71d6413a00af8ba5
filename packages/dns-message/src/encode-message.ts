import { unreachable, viewOf } from '@sallyport/sans-io'
import { HEADER_LENGTH, MAX_MESSAGE_LENGTH } from './constants.ts'
import type { DomainName } from './domain-name.ts'
import type { DnsMessage, DnsRecord, Parameter, RecordData } from './message.ts'
import { truncateMessage } from './truncate.ts'

/** How a message is written. */
export interface EncodeOptions {
  /** The most bytes; a longer message is cut behind its questions (see {@link truncateMessage}). 65535 by default. */
  readonly limit?: number
  /** Whether names that were written before are pointed to (RFC 1035 §4.1.4); `false` by default. */
  readonly compresses?: boolean
}

/** Returns the bytes of a message. Throws a `RangeError` for numbers, strings or parameters that don't fit. */
export function encodeMessage(message: DnsMessage, options: EncodeOptions = {}): Uint8Array {
  const { questions, answers, authorities, additionals } = message
  const writer = new Writer(options.compresses ?? false)
  for (const word of [message.id, message.flags, questions.length, answers.length, authorities.length]) writer.u16(word)
  writer.u16(additionals.length)
  for (const { name, type, class: klass } of questions) {
    writer.name(name)
    writer.u16(type)
    writer.u16(klass)
  }
  for (const record of answers) writer.record(record)
  for (const record of authorities) writer.record(record)
  for (const record of additionals) writer.record(record)
  return truncateMessage(writer.finish(), Math.min(options.limit ?? MAX_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH))
}

class Writer {
  #bytes = new Uint8Array(512)
  #view = viewOf(this.#bytes)
  #length = 0
  readonly #compresses: boolean
  /** Where names, and the ends of names, have been written: by their text. */
  readonly #written = new Map<string, number>()

  constructor(compresses: boolean) {
    this.#compresses = compresses
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, Math.max(HEADER_LENGTH, this.#length))
  }

  u8(value: number): void {
    this.#grow(1, value, 0xff)
    this.#view.setUint8(this.#length - 1, value)
  }

  u16(value: number): void {
    this.#grow(2, value, 0xffff)
    this.#view.setUint16(this.#length - 2, value)
  }

  u32(value: number): void {
    this.#grow(4, value, 0xffff_ffff)
    this.#view.setUint32(this.#length - 4, value)
  }

  bytes(bytes: Uint8Array): void {
    this.#grow(bytes.length, 0, 0)
    this.#bytes.set(bytes, this.#length - bytes.length)
  }

  /** @param compresses - `false` in the data of types that came after RFC 1035 (RFC 3597 §4). */
  name(name: DomainName, compresses = true): void {
    if (!this.#compresses || !compresses) {
      this.bytes(name.wire)
      return
    }
    for (let at = 0; name.wire[at] !== 0; at += 1 + name.wire[at]!) {
      const rest = String.fromCharCode(...name.wire.subarray(at)) // in its case: what is pointed to reads the same
      const target = this.#written.get(rest)
      if (target !== undefined) {
        this.u16(0xc000 | target)
        return
      }
      if (this.#length < 0x4000) this.#written.set(rest, this.#length)
      this.bytes(name.wire.subarray(at, at + 1 + name.wire[at]!))
    }
    this.u8(0)
  }

  record(record: DnsRecord): void {
    this.name(record.name)
    this.u16(record.type)
    this.u16(record.class)
    this.u32(record.ttl)
    const lengthAt = this.#length
    this.u16(0)
    this.#data(record.data)
    const length = this.#length - lengthAt - 2
    if (length > 0xffff) throw new RangeError(`a record of ${length} bytes`)
    this.#view.setUint16(lengthAt, length)
  }

  #data(data: RecordData): void {
    switch (data.kind) {
      case 'address':
        this.bytes(data.address.bytes)
        return
      case 'name':
        this.name(data.target)
        return
      case 'mx':
        this.u16(data.preference)
        this.name(data.exchange)
        return
      case 'srv':
        for (const word of [data.priority, data.weight, data.port]) this.u16(word)
        this.name(data.target, false)
        return
      case 'txt':
        for (const string of data.strings) {
          this.u8(string.length)
          this.bytes(string)
        }
        return
      case 'soa':
        this.name(data.primary)
        this.name(data.mailbox)
        for (const word of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.u32(word)
        return
      case 'svcb':
        this.u16(data.priority)
        this.name(data.target, false)
        this.#parameters(data.parameters)
        return
      case 'opt':
        this.#parameters(data.options)
        return
      case 'opaque':
        this.bytes(data.bytes)
        return
      default:
        unreachable(data)
    }
  }

  #parameters(parameters: readonly Parameter[]): void {
    for (const { key, value } of parameters) {
      this.u16(key)
      this.u16(value.length)
      this.bytes(value)
    }
  }

  #grow(length: number, value: number, limit: number): void {
    if (value < 0 || value > limit) throw new RangeError(`${value} is not from 0 to ${limit}`)
    const wanted = this.#length + length
    if (wanted > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = viewOf(larger)
    }
    this.#length = wanted
  }
}
