import { SocketAddress } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import {
  type Candidate,
  hostCandidate,
  isSameCandidate,
  peerReflexiveCandidate,
  relayedCandidate,
  serverReflexiveCandidate,
} from './candidate.ts'

const address = (text: string): SocketAddress => SocketAddress.of(text)
const host = (text: string): Candidate => hostCandidate(address(text)) as Candidate

describe('making candidates', () => {
  test.each([
    ['0.0.0.0:1', 'unspecified-address'],
    ['[::]:1', 'unspecified-address'],
    ['224.0.0.251:5353', 'multicast-address'],
    ['[ff02::fb]:5353', 'multicast-address'],
    ['255.255.255.255:1', 'broadcast-address'],
    ['169.254.1.1:1', 'link-local-address'],
  ])('%s makes none of any type: %s', (text, defect) => {
    const at = address(text)

    expect(hostCandidate(at)).toBe(defect)
    expect(serverReflexiveCandidate(at, at)).toBe(defect)
    expect(relayedCandidate(at, address('192.0.2.1:1'))).toBe(defect)
  })

  test.each(['127.0.0.1:1', '[::1]:1', '[fe80::1]:1', '10.0.0.1:52625'])('%s makes a host candidate', text => {
    expect(hostCandidate(address(text))).toMatchObject({ type: 'host', address: address(text), base: address(text) })
  })

  test('a server-reflexive one is sent from its base and says nothing of it', () => {
    const candidate = serverReflexiveCandidate(address('203.0.113.7:40000'), address('10.0.0.1:52625'))

    expect(candidate).toMatchObject({ base: address('10.0.0.1:52625'), relatedAddress: address('0.0.0.0:0') })
  })

  test('a server-reflexive one has the family of its base', () => {
    expect(serverReflexiveCandidate(address('203.0.113.7:1'), address('[2001:db8::1]:1'))).toBe('family-mismatch')
  })

  test('a relayed one is its own base, and may be reached over the other family', () => {
    const candidate = relayedCandidate(address('[2001:db8::101]:49152'), address('192.0.2.1:52625'))

    expect(candidate).toMatchObject({ base: address('[2001:db8::101]:49152'), relatedAddress: address('[::]:0') })
  })

  test('foundations are equal for one type and base, and differ between types', () => {
    const base = address('10.0.0.1:52625')
    const reflexive = serverReflexiveCandidate(address('203.0.113.7:1'), base) as Candidate

    expect(host('10.0.0.1:52625').foundation).toBe(host('10.0.0.1:9').foundation)
    expect(reflexive.foundation).not.toBe(host('10.0.0.1:52625').foundation)
  })
})

describe('the same candidate', () => {
  const candidate = host('192.0.2.1:1')

  test('may have another priority, foundation and ufrag', () => {
    expect(isSameCandidate(candidate, { ...candidate, priority: 1, foundation: 'x', ufrag: 'abcd' })).toBe(true)
  })

  test.each<[string, Candidate]>([
    ['type', { ...candidate, type: 'srflx' }],
    ['transport', { ...candidate, protocol: 'tcp' }],
    ['address', { ...candidate, address: address('192.0.2.1:2') }],
    ['base', { ...candidate, base: address('192.0.2.1:2') }],
    ['related address', { ...candidate, relatedAddress: address('0.0.0.0:0') }],
  ])('has no other %s', (_, other) => {
    expect(isSameCandidate(candidate, other)).toBe(false)
  })

  test('may be peer-reflexive', () => {
    const seen = peerReflexiveCandidate(address('192.0.2.9:1'), address('10.0.0.1:1'), 7)

    expect(seen).toMatchObject({ type: 'prflx', priority: 7, base: address('10.0.0.1:1') })
    expect(isSameCandidate(seen, { ...seen })).toBe(true)
  })
})
