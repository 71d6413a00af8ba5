import { type Instant, SocketAddress } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { hostCandidate } from '../src/index.ts'
import { Wire } from './wire.ts'

const aliceHost = SocketAddress.of('192.0.2.1:52625')
const bobHost = SocketAddress.of('192.0.2.2:52625')

test('two hosts connect with a few checks each and one nomination per side', () => {
  const wire = new Wire()
  wire.signal('alice', hostCandidate(aliceHost))
  wire.signal('bob', hostCandidate(bobHost))

  wire.run(200)

  expect(wire.alice.nominations).toEqual([`${aliceHost} ${bobHost}`])
  expect(wire.bob.nominations).toEqual([`${bobHost} ${aliceHost}`])
  expect(wire.alice.states).toEqual(['checking', 'completed'])
  expect(wire.bob.states).toEqual(['checking', 'completed'])
})

test('an unreachable pair is checked 12 times in 15.25 s and then given up', () => {
  const wire = new Wire(() => undefined)
  wire.signal('alice', hostCandidate(aliceHost))
  wire.signal('bob', hostCandidate(bobHost))

  wire.run(15_249)
  expect(wire.alice.states).toEqual(['checking'])
  wire.run(1)

  const instants = [0, 250, 750, 1750, 3250, 4750, 6250, 7750, 9250, 10_750, 12_250, 13_750] as Instant[]
  expect(wire.alice.checks.map(({ at }) => at)).toEqual(instants)
  expect(wire.bob.checks.map(({ at }) => at)).toEqual(instants)
  expect(wire.alice.states).toEqual(['checking', 'disconnected'])
  expect(wire.bob.states).toEqual(['checking', 'disconnected'])
})
