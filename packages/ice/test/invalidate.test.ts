import { describe, expect, test } from 'vitest'
import { DEFAULT_TIMING, iceTimeout } from '../src/index.ts'
import { address, asReceived, host, openInternet, reflexive, relayed, Wire } from './wire.ts'

const aliceHost = host('192.0.2.1:52625')
const bobHost = host('192.0.2.2:52625')
const bobRelayed = relayed('198.51.100.2:49153', '192.0.2.2:52625')

function connected(): Wire {
  const wire = new Wire()
  wire.signal('alice', aliceHost)
  wire.signal('bob', bobHost)
  wire.run(3000)
  expect(wire.alice.agent.state).toBe('completed')
  return wire
}

describe('an invalidated candidate', () => {
  test('of ours answers no check', () => {
    const wire = connected()
    wire.bob.agent.invalidateLocalCandidate(bobHost, wire.now)
    const answers: string[] = []
    wire.route = (transmit, sender, now) => {
      if (sender === 'bob') answers.push(transmit.remote.key)
      return openInternet(transmit, sender, now)
    }

    wire.run(20_000)

    expect(answers).toEqual([])
    expect(wire.bob.agent.state).toBe('disconnected')
    expect(wire.alice.agent.state).toBe('disconnected')
    expect(wire.bob.agent.localCandidates).toEqual([])
  })

  test('of the peer is not learned again from its checks', () => {
    const wire = connected()
    wire.bob.agent.invalidateRemoteCandidate(asReceived(aliceHost), wire.now)

    wire.run(5000)

    expect(wire.bob.agent.remoteCandidates).toEqual([])
    expect(wire.bob.agent.pairs).toEqual([])
    expect(wire.bob.agent.state).toBe('disconnected')
  })

  test('is recognised although priority, foundation and ufrag differ', () => {
    const wire = connected()
    const other = { ...asReceived(bobHost), priority: 1, foundation: 'other', ufrag: undefined }

    expect(wire.alice.agent.invalidateRemoteCandidate(other, wire.now)).toBe(true)
    expect(wire.alice.agent.invalidateRemoteCandidate(other, wire.now)).toBe(false)
  })

  test('of the peer is not mistaken for ours at the same private address', () => {
    const wire = new Wire()
    const shared = host('10.0.0.1:52625')
    wire.signal('alice', shared)
    wire.signal('bob', shared)

    wire.alice.agent.invalidateRemoteCandidate(asReceived(shared), wire.now)

    expect(wire.alice.agent.localCandidates).toHaveLength(1)
    expect(wire.alice.agent.remoteCandidates).toHaveLength(0)
  })

  test('that was never known changes nothing', () => {
    const wire = connected()

    expect(wire.alice.agent.invalidateLocalCandidate(host('192.0.2.9:1'), wire.now)).toBe(false)
    expect(wire.alice.agent.invalidateRemoteCandidate(host('192.0.2.9:1'), wire.now)).toBe(false)
    expect(wire.alice.agent.pairs).toHaveLength(1)
  })

  test('leaves its path at once, where there is another', () => {
    const wire = connected()
    wire.signal('bob', bobRelayed)
    wire.run(3000)

    wire.withdraw('bob', bobHost)
    wire.run(100)

    expect(wire.alice.nominations.at(-1)).toBe('192.0.2.1:52625 198.51.100.2:49153')
    expect(wire.bob.nominations.at(-1)).toBe('198.51.100.2:49153 192.0.2.1:52625')
    expect(wire.alice.states).not.toContain('disconnected')
  })

  test('that is replaced by another moves both sides in less than the timeout', () => {
    const wire = connected()
    const moved = host('192.0.2.99:52625')
    const since = wire.now

    wire.withdraw('bob', bobHost)
    wire.signal('bob', moved)
    wire.run(iceTimeout(DEFAULT_TIMING) - 1)

    expect(wire.alice.nominations.at(-1)).toBe('192.0.2.1:52625 192.0.2.99:52625')
    expect(wire.bob.nominations.at(-1)).toBe('192.0.2.99:52625 192.0.2.1:52625')
    expect(wire.alice.log.findLast(({ event }) => event.type === 'nominated')!.at - since).toBeLessThan(500)
  })

  test('that comes back is used again, and can be withdrawn again', () => {
    const wire = connected()
    for (let round = 0; round < 3; round++) {
      wire.withdraw('bob', bobHost)
      wire.run(1000)
      expect(wire.alice.agent.state).toBe('disconnected')

      wire.signal('bob', bobHost)
      wire.run(1000)
      expect(wire.alice.agent.state).toBe('completed')
      expect(wire.bob.agent.state).toBe('completed')
    }
    expect(wire.alice.agent.remoteCandidates).toHaveLength(1)
  })

  test('of ours keeps its priority when it comes back', () => {
    const wire = new Wire()
    const first = wire.alice.agent.addLocalCandidate(aliceHost, wire.now)
    wire.alice.agent.invalidateLocalCandidate(aliceHost, wire.now)

    expect(wire.alice.agent.addLocalCandidate(aliceHost, wire.now)).toEqual(first)
  })
})

