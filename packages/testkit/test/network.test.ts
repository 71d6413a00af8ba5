import {
  type Datagram,
  type Instant,
  millis,
  type SansIo,
  SocketAddress,
  seconds,
  type Transmit,
  utf8,
} from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import {
  type BoundSocket,
  behaviourOf,
  DEPENDENCES,
  type Host,
  NAT_KINDS,
  type NatKind,
  SimulatedNetwork,
} from '../src/index.ts'

describe('hosts', () => {
  test('a datagram arrives after the delay of both cables, with the addresses that it was sent with', () => {
    const network = new SimulatedNetwork()
    const alice = talker(network.addHost('alice', { addresses: ['192.0.2.1'], cable: { latency: 20 } }))
    const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'], cable: { latency: 30 } }))
    alice.say('hello', '192.0.2.2:1000')

    network.run(millis(49))
    expect(bob.heard).toEqual([])
    network.run(millis(1))
    expect(bob.heard).toEqual(['192.0.2.1:1000: hello'])
  })

  test('a datagram with a source that is not of this host does not leave', () => {
    const network = new SimulatedNetwork()
    const losses: string[] = []
    network.onLoss((_, why) => losses.push(why))
    const alice = talker(network.addHost('alice', { addresses: ['192.0.2.1'] }))
    talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))

    alice.socket.send({ local: at('192.0.2.9:1000'), remote: at('192.0.2.2:1000'), payload: utf8('lie') })
    network.run(seconds(1))

    expect(losses).toEqual(['not-ours'])
  })

  test('after roaming it is reached under its new address only', () => {
    const network = new SimulatedNetwork()
    const host = network.addHost('alice', { addresses: ['192.0.2.1'] })
    const alice = talker(host)
    const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))

    host.roam(network.internet, [at('198.51.100.1:0').ip])
    bob.say('old', '192.0.2.1:1000')
    bob.say('new', '198.51.100.1:1000')
    network.run(seconds(1))

    expect(alice.heard).toEqual(['192.0.2.2:1000: new'])
  })
})

describe('cables', () => {
  test('lose, duplicate and reorder as they are told to, and the same seed does it the same way', () => {
    const story = (seed: number): string[] => {
      const network = new SimulatedNetwork(seed)
      const cable = { loss: 0.2, duplication: 0.2, jitter: 50 }
      const alice = talker(network.addHost('alice', { addresses: ['192.0.2.1'], cable }))
      const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))
      for (let i = 0; i < 50; i++) alice.say(`${i}`, '192.0.2.2:1000')
      network.run(seconds(1))
      return bob.heard
    }

    expect(story(7)).toEqual(story(7))
    expect(story(7)).not.toEqual(story(8))
    expect(story(7).length).not.toBe(50)
    expect([...story(7)].sort()).not.toEqual(story(7))
  })
})

test('a cable can hold datagrams back, and carries none that is longer than its MTU', () => {
  const network = new SimulatedNetwork()
  const losses: string[] = []
  network.onLoss((_, why) => losses.push(why))
  const cable = { reordering: 0.3, holdBack: 50, mtu: 100 }
  const alice = talker(network.addHost('alice', { addresses: ['192.0.2.1', '2001:db8::1'], cable }))
  const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2', '2001:db8::2'] }))

  for (let i = 0; i < 40; i++) {
    alice.say(`${i}`, '192.0.2.2:1000')
    network.run(millis(1))
  }
  network.run(seconds(1))
  const order = bob.heard.map(line => Number(line.split(': ')[1]))
  expect(order).not.toEqual(order.toSorted((a, b) => a - b))
  expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))

  bob.heard.length = 0
  alice.say('4'.repeat(72), '192.0.2.2:1000')
  alice.say('4'.repeat(73), '192.0.2.2:1000')
  alice.say('6'.repeat(52), '[2001:db8::2]:1000')
  alice.say('6'.repeat(53), '[2001:db8::2]:1000')
  network.run(seconds(1))
  expect(bob.heard.map(line => line.split(': ')[1]!.length).sort()).toEqual([52, 72])
  expect(losses).toEqual(['too-long', 'too-long'])
})

/** Whether bob may answer: from the address and port that was sent to, from another port of it, from elsewhere. */
const answers: Record<NatKind, [boolean, boolean, boolean]> = {
  'full-cone': [true, true, true],
  'address-restricted': [true, true, false],
  'port-restricted': [true, false, false],
  symmetric: [true, false, false],
}

