import { type Instant, millis, minutes, SocketAddress, seconds, seededRandom } from '@sallyport/sans-io'
import { ALLOCATE, BINDING, CHANNEL_BIND, REFRESH } from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import { PEER, PEER6, RELAY, RELAY6, SECRET, V4, V6 } from './harness.ts'
import { HOST, HOST6, lossy, MAPPED, Pair } from './pair.ts'

describe('a client and a server come together', () => {
  test('over both families, of which the first to answer is used', () => {
    const pair = new Pair()
    pair.run(seconds(1))

    const port = pair.client.relayedAddress(4)!.port
    expect(pair.takeEvents()).toEqual([
      `+host ${HOST}`,
      `+srflx ${MAPPED}`,
      `+host ${HOST6}`,
      `+srflx ${HOST6}`,
      `+relay 203.0.113.101:${port}`,
      `+relay [2001:db8::101]:${port}`,
    ])
    expect(pair.client.activeServer).toBe(RELAY)
    expect([...pair.openPorts]).toEqual([`${port}/4`, `${port}/6`])
    expect(methods(pair)).toEqual([BINDING, BINDING, ALLOCATE, ALLOCATE])
  })

  test('over IPv6 only, where the client has nothing else', () => {
    const pair = new Pair({ client: { server: { v6: RELAY6 } } })
    pair.run(seconds(1))

    expect(pair.client.activeServer).toBe(RELAY6)
    expect(pair.client.relayedAddress(4)?.ip.text).toBe(V4.text)
    expect(pair.client.relayedAddress(6)?.ip.text).toBe(V6.text)
  })

  test('over IPv6, where IPv4 does not answer', () => {
    const pair = new Pair()
    pair.wire.loses = ({ remote, local }) => remote.family === 4 || local.family === 4
    pair.run(minutes(30))

    expect(pair.client.activeServer).toBe(RELAY6)
    expect(pair.client.isAllocated).toBe(true)
    expect(pair.client.canBeFreed()).toBeUndefined()
  })

  test('with a server of IPv4 only, which gives what it has', () => {
    const pair = new Pair({ server: { addresses: { v4: V4 } }, client: { server: { v4: RELAY } } })
    pair.run(seconds(1))

    expect(pair.client.relayedAddress(4)).toBeDefined()
    expect(pair.client.relayedAddress(6)).toBeUndefined()
  })

  test.each([0.1, 0.3, 0.5])('with %d of all datagrams lost, sooner or later', loss => {
    for (let seed = 0; seed < 10; seed++) {
      const pair = new Pair()
      pair.wire.loses = lossy(loss, seed)
      let isAllocated = false
      for (let i = 0; i < 600 && !isAllocated; i++) {
        pair.run(seconds(1))
        isAllocated = pair.client.isAllocated
        // giving up and being brought back is what the owner of an allocation does
        if (pair.client.canBeFreed() !== undefined) pair.client.refresh(pair.now)
      }
      expect(isAllocated).toBe(true)
    }
  })

  test('where the way there and back takes longer than the first wait', () => {
    const pair = new Pair()
    pair.wire.delay = millis(1_700)
    pair.run(seconds(30))

    expect(pair.client.isAllocated).toBe(true)
    expect(pair.requests.filter(({ method }) => method === REFRESH)).toEqual([])
  })
})

