import { describe, expect, test } from 'vitest'
import { between, Nat, Relay } from './nat.ts'
import { address, asReceived, host, openInternet, reflexive, relayed, Wire } from './wire.ts'

const aliceHost = '192.0.2.1:52625'
const bobHost = '192.0.2.2:52625'
const alicePrivate = '10.0.0.1:52625'
const bobPrivate = '10.0.0.2:52625'
const aliceRelayed = '198.51.100.1:49152'
const bobRelayed = '198.51.100.2:49153'

describe('connecting', () => {
  test('two hosts connect with a few checks each and one nomination per side', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', host(bobHost))

    wire.run(200)

    expect(wire.alice.checks.length).toBeLessThanOrEqual(3)
    expect(wire.bob.checks.length).toBeLessThanOrEqual(3)
    expect(wire.alice.nominations).toEqual([`${aliceHost} ${bobHost}`])
    expect(wire.bob.nominations).toEqual([`${bobHost} ${aliceHost}`])
    expect(wire.alice.states).toEqual(['checking', 'completed'])
    expect(wire.bob.states).toEqual(['checking', 'completed'])
    expect(wire.alice.agent.pairs[0]).toMatchObject({ state: 'succeeded', nomination: 'confirmed' })
    expect(wire.bob.agent.pairs[0]).toMatchObject({ state: 'succeeded', nomination: 'confirmed' })
  })

  test('only the controlling side nominates, and only by pairs that have answered', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', host(bobHost))
    wire.run(10_000)

    const nominates = ({ message }: (typeof wire.alice.checks)[number]): boolean =>
      message.attributes.some(({ type }) => type === 'use-candidate')
    expect(wire.alice.checks.map(nominates).slice(0, 2)).toEqual([false, true])
    expect(wire.alice.checks.slice(1).every(nominates)).toBe(true)
    expect(wire.bob.checks.some(nominates)).toBe(false)
  })

  test('two sides behind NATs punch holes for each other', () => {
    const alice = new Nat(alicePrivate, '203.0.113.1', 'cone')
    const bob = new Nat(bobPrivate, '203.0.113.2', 'cone')
    const wire = new Wire(between({ alice: [alice], bob: [bob] }))
    wire.signal('alice', host(alicePrivate))
    wire.signal('bob', host(bobPrivate))
    wire.signalOnly('alice', reflexive(alice.reflexive, alicePrivate))
    wire.signalOnly('bob', reflexive(bob.reflexive, bobPrivate))

    wire.run(3000)

    expect(wire.alice.nominations.at(-1)).toBe(`${alicePrivate} 203.0.113.2:40000`)
    expect(wire.bob.nominations.at(-1)).toBe(`${bobPrivate} 203.0.113.1:40000`)
  })

  test('a side that knows no candidate of the other learns one from its check', () => {
    const alice = new Nat(alicePrivate, '203.0.113.1', 'symmetric')
    const wire = new Wire(between({ alice: [alice] }))
    wire.signal('bob', host(bobHost))
    wire.alice.agent.addLocalCandidate(host(alicePrivate), wire.now)

    wire.run(1000)

    expect(wire.alice.nominations).toEqual([`${alicePrivate} ${bobHost}`])
    expect(wire.bob.nominations).toEqual([`${bobHost} 203.0.113.1:40001`])
    expect(wire.bob.agent.selectedPath).toEqual({
      local: address(bobHost),
      remote: address('203.0.113.1:40001'),
      localType: 'host',
      validLocalType: 'host',
      remoteType: 'prflx',
    })

    expect(wire.alice.agent.selectedPath).toMatchObject({ localType: 'host', validLocalType: 'prflx' })
    expect(wire.alice.agent.localCandidates.map(({ type }) => type)).toEqual(['host'])
  })

  test.each([
    ['two cone NATs end with a direct path', 'cone', 'cone', 'host', 'srflx'],
    ['one symmetric NAT ends with one relay', 'symmetric', 'cone', 'relay', 'srflx'],
    ['two symmetric NATs end with two relays', 'symmetric', 'symmetric', 'relay', 'relay'],
  ] as const)('%s', (_, aliceKind, bobKind, localType, remoteType) => {
    const alice = new Nat(alicePrivate, '203.0.113.1', aliceKind)
    const bob = new Nat(bobPrivate, '203.0.113.2', bobKind)
    const wire = new Wire(between({ alice: [alice, new Relay(aliceRelayed)], bob: [bob, new Relay(bobRelayed)] }))
    for (const [side, nat, relay] of [
      ['alice', alice, aliceRelayed],
      ['bob', bob, bobRelayed],
    ] as const) {
      wire.signal(side, host(nat.inside))
      wire.signalOnly(side, reflexive(nat.reflexive, nat.inside))
      wire.signal(side, relayed(relay, nat.inside))
    }

    wire.run(20_000)

    expect(wire.alice.agent.selectedPath).toMatchObject({ localType, remoteType })
    expect(wire.bob.agent.selectedPath?.remote.key).toBeDefined()
    expect(wire.bob.states).not.toContain('disconnected')
  })

  test('sides that see nothing but their relays go through both of them', () => {
    const wire = new Wire(transmit => {
      const isRelayed = [transmit.local, transmit.remote].every(at => at?.ip.text.startsWith('198.51.100.'))
      return isRelayed ? { source: transmit.local!, destination: transmit.remote } : undefined
    })
    for (const [side, at, via] of [
      ['alice', aliceRelayed, alicePrivate],
      ['bob', bobRelayed, bobPrivate],
    ] as const) {
      wire.signal(side, host(via))
      wire.signal(side, relayed(at, via))
    }

    wire.run(20_000)

    expect(wire.alice.nominations).toEqual([`${aliceRelayed} ${bobRelayed}`])
    expect(wire.bob.nominations).toEqual([`${bobRelayed} ${aliceRelayed}`])
    expect(wire.alice.agent.selectedPath).toMatchObject({ localType: 'relay', remoteType: 'relay' })
  })

  test('a connection comes up on the first path that works and moves to a better one', () => {
    const wire = new Wire((transmit, sender, now) => {
      const isRelayed = [transmit.local, transmit.remote].some(at => at?.ip.text.startsWith('198.51.100.'))
      return isRelayed || now >= 5000 ? openInternet(transmit, sender, now) : undefined
    })
    wire.signal('alice', host(aliceHost))
    wire.signal('alice', relayed(aliceRelayed, aliceHost))
    wire.signal('bob', host(bobHost))
    wire.signal('bob', relayed(bobRelayed, bobHost))

    wire.run(1000)
    expect(wire.alice.agent.selectedPath).not.toMatchObject({ localType: 'host', remoteType: 'host' })
    expect(wire.alice.agent.state).toBe('connected')
    wire.run(9000)

    expect(wire.alice.nominations.at(-1)).toBe(`${aliceHost} ${bobHost}`)
    expect(wire.bob.nominations.at(-1)).toBe(`${bobHost} ${aliceHost}`)
    expect(wire.alice.states).not.toContain('disconnected')
  })

  test('when the best path dies, the next best is used', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', host(bobHost))
    wire.signal('bob', relayed(bobRelayed, bobHost))
    wire.run(10_000)
    expect(wire.alice.nominations.at(-1)).toBe(`${aliceHost} ${bobHost}`)

    wire.route = (transmit, sender, now) =>
      [transmit.local, transmit.remote].some(at => at?.key === bobHost)
        ? undefined
        : openInternet(transmit, sender, now)
    wire.run(20_000)

    expect(wire.alice.nominations.at(-1)).toBe(`${aliceHost} ${bobRelayed}`)
    expect(wire.bob.nominations.at(-1)).toBe(`${bobRelayed} ${aliceHost}`)
    expect(wire.alice.states).not.toContain('disconnected')
  })

  test('a path that falters gives way within 5 s to one that answers, and comes back when it answers again', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', host(bobHost))
    wire.signal('bob', relayed(bobRelayed, bobHost))
    wire.run(10_000)

    wire.route = (transmit, sender, now) =>
      [transmit.local, transmit.remote].some(at => at?.key === bobHost)
        ? undefined
        : openInternet(transmit, sender, now)
    wire.run(5000)
    expect(wire.alice.nominations.at(-1)).toBe(`${aliceHost} ${bobRelayed}`)
    expect(wire.bob.nominations.at(-1)).toBe(`${bobRelayed} ${aliceHost}`)

    wire.route = openInternet
    wire.run(3000)
    expect(wire.alice.nominations.at(-1)).toBe(`${aliceHost} ${bobHost}`)
    expect(wire.bob.nominations.at(-1)).toBe(`${bobHost} ${aliceHost}`)
  })

  test('a late candidate rescues an agent without hope', () => {
    const wire = new Wire((transmit, sender, now) =>
      [transmit.local, transmit.remote].some(at => at?.key === bobHost)
        ? undefined
        : openInternet(transmit, sender, now),
    )
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', host(bobHost))
    wire.run(16_000)
    expect(wire.alice.agent.state).toBe('disconnected')

    wire.signal('bob', relayed(bobRelayed, bobHost))
    wire.run(1000)

    expect(wire.alice.states).toEqual(['checking', 'disconnected', 'checking', 'completed'])
    expect(wire.bob.states.at(-1)).toBe('completed')
  })

  test('a second relay of the same kind is kept alive, but not nominated', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', relayed(bobRelayed, bobHost))
    wire.run(5000)
    wire.signal('bob', relayed('198.51.100.3:49153', bobHost))

    wire.run(20_000)

    expect(wire.alice.nominations).toEqual([`${aliceHost} ${bobRelayed}`])
    expect(wire.alice.agent.pairs.map(({ state, nomination }) => [state, nomination])).toEqual([
      ['succeeded', 'confirmed'],
      ['succeeded', 'none'],
    ])
    expect(wire.alice.agent.state).toBe('connected')
  })

  test('a relay that translates between the families is the last choice, whoever controls', () => {
    for (const side of ['alice', 'bob'] as const) {
      const wire = new Wire()
      const other = side === 'alice' ? 'bob' : 'alice'
      wire.signal(side, relayed('[2001:db8:1::9]:49152', aliceHost))
      wire.signal(side, relayed(aliceRelayed, aliceHost))
      wire.signal(other, host('192.0.2.77:1'))
      wire.signal(other, host('[2001:db8::77]:1'))
      wire.run(10_000)

      expect(wire[side].agent.selectedPath?.local.key).toBe(aliceRelayed)
      expect(wire[other].agent.selectedPath?.remote.key).toBe(aliceRelayed)
    }
  })

  test('equal host and server-reflexive addresses make one pair', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.signal('bob', host(bobHost))
    wire.signalOnly('bob', reflexive(bobHost, bobHost))
    wire.run(5000)

    expect(wire.alice.agent.pairs).toHaveLength(1)
    expect(wire.alice.agent.pairs[0]).toMatchObject({ remoteType: 'host' })
  })

  test('a better candidate of the same address takes over the pair with all that is known of it', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.bob.agent.addLocalCandidate(host(bobHost), wire.now)
    wire.signalOnly('bob', reflexive(bobHost, bobHost))
    wire.run(5000)
    const [before] = wire.alice.agent.pairs
    expect(before).toMatchObject({ remoteType: 'srflx', nomination: 'confirmed' })

    wire.signalOnly('bob', host(bobHost))
    wire.run(5000)

    const pairs = wire.alice.agent.pairs
    expect(pairs).toMatchObject([{ remoteType: 'host', state: 'succeeded', nomination: 'confirmed' }])
    expect(pairs[0]!.priority).toBeGreaterThan(before!.priority)
    expect(wire.alice.nominations).toHaveLength(1)
    expect(wire.alice.states).toEqual(['checking', 'completed'])
  })

  test('families do not mix', () => {
    const wire = new Wire()
    wire.signal('alice', host(aliceHost))
    wire.signal('alice', host('[2001:db8::1]:1'))
    wire.signal('bob', host(bobHost))
    wire.signal('bob', host('[2001:db8::2]:1'))

    wire.run(2000)

    expect(wire.alice.agent.pairs).toHaveLength(2)
    expect(wire.alice.nominations.at(-1)).toBe('[2001:db8::1]:1 [2001:db8::2]:1')
  })
})

