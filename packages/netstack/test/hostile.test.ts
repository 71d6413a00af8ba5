import { hasValidChecksums, makeTcpPacket } from '@sallyport/ip-packet'
import { type Instant, seededRandom } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NetStack } from '../src/net-stack.ts'
import { ScriptedPeer } from './segments.ts'
import { addresses, Wire } from './wire.ts'

test('arbitrary bytes are never recognised, and never throw', () => {
  const stack = new NetStack({ random: seededRandom(1), addresses: [addresses()[1].ip] })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      stack.handleInput(bytes, 0 as Instant)
      expect(stack.connections).toBe(0)
    }),
    { numRuns: 500 },
  )
})

test('mutated packets of a conversation never throw, and carry nothing in', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (where, flip) => {
      const wire = new Wire()
      wire.onPacket = packet => {
        const copy = packet.slice()
        copy[where % copy.length]! ^= flip
        for (const stack of [wire.alice, wire.bob]) stack.handleInput(copy, wire.now)
        return true
      }
      const { alice, bob } = wire.connect()
      alice.write(new Uint8Array(3000).fill(7), wire.now)
      alice.shutdown(wire.now)
      wire.pass(60_000)

      expect(bob.receive()).toEqual(new Uint8Array(3000).fill(7))
    }),
    { numRuns: 100 },
  )
})

test('whatever segments come in whatever state, nothing throws, deadlines lie ahead, and all stays bounded', () => {
  const [alice, bob] = addresses()
  const near = fc.constantFrom(-2000, -1, 0, 1, 2, 1000, 70_000, 2 ** 31)
  const segment = fc.record({
    flags: fc.integer({ min: 0, max: 63 }),
    sequence: near,
    acknowledgement: near,
    window: fc.constantFrom(0, 1, 500, 0xffff),
    payload: fc.constantFrom(0, 1, 700, 1400),
    options: fc.constantFrom(
      [],
      [2, 4, 0, 0],
      [2, 4, 255, 255, 3, 3, 14, 0],
      [3, 3, 255, 0],
      [2, 0, 0, 0],
      [1, 1, 1, 9],
    ),
    wait: fc.constantFrom(0, 0, 50, 1000, 100_000),
    command: fc.constantFrom('write', 'read', 'shutdown', 'abort', 'none', 'none', 'none', 'none'),
  })
  fc.assert(
    fc.property(fc.boolean(), fc.array(segment, { maxLength: 40 }), (connects, segments) => {
      const stack = new NetStack({ random: seededRandom(1), receiveBuffer: 3000, sendBuffer: 3000 })
      stack.listenTcp(bob)
      const peer = new ScriptedPeer(stack)
      let socket = connects ? stack.connectTcp(bob, alice, peer.now) : undefined
      let [iss, next] = [peer.heard()[0]?.sequence ?? 0, 1000]
      for (const { wait, command, payload, options, ...fields } of segments) {
        const answers = peer.send({
          ...fields,
          sequence: (next + fields.sequence) >>> 0,
          acknowledgement: (iss + fields.acknowledgement) >>> 0,
          payload: new Uint8Array(payload),
          options: Uint8Array.from(options),
        })
        answers.push(...peer.pass(wait))
        for (let event = stack.pollEvent(); event !== undefined; event = stack.pollEvent())
          if (event.type === 'accepted') socket = event.socket
        if (command === 'write') socket?.write(new Uint8Array(2000), peer.now)
        else if (command === 'read') socket?.receive()
        else if (command === 'shutdown') socket?.shutdown(peer.now)
        else if (command === 'abort') socket?.abort()
        answers.push(...peer.heard())

        for (const answer of answers) {
          iss = answer.sequence + answer.payload.length
          if (answer.acknowledgement !== 0) next = answer.acknowledgement
        }
        expect(answers.length).toBeLessThan(300)
        expect(stack.connections).toBeLessThanOrEqual(1)
        expect(socket?.readable ?? 0).toBeLessThanOrEqual(3000)
        expect(stack.pollTimeout() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(peer.now)
      }
    }),
    { numRuns: 300 },
  )
})

test('every packet that leaves has right checksums and fits', () => {
  for (const family of [4, 6] as const) {
    const wire = new Wire({ alice: { mtu: 1280 } })
    wire.onPacket = packet => {
      expect(hasValidChecksums(packet)).toBe(true)
      expect(packet.length).toBeLessThanOrEqual(1280)
      return true
    }
    const { alice, bob } = wire.connect(family)
    alice.write(new Uint8Array(20_000), wire.now)
    wire.pass(1000)
    expect(bob.readable).toBe(20_000)
  }
})

test('a SYN to each of many ports fills the stack no further than it may', () => {
  const [alice, bob] = addresses()
  const stack = new NetStack({ random: seededRandom(1), maxConnections: 20 })
  stack.listenTcp(bob)
  for (let sourcePort = 1; sourcePort < 1000; sourcePort++) {
    const packet = makeTcpPacket({
      source: alice.ip,
      destination: bob.ip,
      sourcePort,
      destinationPort: bob.port,
      flags: 2,
    })
    stack.handleInput(packet, 0 as Instant)
  }

  expect(stack.connections).toBe(20)
})
