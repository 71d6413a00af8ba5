/**
 * Asks a DNS server as an application's resolver would, three times at most.
 *
 * Usage: lookup.ts SERVER NAME A|AAAA|TXT
 *
 * Prints `{ "code": …, "answers": […] }`.
 */
import dgram from 'node:dgram'
import {
  DomainName,
  encodeMessage,
  makeQuery,
  parseResponse,
  type RecordData,
  RecordType,
  responseCodeOf,
} from '@sallyport/dns-message'
import { parseUtf8 } from '@sallyport/sans-io'

const [server = '127.0.0.1', name = '.', type = 'A'] = process.argv.slice(2)

const number = { A: RecordType.A, AAAA: RecordType.AAAA, TXT: RecordType.TXT }[type]
if (number === undefined) throw new Error(`unknown type ${type}`)
const query = encodeMessage(makeQuery(process.pid & 0xffff, DomainName.of(name), number))
const socket = dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4')
socket.on('message', bytes => {
  const response = parseResponse(bytes)
  if (typeof response === 'string') return
  const answers = response.message.answers.map(({ data }) => textOf(data))
  console.log(JSON.stringify({ code: responseCodeOf(response.message), answers }))
  process.exit(0)
})
const ask = (): void => socket.send(query, 53, server)
ask()
for (const seconds of [2, 4]) setTimeout(ask, seconds * 1000)
setTimeout(() => process.exit(1), 6000)

function textOf(data: RecordData): string | undefined {
  if (data.kind === 'address') return data.address.text
  return data.kind === 'txt' ? data.strings.map(string => parseUtf8(string)).join('') : undefined
}