describe('data', () => {
  test('goes through a channel both ways, and keeps to the client and the peer', () => {
    const pair = allocated()
    pair.send(PEER, 'too early')
    pair.run(seconds(1))

    const port = pair.client.relayedAddress(4)!.port
    expect(pair.send(PEER, 'hi')).toEqual([{ socket: port, to: PEER.key, hex: '6869' }])
    pair.receive(PEER, 'hello')
    expect(pair.received).toEqual([{ peer: PEER.key, text: 'hello' }])
    pair.receive(SocketAddress.of('198.51.100.9:51821'), 'other port')
    expect(pair.received).toHaveLength(1)
  })

  test('goes to peers of either family, whatever the family in which client and server talk', () => {
    const pair = allocated()
    pair.send(PEER6, 'bind')
    pair.run(seconds(1))

    expect(pair.send(PEER6, 'hi')).toMatchObject([{ to: PEER6.key, hex: '6869' }])
    pair.receive(PEER6, 'hello')
    expect(pair.received).toEqual([{ peer: PEER6.key, text: 'hello' }])
  })

  test('flows for an hour through a channel that is in use, with one CHANNEL-BIND every five minutes or so', () => {
    const pair = allocated()
    pair.send(PEER, 'bind')
    pair.run(seconds(1))
    for (let second = 0; second < 3_600; second++) {
      pair.receive(PEER, `${second}`)
      expect(pair.send(PEER, `${second}`)).toHaveLength(1)
      pair.run(seconds(1))
    }

    expect(pair.received).toHaveLength(3_600)
    const binds = pair.requests.filter(({ method }) => method === CHANNEL_BIND).map(({ at }) => at)
    const gaps = binds.slice(1).map((at, i) => at - binds[i]!)
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(minutes(5))
    for (const gap of gaps) expect(gap).toBeLessThanOrEqual(minutes(5) + seconds(26))
  })

  test('flows again after six idle minutes, twice', () => {
    const pair = allocated()
    for (let round = 0; round < 3; round++) {
      pair.send(PEER, 'wake up')
      pair.run(seconds(1))
      expect(pair.send(PEER, 'hi')).toHaveLength(1)
      pair.run(minutes(6))
    }
  })

  test('flows again through the same number while the channel is cooling down', () => {
    const pair = allocated()
    pair.send(PEER, 'bind')
    pair.run(minutes(12))

    expect(pair.server.boundChannels).toBe(0)
    expect(pair.send(PEER, 'lost')).toEqual([])
    pair.run(seconds(1))
    expect(pair.send(PEER, 'hi')).toMatchObject([{ to: PEER.key }])
    pair.receive(PEER, 'hello')
    expect(pair.received).toEqual([{ peer: PEER.key, text: 'hello' }])
    expect(pair.client.channelTo(PEER, pair.now)).toBe(0x4000)
  })

  test('flows again after the channel’s cool-down', () => {
    const pair = allocated()
    pair.send(PEER, 'bind')
    pair.run(minutes(40))

    pair.send(PEER, 'bind again')
    pair.run(seconds(1))
    expect(pair.send(PEER, 'hi')).toHaveLength(1)
  })

  test('channels asked for before there is an allocation are bound as soon as there is one', () => {
    const pair = new Pair()
    pair.client.bindChannel(PEER, pair.now)
    pair.client.bindChannel(PEER, pair.now)
    pair.client.bindChannel(PEER6, pair.now)
    pair.run(seconds(1))

    expect(pair.send(PEER, 'hi')).toHaveLength(1)
    expect(pair.send(PEER6, 'hi')).toHaveLength(1)
    expect(methods(pair).filter(method => method === CHANNEL_BIND)).toHaveLength(2)
  })

  test('between two clients of one server never leaves it', () => {
    const alice = allocated()
    const bob = new Pair({ client: { server: { v6: RELAY6 } } })
    bob.server = alice.server
    bob.run(seconds(1))
    const toBob = bob.client.relayedAddress(4)!
    const toAlice = alice.client.relayedAddress(4)!
    bob.send(toAlice, 'bind')
    bob.run(seconds(1))
    alice.run(seconds(1))
    expect(alice.send(toBob, 'bind')).toEqual([])
    alice.run(seconds(1))

    expect(alice.send(toBob, 'hi')).toEqual([{ socket: -1, to: HOST6.key, hex: '400000026869' }])
    expect(bob.send(toAlice, 'hi')).toEqual([{ socket: -1, to: MAPPED.key, hex: '400000026869' }])
  })
})

describe('an allocation lives on', () => {
  test('for a day, refreshed at half its lifetime, with a BINDING every 25 seconds', () => {
    const pair = allocated()
    const since = pair.requests.length
    const { port } = pair.client.relayedAddress(4)!
    pair.run(minutes(24 * 60))

    const later = pair.requests.slice(since)
    const refreshes = later.filter(({ method }) => method === REFRESH).map(({ at }) => at)
    const bindings = later.filter(({ method }) => method === BINDING).map(({ at }) => at)
    const gaps = refreshes.slice(1).map((at, i) => at - refreshes[i]!)
    expect(new Set(gaps)).toEqual(new Set([seconds(300) + 40, 40])) // once an hour the nonce is too old
    expect(gaps.filter(gap => gap === 40).length).toBeLessThan(24)
    for (const gap of bindings.slice(1).map((at, i) => at - bindings[i]!)) expect(gap).toBe(seconds(25))
    expect(pair.client.relayedAddress(4)!.port).toBe(port)
    expect(pair.takeEvents().filter(text => text.startsWith('-'))).toEqual([])
  })

  test('when nonces grow old', () => {
    const pair = allocated()
    const { port } = pair.client.relayedAddress(4)!
    pair.run(minutes(150))

    expect(pair.client.relayedAddress(4)?.port).toBe(port)
    expect(pair.server.stats.errorsByCode[438]).toBeGreaterThanOrEqual(2)
  })

  test.each([0.1, 0.3])('with %d of all datagrams lost', loss => {
    const pair = allocated()
    const { port } = pair.client.relayedAddress(4)!
    let share = 0
    pair.wire.loses = lossy(loss, 7)
    for (let i = 0; i < 60; i++) {
      pair.run(minutes(1))
      if (pair.client.isAllocated) share++
      else pair.client.refresh(pair.now)
    }

    expect(share).toBeGreaterThan(50)
    if (loss < 0.2) expect(pair.client.relayedAddress(4)?.port).toBe(port)
  })

  test('until it is given back, which closes its ports at once', () => {
    const pair = allocated()
    pair.client.free(pair.now)
    expect(pair.client.canBeFreed()).toBe('released')
    pair.run(seconds(1))

    expect(pair.server.allocations).toBe(0)
    expect(pair.openPorts.size).toBe(0)
    expect(pair.takeEvents().filter(text => text.startsWith('-'))).toHaveLength(2)
    expect(pair.client.pollTimeout()).toBeUndefined()
  })
})

