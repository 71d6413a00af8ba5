import { HEADER_LENGTH, RecordType } from './constants.ts'
import type { DomainName } from './domain-name.ts'
import type { DnsDefect, DnsMessage, DnsRecord, Edns, Question } from './message.ts'
import { parseRecordData } from './parse-record-data.ts'
import { Reader } from './reader.ts'

/**
 * Parses a whole message (RFC 1035 §4.1).
 *
 * @param bytes - One datagram, or what a length prefix announced over TCP. Borrowed: nothing of the result is a view.
 * @returns the message, or the first defect found. Never throws: these bytes come from strangers.
 */
export function parseMessage(bytes: Uint8Array): DnsMessage | DnsDefect {
  if (bytes.length < HEADER_LENGTH) return 'truncated-header'
  const reader = new Reader(bytes)
  const [id, flags] = [reader.u16(), reader.u16()]
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const
  const questions: Question[] = []
  for (let i = 0; i < counts[0] && reader.isGood; i++) {
    const name = reader.name()
    questions.push({ name, type: reader.u16(), class: reader.u16() })
  }
  const answers = readRecords(reader, counts[1])
  const authorities = readRecords(reader, counts[2])
  const additionals = readRecords(reader, counts[3])
  return reader.defect ?? { id, flags, questions, answers, authorities, additionals }
}

/** Returns the EDNS parameters of a message, or `undefined` if it has none. */
export function ednsOf(message: DnsMessage): Edns | undefined {
  const record = message.additionals.find(({ type }) => type === RecordType.OPT)
  if (record?.data.kind !== 'opt') return undefined
  return {
    udpPayloadLength: record.class,
    extendedCode: record.ttl >>> 24,
    version: (record.ttl >>> 16) & 0xff,
    dnssecOk: (record.ttl & 0x8000) !== 0,
    options: record.data.options,
  }
}

function readRecords(reader: Reader, count: number): DnsRecord[] {
  const records: DnsRecord[] = []
  for (let i = 0; i < count && reader.isGood; i++) {
    const name: DomainName = reader.name()
    const [type, klass, ttl, length] = [reader.u16(), reader.u16(), reader.u32(), reader.u16()]
    const data = reader.within(length, () => parseRecordData(reader, type))
    if (data !== undefined) records.push({ name, type, class: klass, ttl, data })
  }
  return records
}
