import { SocketAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Candidate,
  hostCandidate,
  isSameCandidate,
  relayedCandidate,
  serverReflexiveCandidate,
} from './candidate.ts'
import { formatCandidate, parseCandidate } from './candidate-sdp.ts'

const address = (text: string): SocketAddress => SocketAddress.of(text)

function parsed(text: string): Candidate {
  const candidate = parseCandidate(text)
  if (typeof candidate === 'string') throw new Error(candidate)
  return candidate
}

describe("a candidate's text", () => {
  test.each([
    'candidate:fffeff7e5e895846293d220a 1 udp 2130706175 192.168.1.23 52625 typ host ufrag dfvk',
    'candidate:fffeff64c3d0 1 udp 1694498559 203.0.113.7 52625 typ srflx raddr 0.0.0.0 rport 0',
    'candidate:fffe3f02aa11 1 udp 37748479 198.51.100.10 53909 typ relay raddr 0.0.0.0 rport 0 ufrag dfvk',
    'candidate:x 1 udp 37748735 2001:db8::101 53909 typ relay raddr :: rport 0',
    'candidate:x 1 udp 1862270719 2001:db8::101 0 typ prflx',
  ])('is written as it was read: %s', text => {
    expect(formatCandidate(parsed(text))).toBe(text)
  })

  test('says all there is', () => {
    expect(parsed('candidate:abc 1 udp 2130706175 192.168.1.23 52625 typ host ufrag dfvk')).toEqual({
      type: 'host',
      foundation: 'abc',
      component: 1,
      protocol: 'udp',
      priority: 2130706175,
      address: address('192.168.1.23:52625'),
      base: address('192.168.1.23:52625'),
      relatedAddress: undefined,
      ufrag: 'dfvk',
      via: undefined,
    })
  })

  test('of ours carries no address that the peer need not know', () => {
    const base = address('10.0.0.1:52625')
    const reflexive = serverReflexiveCandidate(address('203.0.113.7:40000'), base) as Candidate
    const relayed = relayedCandidate(address('[2001:db8::101]:49152'), base) as Candidate

    expect(formatCandidate(reflexive)).toMatch(
      /^candidate:\w+ 1 udp 1694498559 203\.0\.113\.7 40000 typ srflx raddr 0\.0\.0\.0 rport 0$/,
    )
    expect(formatCandidate(relayed)).toMatch(/ 2001:db8::101 49152 typ relay raddr :: rport 0$/)
  })

  test('identifies a host or relayed candidate to the peer as it does to us', () => {
    const relayed = relayedCandidate(address('203.0.113.101:49152'), address('10.0.0.1:1')) as Candidate
    const host = hostCandidate(address('10.0.0.1:1')) as Candidate

    expect(isSameCandidate(parsed(formatCandidate(relayed)), relayed)).toBe(true)
    expect(isSameCandidate(parsed(formatCandidate(host)), host)).toBe(true)
  })

  test('may have extensions in their order, and anything behind them', () => {
    const text =
      'candidate:1 1 UDP 1 192.0.2.1 9 typ srflx tcptype active raddr 10.0.0.1 rport 8 generation 0 network-id 3 ' +
      'ufrag abcd network-cost 10 whatever follows'

    expect(parsed(text)).toMatchObject({ protocol: 'udp', relatedAddress: address('10.0.0.1:8'), ufrag: 'abcd' })
  })

  test('may have extensions that we do not know, which hide what follows', () => {
    expect(parsed('candidate:1 1 udp 1 192.0.2.1 9 typ host foo bar ufrag abcd').ufrag).toBeUndefined()
  })

  test.each(['tcp', 'ssltcp', 'TLS', 'Udp'])('may name the transport %s', protocol => {
    expect(parsed(`candidate:1 1 ${protocol} 1 192.0.2.1 9 typ host`).protocol).toBe(protocol.toLowerCase())
  })

  test.each([
    ['', 'bad-syntax'],
    ['candidate:', 'bad-syntax'],
    ['candidate: 1 udp 1 192.0.2.1 9 typ host', 'bad-syntax'],
    ['a=candidate:1 1 udp 1 192.0.2.1 9 typ host', 'bad-syntax'],
    ['candidate:1 1 udp 1 192.0.2.1 9 type host', 'bad-syntax'],
    ['candidate:1  1 udp 1 192.0.2.1 9 typ host', 'bad-syntax'],
    ['candidate:1 x udp 1 192.0.2.1 9 typ host', 'bad-component'],
    ['candidate:1 65536 udp 1 192.0.2.1 9 typ host', 'bad-component'],
    ['candidate:1 1 sctp 1 192.0.2.1 9 typ host', 'bad-protocol'],
    ['candidate:1 1 udp -1 192.0.2.1 9 typ host', 'bad-priority'],
    ['candidate:1 1 udp 4294967296 192.0.2.1 9 typ host', 'bad-priority'],
    ['candidate:1 1 udp 99999999999999 192.0.2.1 9 typ host', 'bad-priority'],
    ['candidate:1 1 udp 1 example.com 9 typ host', 'bad-address'],
    ['candidate:1 1 udp 1 0f0f.local 9 typ host', 'bad-address'],
    ['candidate:1 1 udp 1 192.0.2.1 65536 typ host', 'bad-address'],
    ['candidate:1 1 udp 1 192.0.2.1 9 typ local', 'bad-type'],
    ['candidate:1 1 udp 1 192.0.2.1 9 typ', 'bad-type'],
    ['candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 10.0.0.1', 'bad-related-address'],
    ['candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr ten rport 0', 'bad-related-address'],
    [`candidate:${'1'.repeat(1024)} 1 udp 1 192.0.2.1 9 typ host`, 'too-long'],
  ])('%j is none: %s', (text, defect) => {
    expect(parseCandidate(text)).toBe(defect)
  })

  test('never makes the parser throw', () => {
    const tokens = fc.array(
      fc.constantFrom('candidate:1', '1', 'udp', '192.0.2.1', 'typ', 'host', 'raddr', 'ufrag', ''),
    )
    fc.assert(fc.property(fc.string(), text => void parseCandidate(text)))
    fc.assert(fc.property(tokens, words => void parseCandidate(words.join(' '))))
  })
})
