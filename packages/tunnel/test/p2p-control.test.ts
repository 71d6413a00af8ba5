import { PacketHeader } from '@sallyport/ip-packet'
import type { ResourceId } from '@sallyport/portal-protocol'
import { fromHex, parseUtf8, utf8 } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeAssignedIps,
  encodeDomainStatus,
  makeGoodbye,
  parseAssignedIps,
  parseDomainStatus,
} from '../src/index.ts'
import { encodeControl, GOODBYE, isControl, parseControl } from '../src/p2p-control/frame.ts'
import { ip } from './support.ts'

const resource = '00000000-0000-0000-0000-000000000065' as ResourceId
const proxyIps = [
  '100.96.0.1',
  '100.96.0.2',
  '100.96.0.3',
  '100.96.0.4',
  'fd00:2021:1111:8000::',
  'fd00:2021:1111:8000::1',
  'fd00:2021:1111:8000::2',
  'fd00:2021:1111:8000::3',
].map(ip)

describe('goodbye', () => {
  test('is exactly these 48 bytes, and is recognised again', () => {
    const goodbye = makeGoodbye()

    expect(goodbye).toEqual(
      fromHex(`60 00 00 00 00 08 ff 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        02 00 00 00 00 00 00 00`),
    )
    expect(read(goodbye)).toEqual({ event: GOODBYE, body: new Uint8Array(0) })
  })

  test('what lies in its reserved bytes or behind them does not matter', () => {
    const packet = encodeControl(GOODBYE, utf8('until tomorrow'))
    packet.fill(9, 41, 48)

    expect(read(packet)?.event).toBe(GOODBYE)
  })
})

describe('assigned addresses', () => {
  test('are written as Firezone writes them', () => {
    const packet = encodeAssignedIps({ resource, domain: 'example.com', proxyIps })

    expect(packet.length).toBe(287)
    expect(packet.subarray(0, 8)).toEqual(fromHex('60 00 00 00 00 f7 ff 00'))
    expect(parseUtf8(packet.subarray(48))).toBe(
      '{"resource":"00000000-0000-0000-0000-000000000065","domain":"example.com","proxy_ips":["100.96.0.1","100.96.0.2","100.96.0.3","100.96.0.4","fd00:2021:1111:8000::","fd00:2021:1111:8000::1","fd00:2021:1111:8000::2","fd00:2021:1111:8000::3"]}',
    )
    expect(parseAssignedIps(read(packet)!.body)).toEqual({ resource, domain: 'example.com', proxyIps })
  })

  test('are 4 or 8, nothing else', () => {
    for (let n = 0; n <= 8; n++) {
      const encode = () => encodeAssignedIps({ resource, domain: 'a', proxyIps: proxyIps.slice(0, n) })
      if (n === 4 || n === 8) expect(encode).not.toThrow()
      else expect(encode).toThrow(RangeError)
    }
  })

  test('of the longest name and short addresses are 402 bytes', () => {
    const short = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4', '::1', '::2', '::3', '::4'].map(ip)

    expect(encodeAssignedIps({ resource, domain: 'a'.repeat(253), proxyIps: short }).length - 48).toBe(402)
  })

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['null', 'null'],
    ['no resource', '{"domain":"a","proxy_ips":[]}'],
    ['a resource that is no id', '{"resource":"x","domain":"a","proxy_ips":[]}'],
    ['a number for a name', `{"resource":"${resource}","domain":1,"proxy_ips":[]}`],
    ['no addresses', `{"resource":"${resource}","domain":"a"}`],
    ['an address that is none', `{"resource":"${resource}","domain":"a","proxy_ips":["1.1.1"]}`],
    ['a number for an address', `{"resource":"${resource}","domain":"a","proxy_ips":[1]}`],
  ])('are not read from %s', (_, json) => {
    expect(parseAssignedIps(utf8(json))).toBeUndefined()
  })
})

describe('the status of a name', () => {
  test('is written as Firezone writes it', () => {
    const packet = encodeDomainStatus({ resource, domain: 'example.com', isActive: true })

    expect(packet.length).toBe(140)
    expect(parseUtf8(packet.subarray(48))).toBe(
      '{"resource":"00000000-0000-0000-0000-000000000065","domain":"example.com","status":"Active"}',
    )
    for (const isActive of [true, false])
      expect(parseDomainStatus(read(encodeDomainStatus({ resource, domain: 'a', isActive }))!.body)).toEqual({
        resource,
        domain: 'a',
        isActive,
      })
  })

  test('that is not known means inactive; a trailing dot and further fields do not matter', () => {
    const json = `{"resource":"${resource}","domain":"example.com.","status":"Retired","since":1}`

    expect(parseDomainStatus(utf8(json))).toEqual({ resource, domain: 'example.com', isActive: false })
  })

  test('is not read from what lacks a field', () => {
    expect(parseDomainStatus(utf8(`{"resource":"${resource}","domain":"a"}`))).toBeUndefined()
    expect(parseDomainStatus(utf8('{"resource":"x","domain":"a","status":"Active"}'))).toBeUndefined()
    expect(parseDomainStatus(Uint8Array.of(0xff))).toBeUndefined()
  })
})

describe('a control message', () => {
  test.each([
    ['source', 8],
    ['source', 23],
    ['destination', 24],
    ['destination', 39],
    ['next header', 6],
  ])('is none with another %s', (_, at) => {
    const packet = makeGoodbye()
    packet[at] = 59

    expect(read(packet)).toBeUndefined()
  })

  test('may be too short to be read, but is still told from traffic', () => {
    const packet = makeGoodbye().slice(0, 47)
    packet[5] = 7
    const header = parsed(packet)

    expect(isControl(header, packet)).toBe(true)
    expect(parseControl(header, packet)).toBeUndefined()
  })

  test('is never longer than the tunnel carries', () => {
    expect(() => encodeControl(0, new Uint8Array(1233))).toThrow(RangeError)
    expect(encodeControl(0, new Uint8Array(1232)).length).toBe(1280)
  })

  test('is read from any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ maxLength: 100 }), (bytes, text) => {
        for (const body of [bytes, utf8(text), utf8(JSON.stringify({ resource, domain: text, proxy_ips: [text] }))]) {
          parseAssignedIps(body)
          parseDomainStatus(body)
        }
      }),
    )
  })
})

function parsed(packet: Uint8Array): PacketHeader {
  const header = new PacketHeader()
  expect(header.parse(packet, 0, packet.length)).toBeUndefined()
  return header
}

function read(packet: Uint8Array) {
  const header = parsed(packet)
  return isControl(header, packet) ? parseControl(header, packet) : undefined
}
