import { IpAddress } from '@sallyport/sans-io'
import { RecordType } from './constants.ts'
import type { Parameter, RecordData } from './message.ts'
import type { Reader } from './reader.ts'

/** Reads the data of a record of that type: everything that is left to `reader`. */
export function parseRecordData(reader: Reader, type: number): RecordData {
  switch (type) {
    case RecordType.A:
      return readAddress(reader, 4)
    case RecordType.AAAA:
      return readAddress(reader, 16)
    case RecordType.NS:
    case RecordType.CNAME:
    case RecordType.PTR:
      return { kind: 'name', target: reader.name() }
    case RecordType.MX:
      return { kind: 'mx', preference: reader.u16(), exchange: reader.name() }
    case RecordType.SRV: {
      const [priority, weight, port] = [reader.u16(), reader.u16(), reader.u16()]
      return { kind: 'srv', priority, weight, port, target: reader.name() }
    }
    case RecordType.TXT: {
      const strings: Uint8Array[] = []
      while (reader.isGood && reader.left > 0) strings.push(reader.bytes(reader.u8()))
      return { kind: 'txt', strings }
    }
    case RecordType.SOA: {
      const [primary, mailbox] = [reader.name(), reader.name()]
      const [serial, refresh, retry] = [reader.u32(), reader.u32(), reader.u32()]
      return { kind: 'soa', primary, mailbox, serial, refresh, retry, expire: reader.u32(), minimum: reader.u32() }
    }
    case RecordType.SVCB:
    case RecordType.HTTPS: {
      const [priority, target] = [reader.u16(), reader.name()]
      const parameters = readParameters(reader)
      // RFC 9460 §2.2: in strictly ascending order, or the record is malformed.
      if (parameters.some(({ key }, i) => i > 0 && key <= parameters[i - 1]!.key)) reader.fail('bad-record-data')
      return { kind: 'svcb', priority, target, parameters }
    }
    case RecordType.OPT:
      return { kind: 'opt', options: readParameters(reader) }
    default:
      return { kind: 'opaque', bytes: reader.bytes(reader.left) }
  }
}

function readAddress(reader: Reader, length: number): RecordData {
  if (reader.left !== length) {
    reader.fail('bad-record-data')
    return { kind: 'opaque', bytes: reader.bytes(0) }
  }
  return { kind: 'address', address: IpAddress.fromBytes(reader.bytes(length)) }
}

function readParameters(reader: Reader): Parameter[] {
  const parameters: Parameter[] = []
  while (reader.isGood && reader.left > 0) {
    const key = reader.u16()
    parameters.push({ key, value: reader.bytes(reader.u16()) })
  }
  return parameters
}