describe('NATs', () => {
  test.each(NAT_KINDS)('%s: lets in exactly whom its kind lets in', nat => {
    const network = new SimulatedNetwork()
    const router = network.addRouter('router', { address: '203.0.113.1', nat })
    const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
    const bob = network.addHost('bob', { addresses: ['192.0.2.2'] })
    const [bob1, bob2] = [talker(bob), talker(bob, 2000)]
    const carol = talker(network.addHost('carol', { addresses: ['192.0.2.3'] }))
    alice.say('hello', '192.0.2.2:1000')
    network.run(seconds(1))
    const outer = bob1.heard[0]!.split(': ')[0]!

    for (const other of [bob1, bob2, carol]) other.say('answer', outer)
    network.run(seconds(1))

    const expected = ['192.0.2.2:1000', '192.0.2.2:2000', '192.0.2.3:1000'].filter((_, i) => answers[nat][i])
    expect(alice.heard).toEqual(expected.map(from => `${from}: answer`))
  })

  test.each(NAT_KINDS)('%s: shows everybody the same port, unless it is symmetric', nat => {
    const network = new SimulatedNetwork()
    const router = network.addRouter('router', { address: '203.0.113.1', nat })
    const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
    const bob = network.addHost('bob', { addresses: ['192.0.2.2'] })
    const [bob1, bob2] = [talker(bob), talker(bob, 2000)]

    alice.say('a', '192.0.2.2:1000')
    alice.say('b', '192.0.2.2:2000')
    network.run(seconds(1))

    const [first, second] = [bob1.heard[0]!.split(': ')[0], bob2.heard[0]!.split(': ')[0]]
    expect(first === second).toBe(nat !== 'symmetric')
  })

  describe.each(DEPENDENCES)('with %s mapping', mapping => {
    test.each(DEPENDENCES)('and %s filtering: both are what RFC 4787 says, independent of each other', filtering => {
      for (const preservesPorts of [true, false]) {
        const network = new SimulatedNetwork()
        const nat = { mapping, filtering, preservesPorts }
        const router = network.addRouter('router', { address: '203.0.113.1', nat })
        const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
        const bob = network.addHost('bob', { addresses: ['192.0.2.2'] })
        const [bob1, bob2] = [talker(bob), talker(bob, 2000)]
        const carol = talker(network.addHost('carol', { addresses: ['192.0.2.3'] }))
        const outerAt = (talker: Talker): string => talker.heard[0]!.split(': ')[0]!

        alice.say('a', '192.0.2.2:1000')
        network.run(seconds(1))
        const outer = outerAt(bob1)
        for (const other of [bob1, bob2, carol]) other.say('answer', outer)
        network.run(seconds(1))
        alice.say('b', '192.0.2.2:2000')
        alice.say('c', '192.0.2.3:1000')
        network.run(seconds(1))

        const lastAllowed = 3 - DEPENDENCES.indexOf(filtering)
        const everybody = ['192.0.2.2:1000', '192.0.2.2:2000', '192.0.2.3:1000']
        expect(alice.heard).toEqual(everybody.slice(0, lastAllowed).map(from => `${from}: answer`))
        expect([outerAt(bob2) === outer, outerAt(carol) === outer]).toEqual([
          mapping !== 'address-and-port-dependent',
          mapping === 'endpoint-independent',
        ])
        expect(outer === '203.0.113.1:1000').toBe(preservesPorts)
      }
    })
  })

  test('that hairpin let neighbours reach each other under their outer addresses; others do not', () => {
    for (const hairpins of [true, false]) {
      const network = new SimulatedNetwork()
      const nat = { ...behaviourOf('full-cone'), hairpins }
      const router = network.addRouter('router', { address: '203.0.113.1', nat })
      const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
      const carol = talker(network.addHost('carol', { addresses: ['10.0.0.3'], on: router }), 2000)
      carol.say('out', '192.0.2.2:1000')
      network.run(seconds(1))

      alice.say('hello', '203.0.113.1:2000')
      network.run(seconds(1))

      expect(carol.heard).toEqual(hairpins ? ['203.0.113.1:1000: hello'] : [])
    }
  })

  test('may be kept open from outside, or only from inside', () => {
    for (const refreshesInbound of [true, false]) {
      const network = new SimulatedNetwork()
      const nat = { ...behaviourOf('port-restricted'), refreshesInbound }
      const router = network.addRouter('router', { address: '203.0.113.1', nat, timeout: seconds(30) })
      const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
      const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))
      alice.say('hello', '192.0.2.2:1000')

      for (let i = 0; i < 3; i++) {
        network.run(seconds(20))
        bob.say('answer', '203.0.113.1:1000')
      }
      network.run(seconds(1))

      expect(alice.heard).toHaveLength(refreshesInbound ? 3 : 1)
    }
  })

  test('two hosts behind one NAT get different ports', () => {
    const network = new SimulatedNetwork()
    const router = network.addRouter('router', { address: '203.0.113.1' })
    const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
    const carol = talker(network.addHost('carol', { addresses: ['10.0.0.3'], on: router }))
    const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))

    alice.say('a', '192.0.2.2:1000')
    network.run(seconds(1))
    carol.say('c', '192.0.2.2:1000')
    network.run(seconds(1))
    for (const line of bob.heard) bob.say('echo', line.split(': ')[0]!)
    network.run(seconds(1))

    expect(alice.heard).toHaveLength(1)
    expect(carol.heard).toHaveLength(1)
  })

  test('a mapping that is not used from inside is forgotten after its timeout', () => {
    const network = new SimulatedNetwork()
    const router = network.addRouter('router', { address: '203.0.113.1', timeout: seconds(30) })
    const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
    const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))
    alice.say('hello', '192.0.2.2:1000')

    network.run(seconds(29))
    bob.say('in time', '203.0.113.1:1000')
    network.run(seconds(2))
    bob.say('too late', '203.0.113.1:1000')
    network.run(seconds(2))

    expect(alice.heard).toEqual(['192.0.2.2:1000: in time'])
  })

  test('a forwarded port is open for everybody', () => {
    const network = new SimulatedNetwork()
    const router = network.addRouter('router', { address: '203.0.113.1', nat: 'symmetric' })
    const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: router }))
    const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))
    router.nat!.forward(1000, at('10.0.0.2:1000'))

    bob.say('hello', '203.0.113.1:1000')
    network.run(seconds(1))

    expect(alice.heard).toEqual(['192.0.2.2:1000: hello'])
  })

  test('NATs can be nested', () => {
    const network = new SimulatedNetwork()
    const carrier = network.addRouter('carrier', { address: '203.0.113.1' })
    const home = network.addRouter('home', { address: '100.64.0.7', on: carrier })
    const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2'], on: home }))
    const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))

    alice.say('hello', '192.0.2.2:1000')
    network.run(seconds(1))
    bob.say('answer', bob.heard[0]!.split(': ')[0]!)
    network.run(seconds(1))

    expect(alice.heard).toEqual(['192.0.2.2:1000: answer'])
  })
})

