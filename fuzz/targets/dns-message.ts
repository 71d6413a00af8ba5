import {
  DomainName,
  encodeMessage,
  makeQuery,
  makeRecord,
  makeResponse,
  parseMessage,
  parseQuery,
  parseResponse,
  type RecordData,
  RecordType,
  ResponseCode,
  truncateMessage,
} from '@sallyport/dns-message'
import { IpAddress, toHex, utf8 } from '@sallyport/sans-io'
import { demand, type FuzzTarget } from '../target.ts'

const NAME = DomainName.of('git.Corp.example')
const DATA: readonly (readonly [number, RecordData])[] = [
  [RecordType.A, { kind: 'address', address: IpAddress.of('100.96.0.1') }],
  [RecordType.CNAME, { kind: 'name', target: DomainName.of('www.corp.example') }],
  [RecordType.SRV, { kind: 'srv', priority: 1, weight: 2, port: 3, target: NAME }],
  [RecordType.TXT, { kind: 'txt', strings: [utf8('v=1')] }],
  [RecordType.HTTPS, { kind: 'svcb', priority: 1, target: NAME, parameters: [{ key: 1, value: utf8('h2') }] }],
]

/** DNS messages: parsing never throws, and what was read can be written, with and without compression, and read again. */
export const dnsMessage: FuzzTarget = {
  seeds() {
    const query = encodeMessage(makeQuery(1, NAME, RecordType.A))
    const asked = parseQuery(query)
    demand(typeof asked !== 'string', 'our own query can not be read')
    const records = DATA.map(([type, data]) => makeRecord(NAME, type, 1, data))
    const response = makeResponse(asked, ResponseCode.NO_ERROR, records)
    return [query, encodeMessage(response), encodeMessage(response, { compresses: true })]
  },
  run(inputs) {
    for (const bytes of inputs) {
      parseQuery(bytes)
      parseResponse(bytes)
      demand(truncateMessage(bytes, 512).length <= Math.max(512, 12), 'what was cut is too long')
      const message = parseMessage(bytes)
      if (typeof message === 'string') continue
      for (const compresses of [false, true]) {
        const again = parseMessage(encodeMessage(message, { compresses }))
        demand(typeof again !== 'string', `what was read can't be read again: ${again}`)
        if ((message.flags & 0x0200) === 0) demand(shown(again) === shown(message), 'what was read reads otherwise')
      }
    }
  },
}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => (item instanceof Uint8Array ? toHex(item) : item))