describe('the server forgets or changes', () => {
  test('an allocation that it has lost is replaced when it is to be refreshed (437)', () => {
    const pair = allocated()
    pair.restartServer()
    pair.takeEvents()
    pair.run(minutes(6))

    expect(pair.takeEvents().map(text => text.slice(0, 6))).toEqual(['-relay', '-relay', '+relay', '+relay'])
    expect(pair.server.allocations).toBe(1)
  })

  test('an allocation that it has lost is replaced when a channel is bound (437), and the channel is bound', () => {
    const pair = allocated()
    pair.restartServer()
    pair.send(PEER, 'bind')
    pair.run(seconds(1))

    expect(pair.send(PEER, 'hi')).toHaveLength(1)
  })

  test('an allocation of the client’s former life is deleted first (437)', () => {
    const pair = allocated()
    pair.client = pair.newClient({ random: seededRandom(9) })
    pair.run(seconds(1))

    expect(pair.client.isAllocated).toBe(true)
    expect(methods(pair).slice(-4)).toEqual([ALLOCATE, ALLOCATE, REFRESH, ALLOCATE])
    expect(pair.server.allocations).toBe(1)
    expect(pair.openPorts.size).toBe(2)
  })

  test('a success that was lost leads to 437, deletion and another allocation', () => {
    const pair = new Pair()
    const isSuccess = (payload: Uint8Array): boolean => payload[0] === 1 && payload[1] === 3
    let lost = 0
    pair.wire.loses = ({ payload }, direction) => direction === 'to-client' && isSuccess(payload) && lost++ === 0
    pair.run(seconds(3))

    expect(pair.client.isAllocated).toBe(true)
    expect(methods(pair)).toEqual([BINDING, BINDING, ALLOCATE, ALLOCATE, ALLOCATE, REFRESH, ALLOCATE])
    expect(pair.server.allocations).toBe(1)
  })

  test('a server with another secret is left by time-out: its answers prove nothing', () => {
    const pair = allocated()
    pair.restartServer({ secret: SECRET.replaceAll('4', '5') })
    pair.takeEvents()
    pair.client.refresh(pair.now)
    pair.run(millis(999))
    expect(pair.client.isAllocated).toBe(true)
    pair.run(millis(1))

    expect(pair.client.canBeFreed()).toBe('no-response')
    expect(pair.takeEvents().map(text => text.slice(0, 6))).toEqual(['-relay', '-relay'])
  })

  test('a server that falls silent is left 8.125 seconds after the keep-alive that it does not answer', () => {
    const pair = allocated()
    pair.wire.loses = () => true
    pair.run(seconds(60))

    const last = pair.requests.filter(({ method }) => method === BINDING).slice(-4)
    expect(last.map(({ at }) => at - last[0]!.at)).toEqual([0, 1_000, 2_500, 4_750])
    expect(pair.client.canBeFreed()).toBe('no-response')
    expect(pair.client.pollTimeout()).toBeUndefined()
  })

  test('expired credentials free the client, after one refusal', () => {
    const pair = allocated({ server: { calendar: { instant: 1_000_000 as Instant, wallClock: EXPIRES_SOON } } })
    pair.run(minutes(6))

    expect(pair.client.canBeFreed()).toBe('authentication')
    expect(pair.client.isAllocated).toBe(false)
    expect(pair.requests.filter(({ method }) => method === REFRESH)).toHaveLength(1)
  })

  test('a server without free ports suspends the client until it is refreshed', () => {
    const pair = new Pair({ server: { ports: { lowest: 50_000, highest: 50_000 } } })
    const other = new Pair({ client: { server: { v6: RELAY6 } } })
    other.server = pair.server
    other.run(seconds(1))
    pair.client.bindChannel(PEER, pair.now)
    pair.run(minutes(2))
    expect(pair.client.isSuspended).toBe(true)
    expect(pair.client.canBeFreed()).toBeUndefined()

    other.client.free(other.now)
    other.run(seconds(1))
    pair.client.refresh(pair.now)
    pair.run(seconds(1))
    expect(pair.client.isAllocated).toBe(true)
    expect(pair.requests.filter(({ method }) => method === CHANNEL_BIND)).toEqual([])
  })

  test('a port that cannot be opened costs the client one more round', () => {
    const pair = allocated()
    pair.server.handlePortFailure(pair.client.relayedAddress(4)!.port, pair.now)
    pair.send(PEER, 'bind')
    pair.run(seconds(1))

    expect(pair.send(PEER, 'hi')).toHaveLength(1)
  })
})

/** Ten seconds before the credentials' end. */
const EXPIRES_SOON = ((3_384_082_800 - 10) * 1_000) as never

function allocated(options: ConstructorParameters<typeof Pair>[0] = {}): Pair {
  const pair = new Pair(options)
  pair.run(seconds(1))
  expect(pair.client.isAllocated).toBe(true)
  return pair
}

const methods = (pair: Pair): number[] => pair.requests.map(({ method }) => method)
