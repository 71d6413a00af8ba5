import {
  type Datagram,
  type DataPlane,
  type Instant,
  type IpFamily,
  type PacketBuffer,
  type SansIo,
  SocketAddress,
  type Transmit,
  utf8,
} from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { monotonicNow } from '../clock.ts'
import { nextRead } from '../region.ts'
import { noTunStatistics, type TunDevice } from '../tun/tun-device.ts'
import { noUdpStatistics, type UdpSocket } from '../udp/udp-socket.ts'
import { driveOnNode } from './drive-on-node.ts'
import { type RunningDataPlane, runDataPlane } from './run-data-plane.ts'

const v4 = SocketAddress.of('192.0.2.1:1')
const v6 = SocketAddress.of('[2001:db8::1]:1')

test('trains become datagrams, which leave through the socket of their family in order', () => {
  const { tun, sockets } = start(new Mirror())

  tun.bring('4a', '4b', '6c', '4d')

  expect(sockets.map(socket => socket.sent)).toEqual([['4a', '4b', '4d'], ['6c']])
})

test('datagrams become packets for the device, and those that are dropped stay out', () => {
  const { tun, sockets } = start(new Mirror())

  sockets[0]!.bring('4a', '4b')
  sockets[1]!.bring('6c')

  expect(tun.written).toEqual(['4a', '4b', '6c'])
})

test('what packets stir up in control is sent in the same wake-up, and told in a later turn', async () => {
  const machine = new Mirror()
  const { tun, sockets, events } = start(machine)

  tun.bring('4!')

  expect(sockets[0]!.control).toEqual(['handshake'])
  expect(events).toEqual([])
  await turn()
  expect(events).toEqual(['stirred'])
})

test('one wake-up handles a bounded number of batches', () => {
  const machine = new Mirror()
  const { tun } = start(machine)

  tun.bring(...new Array<string>(2000).fill('4a'))

  expect(machine.trains).toBe(8 * 64)
  tun.wake()
  expect(machine.trains).toBe(2 * 8 * 64)
})

test('sockets can be exchanged while it runs', () => {
  const { tun, sockets, running } = start(new Mirror())
  const replacement = new FakeSocket(4)

  running.replaceSockets([replacement])
  tun.bring('4a', '6b')

  expect(sockets.map(socket => socket.isOpen)).toEqual([false, false])
  expect(sockets.map(socket => socket.sent)).toEqual([[], []])
  expect(replacement.sent).toEqual(['4a'])
})

test('when it is stopped, the machine’s last words are sent, and everything is closed', async () => {
  const machine = new Mirror()
  const { tun, sockets, running, events } = start(machine)

  machine.say('goodbye')
  running.stop()
  running.stop()
  tun.bring('4a')
  sockets[0]!.bring('4b')
  await turn()

  expect(sockets[0]!.control).toEqual(['goodbye'])
  expect([tun.isOpen, ...sockets.map(socket => socket.isOpen)]).toEqual([false, false, false])
  expect(machine.trains).toBe(0)
  expect(events).toEqual([])
})

test('a machine’s timer fires, although its deadline has moved away in the meantime', async () => {
  const machine = new Mirror()
  const sent: string[] = []
  const driven = driveOnNode(machine, { send: ({ payload }) => void sent.push(text(payload)), onEvent() {} })
  const start = monotonicNow()

  machine.deadline = (start + 5) as Instant
  driven.drain()
  machine.deadline = (start + 20) as Instant
  driven.drain()
  while (sent.length === 0) await turn()
  driven.stop()

  expect(sent).toEqual(['timeout'])
  expect(monotonicNow() - start).toBeGreaterThanOrEqual(20)
})

test('an event’s handler may command the machine, whose answer is sent and told', async () => {
  const machine = new Mirror()
  const sent: string[] = []
  const events: string[] = []
  const driven = driveOnNode(machine, {
    send: ({ payload }) => void sent.push(text(payload)),
    onEvent(event: string) {
      events.push(event)
      if (event === 'first') machine.tell('second')
      machine.say(`heard ${event}`)
    },
  })

  machine.tell('first')
  driven.drain()
  await turn()
  await turn()

  expect(events).toEqual(['first', 'second'])
  expect(sent).toEqual(['heard first', 'heard second'])
  driven.stop()
})

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

