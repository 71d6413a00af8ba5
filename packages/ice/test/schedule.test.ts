import { add, type Instant, millis, seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { DEFAULT_TIMING, IDLE_TIMING, iceTimeout } from '../src/index.ts'
import { address, host, openInternet, Wire } from './wire.ts'

const aliceHost = '192.0.2.1:52625'
const bobHost = '192.0.2.2:52625'

function connected(): Wire {
  const wire = new Wire()
  wire.signal('alice', host(aliceHost))
  wire.signal('bob', host(bobHost))
  wire.run(30_000)
  expect(wire.alice.agent.state).toBe('completed')
  expect(wire.bob.agent.state).toBe('completed')
  return wire
}

/** When checks were sent, relative to the first one at or after `since`. */
function instants(wire: Wire, since = 0): number[] {
  const sent = wire.alice.checks.map(({ at }) => at).filter(at => at >= since)
  return sent.map(at => at - sent[0]!)
}

describe('when checks are sent', () => {
  test.each([0, 1, 123_456.75])(
    'an unreachable pair is checked 12 times in 15.25 s and then given up (clock at %d)',
    start => {
      const wire = new Wire(() => undefined, {}, start as Instant)
      wire.signal('alice', host(aliceHost))
      wire.signal('bob', host(bobHost))

      wire.run(15_249)
      expect([wire.alice.states, wire.bob.states]).toEqual([['checking'], ['checking']])
      wire.run(1)

      const schedule = [0, 250, 750, 1750, 3250, 4750, 6250, 7750, 9250, 10_750, 12_250, 13_750]
      expect(wire.alice.checks.map(({ at }) => at - start)).toEqual(schedule)
      expect(wire.bob.checks.map(({ at }) => at - start)).toEqual(schedule)
      expect([wire.alice.states, wire.bob.states]).toEqual([
        ['checking', 'disconnected'],
        ['checking', 'disconnected'],
      ])
      expect(wire.alice.agent.pairs).toEqual([])
      wire.run(60_000)
      expect(wire.alice.checks).toHaveLength(12)
    },
  )

  test('each check has a transaction id of its own', () => {
    const wire = new Wire(() => undefined)
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', host(bobHost))
    wire.run(20_000)

    expect(new Set(wire.alice.checks.map(({ message }) => String(message.transactionId))).size).toBe(12)
  })

  test('a working pair is checked every 1.5 s for ever, and that keeps it alive', () => {
    const wire = connected()
    const since = wire.now

    wire.run(60_000)

    const sent = instants(wire, since)
    expect(sent).toHaveLength(40)
    expect(sent).toEqual(sent.map((_, i) => 1500 * i))
  })

  test('a path that falls silent is probed faster and given up 16.5 s after the first unanswered check', () => {
    const wire = connected()
    const outage = wire.now
    wire.route = () => undefined

    wire.run(18_000)

    expect(instants(wire, outage)).toEqual([
      0, 1500, 2000, 3000, 4500, 6000, 7500, 9000, 10_500, 12_000, 13_500, 15_000,
    ])
    const first = wire.alice.checks.find(({ at }) => at >= outage)!.at
    const given = wire.alice.events.find(event => event.type === 'state-changed' && event.state === 'disconnected')
    expect(given).toBeDefined()
    expect(wire.disconnectedAt('alice')).toBe(add(first, seconds(16.5)))
    expect(wire.disconnectedAt('alice')! - outage).toBeLessThanOrEqual(18_000)
    expect(wire.bob.agent.state).toBe('disconnected')
  })

  test('a path that loses one direction is given up by both sides, not before the timeout', () => {
    const wire = connected()
    const outage = wire.now
    wire.route = (transmit, sender, now) => (sender === 'alice' ? undefined : openInternet(transmit, sender, now))

    wire.run(18_000)

    for (const side of ['alice', 'bob'] as const) {
      expect(wire.disconnectedAt(side)! - outage).toBeGreaterThanOrEqual(iceTimeout(DEFAULT_TIMING))
    }
  })

  test('outages of 12 s, one after the other, do not end a path', () => {
    const wire = connected()
    wire.route = (transmit, sender, now) => (now % 16_000 < 12_000 ? undefined : openInternet(transmit, sender, now))

    wire.run(160_000)

    expect(wire.alice.agent.state).toBe('completed')
    expect(wire.alice.states).not.toContain('disconnected')
  })

  test('an idle pair is checked every 25 s, and a dead one given up within 125 s', () => {
    const wire = connected()
    for (const { agent } of [wire.alice, wire.bob]) agent.setTiming(IDLE_TIMING, wire.now)
    const since = wire.now
    wire.run(100_000)
    expect(instants(wire, since)).toEqual([0, 25_000, 50_000, 75_000])

    const outage = wire.now
    wire.route = () => undefined
    wire.run(125_000)

    expect(wire.alice.agent.state).toBe('disconnected')
    expect(wire.disconnectedAt('alice')! - outage).toBeGreaterThanOrEqual(iceTimeout(IDLE_TIMING))
  })

  test('other timing takes effect at once', () => {
    const wire = connected()
    const { agent } = wire.alice
    const last = wire.alice.checks.at(-1)!.at

    agent.setTiming(IDLE_TIMING, wire.now)
    expect(agent.timing).toBe(IDLE_TIMING)
    expect(agent.pollTimeout()).toBe(add(last, seconds(25)))
    agent.setTiming(DEFAULT_TIMING, wire.now)
    expect(agent.pollTimeout()).toBe(add(last, millis(1500)))
  })

  test('after a long idle time a check is due at once', () => {
    const wire = connected()
    wire.alice.agent.setTiming(IDLE_TIMING, wire.now)
    wire.run(20_000)

    wire.alice.agent.setTiming(DEFAULT_TIMING, wire.now)

    expect(wire.alice.agent.pollTimeout()).toBeLessThanOrEqual(wire.now)
  })

  test('pacing spreads the checks of many pairs', () => {
    const wire = new Wire(openInternet, { pacing: millis(50) })
    for (const port of [1, 2, 3, 4]) wire.signal('bob', host(`192.0.2.2:${port}`))
    wire.signal('alice', host(aliceHost))

    wire.run(10_000)

    const sent = instants(wire)
    expect(sent.length).toBeGreaterThan(12)
    for (let i = 1; i < sent.length; i++) expect(sent[i]! - sent[i - 1]!).toBeGreaterThanOrEqual(50)
    expect(wire.alice.agent.state).toBe('connected')
  })

  test('an agent without candidates waits for them and asks for no wake-up', () => {
    const wire = new Wire()
    wire.run(60_000)

    expect(wire.alice.states).toEqual(['checking'])
    expect(wire.alice.agent.pollTimeout()).toBeUndefined()
    expect(wire.alice.agent.addRemoteCandidate(host(address('192.0.2.9:1')), wire.now)).toBe(true)
    wire.run(60_000)
    expect(wire.alice.states).toEqual(['checking'])
  })
})
