/**
 * A name server of the lab.
 *
 * Usage: name-server.ts ADDRESS NAME=VALUE…
 *
 * A value is an IPv4 or IPv6 address, or text for a TXT record; a name may have several. What isn't listed doesn't exist.
 */
import dgram from 'node:dgram'
import {
  DomainName,
  encodeMessage,
  makeRecord,
  makeResponse,
  parseQuery,
  RecordType,
  ResponseCode,
} from '@sallyport/dns-message'
import { IpAddress, utf8 } from '@sallyport/sans-io'

const [address = '127.0.0.1', ...entries] = process.argv.slice(2)

const records = entries.map(entry => {
  const name = DomainName.of(entry.slice(0, entry.indexOf('=')))
  const value = entry.slice(entry.indexOf('=') + 1)
  const ip = IpAddress.parse(value)
  if (ip === undefined) return makeRecord(name, RecordType.TXT, 60, { kind: 'txt', strings: [utf8(value)] })
  return makeRecord(name, ip.family === 4 ? RecordType.A : RecordType.AAAA, 60, { kind: 'address', address: ip })
})

const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4')
socket.on('message', (bytes, from) => {
  const query = parseQuery(bytes)
  if (typeof query === 'string') return
  const { name, type } = query.question
  console.log(`asked for ${name} ${type}`)
  const ofName = records.filter(record => record.name.equals(name))
  const code = ofName.length > 0 ? ResponseCode.NO_ERROR : ResponseCode.NAME_ERROR
  const answers = ofName.filter(record => record.type === type)
  socket.send(encodeMessage(makeResponse(query, code, answers)), from.port, from.address)
})
socket.bind(53, address, () => console.log(`listening on ${address} port 53`))