interface Started {
  readonly tun: FakeTun
  readonly sockets: readonly FakeSocket[]
  readonly events: string[]
  readonly running: RunningDataPlane
}

function start(machine: Mirror): Started {
  const tun = new FakeTun()
  const sockets = [new FakeSocket(4), new FakeSocket(6)]
  const events: string[] = []
  const running = runDataPlane({ machine, tun, sockets, onEvent: event => void events.push(event) })
  return { tun, sockets, events, running }
}

/** Passes packets as they are; the first character says by which family, a `!` stirs up control. */
class Mirror implements SansIo<Datagram, Transmit, string>, DataPlane {
  trains = 0
  deadline: Instant | undefined
  readonly #transmits: string[] = []
  readonly #events: string[] = []

  say(word: string): void {
    this.#transmits.push(word)
  }

  tell(event: string): void {
    this.#events.push(event)
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer): void {
    for (let i = 0; i < trains.count; i++) {
      this.trains++
      const packet = text(trains.bytesOf(i))
      if (packet.endsWith('!')) {
        this.say('handshake')
        this.tell('stirred')
      }
      const index = datagrams.appendCopy(utf8(packet))
      datagrams.remote[index] = packet.startsWith('4') ? v4 : v6
    }
  }

  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer): void {
    for (let i = 0; i < datagrams.count; i++) packets.appendCopy(datagrams.bytesOf(i).slice())
  }

  handleInput(): boolean {
    return false
  }

  handleTimeout(): void {
    this.deadline = undefined
    this.say('timeout')
  }

  pollTransmit(): Transmit | undefined {
    const word = this.#transmits.shift()
    return word === undefined ? undefined : { local: undefined, remote: v4, payload: utf8(word) }
  }

  pollEvent(): string | undefined {
    return this.#events.shift()
  }

  pollTimeout(): Instant | undefined {
    return this.deadline
  }
}

/** Something to read from: what is brought wakes the reader once. */
class Source {
  isOpen = true
  #waiting: string[] = []
  #onReadable: () => void = () => {}

  watch(onReadable: () => void): void {
    this.#onReadable = onReadable
  }

  bring(...packets: string[]): void {
    this.#waiting.push(...packets)
    this.wake()
  }

  wake(): void {
    this.#onReadable()
  }

  take(into: PacketBuffer): boolean {
    const at = nextRead(into)
    const packet = at < 0 ? undefined : this.#waiting.shift()
    if (packet === undefined) return false
    into.arena.bytes.set(utf8(packet), at)
    const index = into.append(at, packet.length)
    into.remote[index] = packet.startsWith('4') ? v4 : v6
    return true
  }

  close(): void {
    this.isOpen = false
  }
}

class FakeTun extends Source implements TunDevice {
  readonly kind = 'simple'
  readonly name = 'fake'
  readonly index = 1
  readonly takesUdpTrains = false
  readonly statistics = noTunStatistics()
  readonly written: string[] = []

  read(into: PacketBuffer): boolean {
    return this.take(into)
  }

  write(packets: PacketBuffer): void {
    for (let i = 0; i < packets.count; i++) this.written.push(text(packets.bytesOf(i)))
  }
}

class FakeSocket extends Source implements UdpSocket {
  readonly kind = 'simple'
  readonly family: IpFamily
  readonly port = 1
  readonly statistics = noUdpStatistics()
  readonly sent: string[] = []
  readonly control: string[] = []

  constructor(family: IpFamily) {
    super()
    this.family = family
  }

  receive(into: PacketBuffer): boolean {
    return this.take(into)
  }

  send(datagrams: PacketBuffer, from = 0, to: number = datagrams.count): void {
    for (let i = from; i < to; i++) this.sent.push(text(datagrams.bytesOf(i)))
  }

  sendOne({ payload }: Transmit): void {
    this.control.push(text(payload))
  }
}