describe('a peer-reflexive candidate', () => {
  test('becomes the real one when that is signalled, without any interruption', () => {
    const wire = new Wire()
    wire.signal('bob', host(bobHost))
    const signalled = wire.alice.agent.addLocalCandidate(host(aliceHost), wire.now)!
    wire.run(2000)
    expect(wire.bob.agent.selectedPath).toMatchObject({ remoteType: 'prflx' })

    expect(wire.bob.agent.addRemoteCandidate(asReceived(signalled), wire.now)).toBe(true)
    wire.run(30_000)

    expect(wire.bob.agent.selectedPath).toMatchObject({ remoteType: 'host' })
    expect(wire.bob.states).toEqual(['checking', 'completed'])
    expect(wire.bob.nominations).toHaveLength(1)
    expect(wire.bob.agent.remoteCandidates).toHaveLength(1)
  })

  test('does not keep a relayed path above a direct one once it is known to be relayed', () => {
    const wire = new Wire((transmit, sender, now) => {
      const isRelayed = [transmit.local, transmit.remote].some(at => at?.key === aliceRelayed)
      return isRelayed || now >= 500 ? openInternet(transmit, sender, now) : undefined
    })
    wire.signal('bob', host(bobHost))
    const late = wire.alice.agent.addLocalCandidate(relayed(aliceRelayed, aliceHost), wire.now)!
    wire.signalOnly('alice', reflexive('192.0.2.1:9', '192.0.2.1:9'))
    wire.alice.agent.addLocalCandidate(host('192.0.2.1:9'), wire.now)
    wire.run(3000)

    wire.bob.agent.addRemoteCandidate(asReceived(late), wire.now)
    wire.run(3000)

    expect(wire.bob.agent.selectedPath).toMatchObject({ remote: address('192.0.2.1:9') })
    expect(wire.alice.agent.selectedPath).toMatchObject({ local: address('192.0.2.1:9') })
  })
})
