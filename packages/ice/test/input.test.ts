import { portableCrypto } from '@sallyport/crypto'
import { type Instant, seededRandom } from '@sallyport/sans-io'
import {
  BINDING,
  encodeStun,
  newTransactionId,
  parseStun,
  type StunAttribute,
  type StunClass,
  type StunMessage,
  shortTermKey,
} from '@sallyport/stun'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_TIMING, IceAgent, IceOptionsError, MAX_PAIRS } from '../src/index.ts'
import { ALICE, address, asReceived, BOB, host, relayed, Wire } from './wire.ts'

const NOW = 0 as Instant
const local = address('192.0.2.1:52625')
const remote = address('192.0.2.2:52625')
const random = seededRandom(9)

interface Message {
  readonly class?: StunClass
  readonly method?: number
  readonly username?: string
  readonly password?: string
  readonly transactionId?: Uint8Array
  readonly more?: readonly StunAttribute[]
}

/** A check as the peer of `alice` would send it, or something like it. */
function message(options: Message = {}): StunMessage {
  const username = options.username ?? `${ALICE.ufrag}:${BOB.ufrag}`
  const parsed = parseStun(
    encodeStun(
      {
        class: options.class ?? 'request',
        method: options.method ?? BINDING,
        transactionId: options.transactionId ?? newTransactionId(random),
        attributes: [
          { type: 'username', value: username },
          { type: 'priority', value: 1862270719 },
          ...(options.more ?? []),
        ],
      },
      { crypto: portableCrypto, key: shortTermKey(options.password ?? ALICE.password), fingerprint: true },
    ),
  )
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

function agent(controlling = true): IceAgent {
  const it = new IceAgent(
    { controlling, localCredentials: ALICE, remoteCredentials: BOB, crypto: portableCrypto, random: seededRandom(3) },
    NOW,
  )
  it.addLocalCandidate(host(local), NOW)
  it.handleTimeout(NOW)
  while (it.pollEvent() !== undefined);
  return it
}

const useCandidate: StunAttribute = { type: 'use-candidate', value: true }

describe('what an agent accepts', () => {
  test.each<[string, Message]>([
    ['a message for another agent', { username: 'else:dfvk' }],
    ['a message of another peer', { username: '3amc:else' }],
    ['a message signed with another password', { password: 'another one' }],
    ['a message signed with the peer’s password', { password: BOB.password }],
    ['another method', { method: 3 }],
    ['an indication for another agent', { class: 'indication', username: 'else:dfvk' }],
    ['an answer to nothing', { class: 'success', password: BOB.password }],
    ['an error for nothing', { class: 'error', password: BOB.password }],
  ])('%s is not accepted and has no effect', (_, options) => {
    const it = agent()

    expect(it.acceptsMessage(message(options))).toBe(false)
    expect(it.handleInput({ local, remote, message: message(options) }, NOW)).toBe(false)
    expect(it.pollTransmit()).toBeUndefined()
    expect(it.remoteCandidates).toEqual([])
  })

  test('a check is answered to where it came from, from where it arrived', () => {
    const it = agent()
    const check = message()

    expect(it.concerns(check)).toBe(true)
    expect(it.acceptsMessage(check)).toBe(true)
    expect(it.handleInput({ local, remote, message: check }, NOW)).toBe(true)

    const answer = it.pollTransmit()
    expect(answer).toMatchObject({ local, remote })
    const parsed = parseStun(answer!.payload)
    expect(parsed).toMatchObject({ class: 'success', transactionId: check.transactionId })
    expect(it.pairs).toMatchObject([{ remoteType: 'prflx', state: 'waiting', requestsReceived: 1 }])
    expect(it.pollTimeout()).toBe(NOW)
  })

  test('an indication is accepted and has no effect', () => {
    const it = agent()

    expect(it.handleInput({ local, remote, message: message({ class: 'indication' }) }, NOW)).toBe(true)
    expect(it.pollTransmit()).toBeUndefined()
    expect(it.remoteCandidates).toEqual([])
  })

  test('an indication without USERNAME is not accepted', () => {
    const bare = parseStun(
      encodeStun(
        { class: 'indication', method: BINDING, transactionId: newTransactionId(random), attributes: [] },
        { crypto: portableCrypto, key: shortTermKey(ALICE.password) },
      ),
    )

    expect(typeof bare === 'string' || agent().handleInput({ local, remote, message: bare }, NOW)).toBe(false)
  })

  test('an error that answers a check is accepted and has no effect', () => {
    const it = agent()
    it.addRemoteCandidate(asReceived(host(remote)), NOW)
    it.handleTimeout(NOW)
    const check = parseStun(it.pollTransmit()!.payload) as StunMessage
    const { transactionId } = check

    expect(it.concerns(message({ class: 'error', transactionId }))).toBe(true)
    expect(it.acceptsMessage(message({ class: 'error', transactionId }))).toBe(false) // signed with our password
    const error = message({ class: 'error', transactionId, password: BOB.password })
    expect(it.handleInput({ local, remote, message: error }, NOW)).toBe(true)
    expect(it.pairs).toMatchObject([{ state: 'in-progress' }])
  })

  test('an answer counts wherever it comes from, and a second time not', () => {
    const it = agent()
    it.addRemoteCandidate(asReceived(host(remote)), NOW)
    it.handleTimeout(NOW)
    const { transactionId } = parseStun(it.pollTransmit()!.payload) as StunMessage
    const more: StunAttribute[] = [{ type: 'xor-mapped-address', value: local }]
    const answer = message({ class: 'success', transactionId, password: BOB.password, more })

    const elsewhere = address('192.0.2.77:1')
    expect(it.handleInput({ local, remote: elsewhere, message: answer }, NOW)).toBe(true)
    expect(it.handleInput({ local, remote, message: answer }, NOW)).toBe(true)

    expect(it.pairs).toMatchObject([{ state: 'succeeded', nomination: 'nominated' }])
    expect([it.pollEvent(), it.pollEvent(), it.pollEvent()]).toMatchObject([
      { type: 'nominated' },
      { type: 'state-changed', state: 'completed' },
      undefined,
    ])
  })
})

describe('checks without an answer', () => {
  test('one that nominates, to the controlling side', () => {
    const it = agent(true)

    expect(it.handleInput({ local, remote, message: message({ more: [useCandidate] }) }, NOW)).toBe(true)
    expect(it.pollTransmit()).toBeUndefined()
    expect(it.pairs).toEqual([])
  })

  test('one to an address that is no candidate', () => {
    const it = agent()

    expect(it.handleInput({ local: address('192.0.2.1:9'), remote, message: message() }, NOW)).toBe(true)
    expect(it.pollTransmit()).toBeUndefined()
    expect(it.remoteCandidates).toEqual([])
  })
})

describe('the controlled side', () => {
  test('uses a pair as soon as it is nominated, before its own check has been answered', () => {
    const it = agent(false)

    it.handleInput({ local, remote, message: message({ more: [useCandidate] }) }, NOW)
    it.handleTimeout(NOW)

    expect(it.pollEvent()).toMatchObject({ type: 'nominated', local, remote })
    expect(it.pollEvent()).toMatchObject({ type: 'state-changed', state: 'completed' })
    expect(it.pairs).toMatchObject([{ state: 'in-progress', nomination: 'attempted' }])
  })

  test('takes the highest of several nominated pairs, and sticks to it', () => {
    const it = agent(false)
    it.addLocalCandidate(relayed('198.51.100.1:49152', local), NOW)
    const nominate = (to: string): void => {
      it.handleInput({ local: address(to), remote, message: message({ more: [useCandidate] }) }, NOW)
      it.handleTimeout(NOW)
    }

    nominate('198.51.100.1:49152')
    expect(it.selectedPath?.localType).toBe('relay')
    nominate(local.key)
    expect(it.selectedPath?.localType).toBe('host')
    nominate('198.51.100.1:49152')
    expect(it.selectedPath?.localType).toBe('host')
  })
})

describe('limits', () => {
  test(`there are never more than ${MAX_PAIRS} pairs, and the best stay`, () => {
    const it = agent()
    for (let port = 1; port <= 150; port++) {
      it.addRemoteCandidate({ ...asReceived(host(`192.0.2.2:${port}`)), priority: 1000 + port }, NOW)
    }

    expect(it.pairs).toHaveLength(MAX_PAIRS)
    expect(it.pairs.at(-1)!.remote.port).toBe(51)
    expect(it.addRemoteCandidate({ ...asReceived(host('192.0.2.9:1')), priority: 1 }, NOW)).toBe(true)
    expect(it.pairs.at(-1)!.remote.port).toBe(51)
  })

  test('a peer that checks from ever more addresses does not fill the memory', () => {
    const it = agent()
    for (let i = 0; i < 3000; i++) {
      const from = address(`192.0.${i >> 8}.${i & 0xff}:1`)
      expect(it.handleInput({ local, remote: from, message: message() }, NOW)).toBe(true)
    }

    expect(it.remoteCandidates.length).toBeLessThanOrEqual(256)
    expect(it.pairs).toHaveLength(MAX_PAIRS)
    let waiting = 0
    while (it.pollTransmit() !== undefined) waiting++
    expect(waiting).toBeLessThanOrEqual(512)
  })

  test('a peer whose NAT shows another port each time is learned under eight of them', () => {
    const it = agent()
    const from = Array.from({ length: 20 }, (_, i) => address(`192.0.2.9:${i + 1}`))
    for (const remote of from) it.handleInput({ local, remote, message: message() }, NOW)

    expect(it.remoteCandidates).toHaveLength(8)
    expect(it.handleInput({ local, remote: address('192.0.2.10:1'), message: message() }, NOW)).toBe(true)
    expect(it.remoteCandidates).toHaveLength(9)
  })

  test('candidates that come and go for ever do not fill the memory', () => {
    const it = agent()
    for (let i = 0; i < 2000; i++) {
      const [ours, theirs] = [host(`10.1.${i >> 8}.${i & 0xff}:1`), asReceived(host(`10.2.${i >> 8}.${i & 0xff}:1`))]
      expect(it.addLocalCandidate(ours, NOW)).toBeDefined()
      expect(it.addRemoteCandidate(theirs, NOW)).toBe(true)
      expect(it.invalidateLocalCandidate(ours, NOW)).toBe(true)
      expect(it.invalidateRemoteCandidate(theirs, NOW)).toBe(true)
    }

    expect(it.localCandidates).toHaveLength(1)
    expect(it.remoteCandidates).toEqual([])
  })

  test('more candidates than anyone has are refused', () => {
    const it = agent()
    const ours = Array.from({ length: 300 }, (_, i) => it.addLocalCandidate(host(`10.0.0.1:${i + 1}`), NOW))
    const theirs = Array.from({ length: 300 }, (_, i) =>
      it.addRemoteCandidate(asReceived(host(`10.0.0.2:${i + 1}`)), NOW),
    )

    expect(ours.filter(each => each !== undefined)).toHaveLength(255)
    expect(theirs.filter(each => each)).toHaveLength(256)
  })
})

describe('options that make no sense', () => {
  const good = { controlling: true, localCredentials: ALICE, remoteCredentials: BOB, crypto: portableCrypto, random }

  test.each([
    ['an empty ufrag', { localCredentials: { ufrag: '', password: 'x' } }],
    ['a ufrag with a colon', { remoteCredentials: { ufrag: 'a:b', password: 'x' } }],
    ['negative pacing', { pacing: -1 as never }],
    ['no retransmits', { timing: { ...DEFAULT_TIMING, maxRetransmits: 0 } }],
  ])('%s', (_, wrong) => {
    expect(() => new IceAgent({ ...good, ...wrong }, NOW)).toThrow(IceOptionsError)
    expect(() => new IceAgent({ ...good, ...wrong }, NOW)).toThrow(expect.objectContaining({ code: 'ICE_BAD_OPTIONS' }))
  })
})

describe('whatever happens', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom('signal', 'withdraw'), side: fc.constantFrom('alice', 'bob'), n: fc.nat(4) }),
    fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 0, max: 20_000 }) }),
    fc.record({ do: fc.constant('lose'), rate: fc.double({ min: 0, max: 1, noNaN: true }) }),
  )

  test('deadlines lie ahead, and once the wire is whole both sides agree on a path', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.integer(), (steps, seed) => {
        const chance = seededRandom(seed)
        const wire = new Wire()
        let rate = 0
        wire.route = transmit => {
          const dice = new Uint8Array(1)
          chance(dice)
          return dice[0]! / 256 < rate ? undefined : { source: transmit.local!, destination: transmit.remote }
        }
        const candidate = (side: string, n: number) => host(`192.0.2.${side === 'alice' ? 1 : 2}:${n + 1}`)
        for (const each of steps) {
          if (each.do === 'wait') wire.run(each.ms)
          else if (each.do === 'lose') rate = each.rate
          else if (each.do === 'signal') wire.signal(each.side as 'alice', candidate(each.side, each.n))
          else wire.withdraw(each.side as 'alice', candidate(each.side, each.n))
        }
        rate = 0
        wire.signal('alice', host('192.0.2.1:9'))
        wire.signal('bob', host('192.0.2.2:9'))
        wire.run(60_000) // throws if an agent spins

        const [ours, theirs] = [wire.alice.agent.selectedPath, wire.bob.agent.selectedPath]
        expect(ours).toBeDefined()
        expect([ours?.local, ours?.remote]).toEqual([theirs?.remote, theirs?.local])
        expect(['connected', 'completed']).toContain(wire.alice.agent.state)
      }),
      { numRuns: 60 },
    )
  })

  test('asking for the next deadline twice gives the same answer, and a second timeout at once does nothing', () => {
    const wire = new Wire()
    wire.signal('alice', host(local))
    wire.signal('bob', host(remote))
    wire.run(1234)
    const { agent: it } = wire.alice

    it.handleTimeout(wire.now)
    const deadline = it.pollTimeout()
    it.handleTimeout(wire.now)

    expect(it.pollTimeout()).toBe(deadline)
    expect(it.pollTransmit()).toBeUndefined()
    expect(it.pollEvent()).toBeUndefined()
  })
})
