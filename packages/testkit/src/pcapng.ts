import { utf8 } from '@sallyport/sans-io'

/** One packet as it is written to a file. */
export interface CapturedPacket {
  /** Microseconds since 1970. */
  readonly at: number
  /** The number that {@link PcapngWriter.addInterface} gave. */
  readonly interface: number
  /** A whole IP packet. */
  readonly bytes: Uint8Array
}

const SECTION_HEADER = 0x0a0d0d0a
const INTERFACE_DESCRIPTION = 1
const ENHANCED_PACKET = 6
const BYTE_ORDER_MAGIC = 0x1a2b3c4d
/** Packets begin with an IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101
const OPTION_IF_NAME = 2

/**
 * Writes captures that Wireshark opens: pcapng (draft-ietf-opsawg-pcapng), little-endian, times in microseconds.
 *
 * ```
 * section header │ interface description … │ enhanced packet …      each: type │ length │ body, padded to 4 │ length
 * ```
 */
export class PcapngWriter {
  readonly #blocks: Uint8Array[] = [block(SECTION_HEADER, sectionHeader())]
  #interfaces = 0

  /** Adds a place where packets are seen, and returns its number. */
  addInterface(name: string): number {
    const text = utf8(name)
    const body = new Uint8Array(8 + 4 + padded(text.length) + 4)
    const view = new DataView(body.buffer)
    view.setUint16(0, LINKTYPE_RAW, true)
    view.setUint16(8, OPTION_IF_NAME, true)
    view.setUint16(10, text.length, true)
    body.set(text, 12)
    this.#blocks.push(block(INTERFACE_DESCRIPTION, body))
    return this.#interfaces++
  }

  /** Adds a packet. */
  write({ at, interface: number, bytes }: CapturedPacket): void {
    const body = new Uint8Array(20 + padded(bytes.length))
    const view = new DataView(body.buffer)
    view.setUint32(0, number, true)
    view.setUint32(4, Math.floor(at / 2 ** 32), true)
    view.setUint32(8, at % 2 ** 32, true)
    view.setUint32(12, bytes.length, true)
    view.setUint32(16, bytes.length, true)
    body.set(bytes, 20)
    this.#blocks.push(block(ENHANCED_PACKET, body))
  }

  /** Returns the file. */
  bytes(): Uint8Array {
    const file = new Uint8Array(this.#blocks.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const each of this.#blocks) {
      file.set(each, at)
      at += each.length
    }
    return file
  }
}

const padded = (length: number): number => (length + 3) & ~3

function sectionHeader(): Uint8Array {
  const body = new Uint8Array(16).fill(0xff) // the last 8: a section of unknown length
  const view = new DataView(body.buffer)
  view.setUint32(0, BYTE_ORDER_MAGIC, true)
  view.setUint16(4, 1, true)
  view.setUint16(6, 0, true)
  return body
}

function block(type: number, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(12 + body.length)
  const view = new DataView(whole.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, whole.length, true)
  whole.set(body, 8)
  view.setUint32(whole.length - 4, whole.length, true)
  return whole
}
