import { SocketAddress } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { type Candidate, serverReflexiveCandidate } from './candidate.ts'
import { agentLocalPreference, candidatePriority, pairPriority, peerReflexivePriority } from './priority.ts'

const HOST4 = candidatePriority('host', agentLocalPreference('host', 4, 0))
const RELAY4 = candidatePriority('relay', agentLocalPreference('relay', 4, 0))
const SRFLX4 = 1694498559

describe('the priority', () => {
  test.each([
    ['the first IPv6 host candidate', 'host', 6, 0, 6, 2130706431],
    ['the first IPv4 host candidate', 'host', 4, 0, 4, 2130706175],
    ['the second IPv4 host candidate', 'host', 4, 1, 4, 2130705663],
    ['an IPv6 relay over IPv6', 'relay', 6, 0, 6, 37748735],
    ['an IPv4 relay over IPv4', 'relay', 4, 0, 4, 37748479],
    ['an IPv6 relay over IPv4', 'relay', 6, 0, 4, 37492735],
    ['an IPv4 relay over IPv6', 'relay', 4, 0, 6, 37492479],
  ] as const)('of %s', (_, type, family, earlier, via, priority) => {
    expect(candidatePriority(type, agentLocalPreference(type, family, earlier, via))).toBe(priority)
  })

  test.each([
    ['[2001:db8::7]:1', 1694498815],
    ['203.0.113.7:1', SRFLX4],
  ])('of a server-reflexive candidate at %s', (text, priority) => {
    const address = SocketAddress.of(text)

    expect((serverReflexiveCandidate(address, address) as Candidate).priority).toBe(priority)
  })

  test('in a check is that of a peer-reflexive candidate', () => {
    expect(peerReflexivePriority(HOST4)).toBe(1862270719)
    expect(peerReflexivePriority(RELAY4)).toBe(1849687807)
  })

  test('never falls below zero, however many candidates came before', () => {
    expect(agentLocalPreference('relay', 4, 100_000, 6)).toBe(0)
  })

  test.each([
    ['host to host', HOST4, HOST4, 9151313343271665150n],
    ['host to server-reflexive', HOST4, SRFLX4, 7277815898285538815n],
    ['server-reflexive to host', SRFLX4, HOST4, 7277815898285538814n],
    ['relay to relay', RELAY4, RELAY4, 162128482854239742n],
  ])('of a pair, %s', (_, controlling, controlled, priority) => {
    expect(pairPriority(controlling, controlled)).toBe(priority)
  })
})
