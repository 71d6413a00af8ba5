import { randomBytes, seconds, seededRandom } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TcpSocket } from '../src/tcp-socket.ts'
import { Wire, type WireFaults } from './wire.ts'

test('what is written arrives, both ways, and both close', () => {
  expectDelivery(new Wire(), 4, 100_000, 50_000)
})

test('over IPv6 as well', () => {
  expectDelivery(new Wire(), 6, 100_000, 50_000)
})

test('with windows above 64 KiB, which are scaled', () => {
  const big = { sendBuffer: 1 << 20, receiveBuffer: 1 << 20 }
  const wire = new Wire({ alice: big, bob: big })
  const start = wire.now
  expectDelivery(wire, 4, 3_000_000, 0)

  expect(wire.now - start).toBeLessThan(12_000) // most of which is TIME-WAIT
})

test('whatever is written arrives exactly and in order both ways, then both close, however bad the wire is', () => {
  const size = fc.integer({ min: 1, max: 70_000 })
  // On a wire that loses that much, the acknowledgement of a FIN may be lost for longer than the usual TIME-WAIT lasts.
  const timeWait = fc.constant(seconds(120))
  const stack = fc.record({
    timeWait,
    mtu: fc.integer({ min: 576, max: 9000 }),
    sendBuffer: size,
    receiveBuffer: size,
  })
  const faults = fc.record({
    loss: fc.double({ min: 0, max: 0.3, noNaN: true }),
    duplication: fc.double({ min: 0, max: 0.2, noNaN: true }),
    reordering: fc.double({ min: 0, max: 0.5, noNaN: true }),
    seed: fc.nat(),
  })
  const bytes = fc.integer({ min: 0, max: 30_000 })
  fc.assert(
    fc.property(
      stack,
      stack,
      faults,
      fc.constantFrom(4 as const, 6 as const),
      bytes,
      bytes,
      (alice, bob, wire: WireFaults, family, there, back) => {
        // A buffer of a few bytes moves that many per round trip: little is enough to show that it moves.
        const least = Math.min(alice.sendBuffer, alice.receiveBuffer, bob.sendBuffer, bob.receiveBuffer)
        expectDelivery(new Wire({ alice, bob }, wire), family, Math.min(there, least * 50), Math.min(back, least * 50))
      },
    ),
    { numRuns: 60 },
  )
})

/** Has both sides write, read and finish; expects what was written to have been read, and nothing to be left. */
function expectDelivery(wire: Wire, family: 4 | 6, there: number, back: number): void {
  const closed: string[] = []
  const { alice, bob } = wire.connect(family)
  const ends = [new End(wire, alice, there, 1), new End(wire, bob, back, 2)] as const
  wire.onEvent = event => {
    if (event.type === 'closed') closed.push(event.reason)
    for (const end of ends) end.work()
  }
  for (const end of ends) end.work()

  expect(wire.runUntil(() => wire.alice.connections + wire.bob.connections === 0)).toBe(true)
  for (const end of ends) end.work()
  expect(closed).toEqual(['finished', 'finished'])
  expect(ends[0].received).toEqual(ends[1].toSend)
  expect(ends[1].received).toEqual(ends[0].toSend)
  expect([alice.isEnded, bob.isEnded]).toEqual([true, true])
}

class End {
  readonly toSend: Uint8Array
  readonly #wire: Wire
  readonly #socket: TcpSocket
  readonly #chunks: Uint8Array[] = []
  #sent = 0

  constructor(wire: Wire, socket: TcpSocket, length: number, seed: number) {
    this.#wire = wire
    this.#socket = socket
    this.toSend = randomBytes(seededRandom(seed), length)
  }

  work(): void {
    this.#sent += this.#socket.write(this.toSend.subarray(this.#sent), this.#wire.now)
    if (this.#sent === this.toSend.length) this.#socket.shutdown(this.#wire.now)
    const chunk = this.#socket.receive()
    if (chunk.length > 0) this.#chunks.push(chunk)
  }

  get received(): Uint8Array {
    const all = new Uint8Array(this.#chunks.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const chunk of this.#chunks) {
      all.set(chunk, at)
      at += chunk.length
    }
    return all
  }
}
