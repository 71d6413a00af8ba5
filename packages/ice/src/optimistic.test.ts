import { SocketAddress } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { type Candidate, hostCandidate, serverReflexiveCandidate } from './candidate.ts'
import { optimisticCandidates } from './optimistic.ts'

const host = (text: string): Candidate => hostCandidate(SocketAddress.of(text)) as Candidate
const reflexive = (text: string): Candidate =>
  serverReflexiveCandidate(SocketAddress.of(text), SocketAddress.of(text)) as Candidate
const guesses = (...candidates: Candidate[]): string[] =>
  optimisticCandidates(candidates).map(({ type, address }) => `${type} ${address}`)

test('the public address with the port of a host candidate is a guess', () => {
  expect(guesses(host('10.0.0.1:52625'), reflexive('1.1.1.1:40000'))).toEqual(['srflx 1.1.1.1:52625'])
})

test('there are at most two guesses, and none twice', () => {
  const hosts = [host('10.0.0.1:1'), host('10.0.0.2:1'), host('10.0.0.1:2'), host('10.0.0.1:3')]

  expect(guesses(...hosts, reflexive('1.1.1.1:9'), reflexive('1.1.1.1:10'))).toEqual([
    'srflx 1.1.1.1:1',
    'srflx 1.1.1.1:2',
  ])
})

test('what is known is not guessed', () => {
  expect(guesses(host('10.0.0.1:1'), reflexive('1.1.1.1:1'))).toEqual([])
})

test('nothing is guessed of IPv6, of relays, or without both kinds', () => {
  expect(guesses(host('[2001:db8::1]:1'), reflexive('[2001:db8::1]:2'))).toEqual([])
  expect(guesses(host('10.0.0.1:1'))).toEqual([])
  expect(guesses(reflexive('1.1.1.1:1'))).toEqual([])
})

test('an address that makes no candidate makes no guess', () => {
  const odd = { ...reflexive('1.1.1.1:1'), address: SocketAddress.of('0.0.0.0:1') }

  expect(guesses(host('10.0.0.1:2'), odd)).toEqual([])
})
