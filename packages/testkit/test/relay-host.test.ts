import { type DataPlane, type PacketBuffer, SocketAddress, seconds, type Transmit, utf8 } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { RelayHost, runTunnelled, SimulatedNetwork } from '../src/index.ts'

/** A BINDING request without attributes. */
const BINDING = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Array<number>(12).fill(7))

test('a relay answers until it is killed, and again after its restart', () => {
  const network = new SimulatedNetwork()
  const relay = new RelayHost(network, 'relay', { addresses: ['198.51.100.1', '2001:db8::1'] })
  let answers = 0
  const socket = network.addHost('alice', { addresses: ['192.0.2.1'] }).bind(1000, () => answers++)
  const ask = (): void => {
    socket.send({ local: undefined, remote: SocketAddress.of('198.51.100.1:3478'), payload: BINDING })
    network.run(seconds(1))
  }
  const before = relay.newUser()

  ask()
  relay.kill()
  ask()
  relay.start()
  ask()

  expect(answers).toBe(2)
  expect(relay.newUser().password).not.toBe(before.password)
  expect(relay.newUser()).toMatchObject({ realm: 'firezone', v4: { port: 3478 }, v6: { port: 3478 } })
})

test('what is read from a TUN device leaves as datagrams with headers, and what arrives is written, train by train', () => {
  const network = new SimulatedNetwork()
  const received: string[] = []
  const alice = runTunnelled(network.addHost('alice', { addresses: ['192.0.2.1'] }), new Plain())
  runTunnelled(network.addHost('bob', { addresses: ['192.0.2.2'] }), new Plain(), {
    onPacket: packet => received.push(String.fromCharCode(...packet)),
  })

  expect(alice.send(utf8('hello'))).toBe(1)
  alice.drive.input({ local: BOB, remote: BOB, payload: new Uint8Array() })
  network.run(seconds(1))
  alice.stop()
  network.run(seconds(1))

  expect(received).toEqual(['<hello', 'twice'])
})

const BOB = SocketAddress.of('192.0.2.2:52625')

/** Sends packets as they are with `<` in front; makes of each datagram a train of two packets and one that is dropped. */
class Plain implements DataPlane {
  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer): void {
    const index = datagrams.appendCopy(trains.bytesOf(0))
    datagrams.remote[index] = BOB
    datagrams.headerOffset[index] = trains.slot(0) - 1
    datagrams.headerLength[index] = 1
    trains.arena.bytes[trains.slot(0) - 1] = 60
  }
  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer): void {
    packets.segments[packets.appendCopy(datagrams.bytesOf(0))] = 2
    packets.segments[packets.appendCopy(utf8('twice'))] = 0
    packets.segments[packets.appendCopy(utf8('dropped'))] = 0
  }
  handleInput(): boolean {
    return true
  }
  handleTimeout(): void {}
  pollTransmit(): Transmit | undefined {
    return undefined
  }
  pollEvent(): undefined {
    return undefined
  }
  pollTimeout(): undefined {
    return undefined
  }
}
