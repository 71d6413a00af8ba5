import { SocketAddress, seconds, toHex, utf8 } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { captureOf, SimulatedNetwork } from '../src/index.ts'

test('what a cable carries is written as pcapng, and can be read again', () => {
  const network = new SimulatedNetwork()
  const alice = network.addHost('alice', { addresses: ['192.0.2.1', '2001:db8::1'] })
  const bob = network.addHost('bob', { addresses: ['192.0.2.2', '2001:db8::2'] })
  const capture = captureOf(network, { alice: alice.cable, bob: bob.cable })
  const socket = alice.bind(1000, () => {})
  const say = (text: string, to: string): void =>
    socket.send({ local: undefined, remote: SocketAddress.of(to), payload: utf8(text) }, 1)

  say('hello', '192.0.2.2:7')
  network.run(seconds(1.5))
  say('hi', '[2001:db8::2]:7')
  network.run(seconds(1))
  capture.stop()
  say('unseen', '192.0.2.2:7')
  network.run(seconds(1))

  const { interfaces, packets } = readPcapng(capture.bytes())
  expect(interfaces).toEqual([
    { name: 'alice', linkType: 101 },
    { name: 'bob', linkType: 101 },
  ])
  expect(
    packets.map(({ number, bytes }) => [
      number,
      bytes[0]! >> 4,
      String.fromCharCode(...bytes.slice(bytes[0]! >> 4 === 4 ? 28 : 48)),
    ]),
  ).toEqual([
    [0, 4, 'hello'],
    [1, 4, 'hello'],
    [0, 6, 'hi'],
    [1, 6, 'hi'],
  ])
  expect(toHex(packets[0]!.bytes.slice(0, 28))).toMatch(/^45010021.{8}4011.{4}c0000201c000020203e80007000d/)
  const microseconds = packets.map(({ at }) => at - packets[0]!.at)
  expect(microseconds).toEqual([0, 5_000, 1_500_000, 1_505_000])
})

interface ReadPacket {
  readonly number: number
  readonly at: number
  readonly bytes: Uint8Array
}

/** Reads the three kinds of blocks that the writer knows, and checks what frames them. */
function readPcapng(file: Uint8Array): { interfaces: { name: string; linkType: number }[]; packets: ReadPacket[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const interfaces: { name: string; linkType: number }[] = []
  const packets: ReadPacket[] = []
  expect(view.getUint32(0, true)).toBe(0x0a0d0d0a)
  expect(view.getUint32(8, true)).toBe(0x1a2b3c4d)
  for (let at = 0; at < file.length; ) {
    const type = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    expect(length % 4).toBe(0)
    expect(view.getUint32(at + length - 4, true)).toBe(length)
    if (type === 1) {
      expect(view.getUint16(at + 16, true)).toBe(2)
      const name = String.fromCharCode(...file.subarray(at + 20, at + 20 + view.getUint16(at + 18, true)))
      interfaces.push({ name, linkType: view.getUint16(at + 8, true) })
    } else if (type === 6) {
      const captured = view.getUint32(at + 20, true)
      expect(view.getUint32(at + 24, true)).toBe(captured)
      packets.push({
        number: view.getUint32(at + 8, true),
        at: view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 16, true),
        bytes: file.slice(at + 28, at + 28 + captured),
      })
    }
    at += length
  }
  return { interfaces, packets }
}