describe('candidates that are refused', () => {
  test('of ours: those that we have', () => {
    const { agent } = new Wire().alice
    expect(agent.addLocalCandidate(aliceHost, 0 as never)).toMatchObject({ priority: 2130706175, ufrag: '3amc' })

    expect(agent.addLocalCandidate(aliceHost, 0 as never)).toBeUndefined()
    expect(agent.addLocalCandidate(host('192.0.2.9:1'), 0 as never)).toMatchObject({ priority: 2130705663 })
  })

  test('of ours: a worse one of the same address and base, and a better one replaces it', () => {
    const { agent } = new Wire().alice
    const at = '192.0.2.1:52625'
    agent.addLocalCandidate(reflexive(at, at), 0 as never)
    agent.addRemoteCandidate(asReceived(bobHost), 0 as never)

    expect(agent.addLocalCandidate(host(at), 0 as never)).toMatchObject({ type: 'host' })
    expect(agent.addLocalCandidate(reflexive(at, at), 0 as never)).toBeDefined() // it was discarded: it comes back
    expect(agent.localCandidates.map(({ type }) => type).sort()).toEqual(['host', 'srflx'])
    expect(agent.pairs).toHaveLength(1)
  })

  test.each([
    ['of another component', { component: 2 }],
    ['of another transport', { protocol: 'tcp' as const }],
    ['of another ufrag', { ufrag: 'other' }],
  ])('of the peer: one %s, and the log says why', (_, wrong) => {
    const reasons: unknown[] = []
    const logger = { debug: (fields: object) => void reasons.push(fields), info() {}, warn() {}, error() {} }
    const { agent } = new Wire(openInternet, { logger }).alice

    expect(agent.addRemoteCandidate({ ...asReceived(bobHost), ...wrong }, 0 as never)).toBe(false)
    expect(reasons).toEqual([expect.objectContaining({ reason: expect.stringMatching(/^other-/) })])
  })

  test('of the peer: those that are being checked; once they have failed, checks start again', () => {
    const wire = new Wire(() => undefined)
    wire.signal('alice', aliceHost)
    wire.signal('bob', bobHost)
    expect(wire.alice.agent.addRemoteCandidate(asReceived(bobHost), wire.now)).toBe(false)
    wire.run(16_000)
    expect(wire.alice.agent.state).toBe('disconnected')

    wire.route = openInternet
    expect(wire.alice.agent.addRemoteCandidate(asReceived(bobHost), wire.now)).toBe(true)
    wire.run(1000)

    expect(wire.alice.agent.state).toBe('completed')
    expect(wire.alice.agent.remoteCandidates).toHaveLength(1)
    expect(wire.bob.agent.selectedPath?.remote).toEqual(address('192.0.2.1:52625'))
  })
})
