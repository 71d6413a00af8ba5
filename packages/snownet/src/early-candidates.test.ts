import type { Instant } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { EARLY_CANDIDATE_LIFETIME, EarlyCandidates } from './early-candidates.ts'
import type { ConnectionId } from './ids.ts'

const at = (n: number): Instant => n as Instant
const id = (text: string): ConnectionId => text as ConnectionId

test('candidates wait for their connection, once each, until they are taken', () => {
  const early = new EarlyCandidates()
  for (const line of ['x', 'y', 'x', 'z']) early.add(id('a'), line, at(0))
  early.remove(id('a'), 'y')
  early.remove(id('b'), 'y')

  expect(early.take(id('a'), at(1))).toEqual(['x', 'z'])
  expect(early.take(id('a'), at(1))).toEqual([])
})

test('they wait a few seconds', () => {
  const early = new EarlyCandidates()
  early.add(id('a'), 'x', at(0))
  early.add(id('b'), 'y', at(1))

  expect(early.take(id('a'), at(EARLY_CANDIDATE_LIFETIME))).toEqual([])
  expect(early.take(id('b'), at(EARLY_CANDIDATE_LIFETIME))).toEqual(['y'])
})

test('a flood pushes out the longest waiting peers and can not make one peer grow without bound', () => {
  const early = new EarlyCandidates()
  for (let i = 0; i < 100; i++) early.add(id(`peer ${i}`), 'x', at(0))
  for (let i = 0; i < 100; i++) early.add(id('peer 99'), `line ${i}`, at(0))

  expect(early.take(id('peer 35'), at(0))).toEqual([])
  expect(early.take(id('peer 36'), at(0))).toEqual(['x'])
  expect(early.take(id('peer 99'), at(0))).toHaveLength(32)

  early.clear()
  expect(early.take(id('peer 50'), at(0))).toEqual([])
})