test('IPv6 behind a router is not translated, and filtered unless the router is open', () => {
  for (const open of [true, false]) {
    const network = new SimulatedNetwork()
    const router = network.addRouter('router', { address: '203.0.113.1', open })
    const alice = talker(network.addHost('alice', { addresses: ['10.0.0.2', '2001:db8:1::2'], on: router }))
    const bob = talker(network.addHost('bob', { addresses: ['2001:db8:2::2'] }))

    bob.say('first', '[2001:db8:1::2]:1000')
    network.run(seconds(1))
    alice.say('question', '[2001:db8:2::2]:1000')
    network.run(seconds(1))
    bob.say('answer', '[2001:db8:1::2]:1000')
    network.run(seconds(1))

    expect(bob.heard).toEqual(['[2001:db8:1::2]:1000: question'])
    expect(alice.heard.map(line => line.split(': ')[1])).toEqual(open ? ['first', 'answer'] : ['answer'])
  }
})

test('a machine runs on a host: it hears, it speaks, it is woken at its deadlines', () => {
  const network = new SimulatedNetwork()
  const ticks: Instant[] = []
  const bob = talker(network.addHost('bob', { addresses: ['192.0.2.2'] }))
  network
    .addHost('alice', { addresses: ['192.0.2.1'] })
    .run(new Metronome(network.now), { onEvent: at => ticks.push(at) })

  const start = network.now
  network.run(seconds(5))

  expect(ticks.map(tick => tick - start)).toEqual([1000, 2000, 3000, 4000, 5000])
  expect(bob.heard).toHaveLength(4) // the fifth is under way
})

/** Speaks to bob every second and tells when. */
class Metronome implements SansIo<Datagram, Transmit, Instant> {
  #next: Instant
  #events: Instant[] = []
  #transmits: Transmit[] = []
  constructor(now: Instant) {
    this.#next = (now + 1000) as Instant
  }
  handleInput(): boolean {
    return false
  }
  handleTimeout(now: Instant): void {
    if (now < this.#next) return
    this.#next = (now + 1000) as Instant
    this.#events.push(now)
    this.#transmits.push({ local: undefined, remote: at('192.0.2.2:1000'), payload: utf8('tick') })
  }
  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift()
  }
  pollEvent(): Instant | undefined {
    return this.#events.shift()
  }
  pollTimeout(): Instant {
    return this.#next
  }
}

const at = (text: string): SocketAddress => SocketAddress.of(text)

interface Talker {
  readonly socket: BoundSocket
  readonly heard: string[]
  say(text: string, to: string): void
}

function talker(host: Host, port = 1000): Talker {
  const heard: string[] = []
  const socket = host.bind(port, ({ remote, payload }) => heard.push(`${remote}: ${String.fromCharCode(...payload)}`))
  const say = (text: string, to: string): void => socket.send({ local: undefined, remote: at(to), payload: utf8(text) })
  return { socket, heard, say }
}
