import { type Instant, SocketAddress, seededRandom } from '@sallyport/sans-io'
import { ALLOCATE, BINDING, CHANNEL_BIND, REFRESH, type StunAttribute } from '@sallyport/stun'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ALSO_IPV6,
  CLIENT,
  Conversation,
  credentials,
  KEY,
  NOW,
  newBatch,
  newServer,
  PEER,
  RELAY,
  request,
  UDP_TRANSPORT,
} from './harness.ts'

/** SOFTWARE, ERROR-CODE, REALM, NONCE and MESSAGE-INTEGRITY: no response is longer. */
const LONGEST_RESPONSE = 160

const bind: StunAttribute[] = [
  { type: 'channel-number', value: 0x4000 },
  { type: 'xor-peer-address', value: PEER },
]
const requests = [
  request(BINDING, []),
  request(ALLOCATE, [UDP_TRANSPORT]),
  request(ALLOCATE, [UDP_TRANSPORT, ALSO_IPV6, ...credentials()], KEY),
  request(REFRESH, credentials(), KEY),
  request(CHANNEL_BIND, [...bind, ...credentials()], KEY),
]

const mutated = fc
  .record({
    base: fc.constantFrom(...requests),
    flips: fc.array(fc.record({ at: fc.nat(200), to: fc.nat(255) }), { maxLength: 6 }),
    cut: fc.option(fc.nat(200), { nil: undefined }),
  })
  .map(({ base, flips, cut }) => {
    const bytes = base.slice(0, cut ?? base.length)
    for (const { at, to } of flips) if (at < bytes.length) bytes[at] = to
    return bytes
  })
const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated)
const sources = fc.nat(3).map(n => SocketAddress.of(`203.0.113.${n}:${5_000 + n}`))

describe('whatever strangers send', () => {
  test('nothing throws, and each datagram gets at most one answer, which is short', () => {
    const server = newServer({ random: seededRandom(1) })
    fc.assert(
      fc.property(anything, sources, (payload, remote) => {
        server.handleInput({ local: RELAY, remote, payload }, NOW)
        const answer = server.pollTransmit()
        if (answer === undefined) return
        expect(answer.payload.length).toBeLessThanOrEqual(LONGEST_RESPONSE)
        expect(answer.remote).toBe(remote)
        expect(server.pollTransmit()).toBeUndefined()
      }),
      { numRuns: 3_000 },
    )
  })

  test('the packet path neither throws nor relays anything without a channel', () => {
    const server = newServer({ random: seededRandom(1) })
    fc.assert(
      fc.property(anything, sources, fc.nat(40), (payload, remote, segmentSize) => {
        const { datagrams, out } = newBatch()
        const index = datagrams.appendCopy(payload)
        datagrams.remote[index] = remote
        datagrams.local[index] = RELAY
        datagrams.segmentSize[index] = segmentSize
        server.handleClientDatagrams(datagrams, out, NOW)
        server.handlePeerDatagrams(49_152, datagrams, out)
        while (server.pollTransmit() !== undefined);
        expect(out.count).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  test('a flood of requests that nobody drains keeps a bounded number of answers', () => {
    const server = newServer()
    for (let i = 0; i < 5_000; i++) server.handleInput({ local: RELAY, remote: CLIENT, payload: requests[0]! }, NOW)
    let answers = 0
    while (server.pollTransmit() !== undefined) answers++

    expect(answers).toBeGreaterThan(0)
    expect(answers).toBeLessThanOrEqual(4_096)
  })

  test('users without end take no more ports and channels than there are', () => {
    const talk = new Conversation(
      newServer({
        random: seededRandom(1),
        ports: { lowest: 50_000, highest: 50_009 },
        maxChannels: 20,
      }),
    )
    for (let client = 1; client <= 100; client++) {
      talk.advanceTo(talk.now + 1_000)
      const from = SocketAddress.of(`203.0.113.7:${client}`)
      talk.allocate([], from)
      for (let i = 0; i < 5; i++) talk.bind(0x4000 + i, SocketAddress.of(`198.51.100.9:${1 + i}`), from)
    }

    expect(talk.server.allocations).toBe(10)
    expect(talk.server.boundChannels).toBe(10) // all of one user, who gets half of them
  })
})

test('after any sequence of requests and waits, all ports, channels and timers belong to an allocation', () => {
  const command = fc.oneof(
    fc.record({ type: fc.constant('allocate' as const), client: fc.nat(3), lifetime: fc.nat(900) }),
    fc.record({ type: fc.constant('refresh' as const), client: fc.nat(3), lifetime: fc.nat(900) }),
    fc.record({ type: fc.constant('bind' as const), client: fc.nat(3), channel: fc.nat(2), peer: fc.nat(2) }),
    fc.record({ type: fc.constant('fail' as const), port: fc.nat(3) }),
    fc.record({ type: fc.constant('wait' as const), seconds: fc.nat(400) }),
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), fc.nat(1_000), (commands, seed) => {
      const talk = new Conversation(
        newServer({ random: seededRandom(seed), ports: { lowest: 50_000, highest: 50_003 } }),
      )
      const open = new Set<string>()
      const channels = new Set<string>()
      const check = (): void => {
        for (const event of talk.events()) {
          if (event.type === 'open-port') {
            expect(open.has(`${event.port}/${event.family}`)).toBe(false)
            open.add(`${event.port}/${event.family}`)
          } else if (event.type === 'close-port') {
            expect(open.delete(`${event.port}/${event.family}`)).toBe(true)
          } else {
            const key = `${event.client}/${event.channel}/${event.peer}/${event.port}`
            if (event.type === 'channel-bound') channels.add(key)
            else expect(channels.delete(key)).toBe(true)
          }
        }
        expect(open.size).toBe(2 * talk.server.allocations)
        expect(channels.size).toBe(talk.server.boundChannels)
      }
      for (const each of commands) {
        if (each.type === 'allocate')
          talk.allocate([ALSO_IPV6, { type: 'lifetime', value: each.lifetime }], from(each.client))
        else if (each.type === 'refresh') talk.refresh(each.lifetime, from(each.client))
        else if (each.type === 'fail') talk.server.handlePortFailure(50_000 + each.port, talk.now)
        else if (each.type === 'wait') talk.advanceTo((talk.now + each.seconds * 1_000) as Instant)
        else talk.bind(0x4000 + each.channel, SocketAddress.of(`198.51.100.9:${1 + each.peer}`), from(each.client))
        check()
      }
      talk.advanceTo(talk.now + 10_000_000)
      check()
      expect(talk.server.allocations).toBe(0)
      expect(open.size).toBe(0)
      expect(talk.server.pollTimeout()).toBeUndefined()
      for (let client = 0; client < 4; client++) expect(talk.allocate([], from(client)).code).toBe('success')
    }),
    { numRuns: 60 },
  )
})

const from = (client: number): SocketAddress => SocketAddress.of(`203.0.113.7:${5_000 + client}`)
