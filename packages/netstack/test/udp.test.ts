import { type Instant, SocketAddress, seededRandom, utf8 } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { NetStack } from '../src/net-stack.ts'
import { addresses, Wire } from './wire.ts'

test.each([4, 6] as const)('a datagram arrives, and its answer, over IPv%s', family => {
  const wire = new Wire()
  const [from, to] = addresses(family)
  const server = wire.bob.bindUdp(to)
  const client = wire.alice.bindUdp(new SocketAddress(from.ip, 0))
  wire.onEvent = event => {
    if (event.type !== 'datagrams' || event.socket !== server) return
    const { payload, remote } = server.receive()!
    server.send(payload.toReversed(), remote)
  }

  expect(client.send(utf8('ping'), to)).toBe(true)
  wire.pass(100)
  expect(client.receive()).toEqual({ payload: utf8('gnip'), remote: to })
  expect(client.receive()).toBeUndefined()
})

test('what nobody takes is dropped, and the event comes once', () => {
  const [from, to] = addresses()
  const wire = new Wire({ bob: { udpQueue: 3 } })
  let heard = 0
  wire.onEvent = () => void heard++
  const [client, server] = [wire.alice.bindUdp(from), wire.bob.bindUdp(to)]
  for (let i = 0; i < 5; i++) client.send(Uint8Array.of(i), to)
  wire.pass(100)

  expect([server.dropped, heard]).toEqual([2, 1])
  expect([0, 1, 2].map(() => server.receive()?.payload[0])).toEqual([0, 1, 2])
})

test('packets that nobody polls are bounded', () => {
  const [from, to] = addresses()
  const stack = new NetStack({ random: seededRandom(1) })
  const socket = stack.bindUdp(from)
  const sent = Array.from({ length: 5000 }, () => socket.send(new Uint8Array(1), to))

  expect(sent.filter(Boolean)).toHaveLength(4096)
  expect(stack.dropped).toBe(5000 - 4096)
})

test('a closed socket frees its address and stays quiet', () => {
  const [from, to] = addresses()
  const wire = new Wire()
  const socket = wire.bob.bindUdp(to)
  wire.alice.bindUdp(from).send(new Uint8Array(1), to)
  wire.bob.handleInput(wire.alice.pollTransmit()!, wire.now)
  socket.close()
  socket.close()

  expect(wire.bob.pollEvent()).toBeUndefined()
  expect(socket.send(new Uint8Array(1), from)).toBe(false)
  expect(wire.bob.bindUdp(to).local).toBe(to)
})

test('a payload that fits in no packet is a mistake, and so is the other family', () => {
  const stack = new NetStack({ random: seededRandom(1) })
  const [v4, v6] = [stack.bindUdp(addresses(4)[0]), stack.bindUdp(addresses(6)[0])]

  expect([v4.maxPayload, v6.maxPayload]).toEqual([1252, 1232])
  expect(v4.send(new Uint8Array(1252), addresses(4)[1])).toBe(true)
  expect(() => v4.send(new Uint8Array(1253), addresses(4)[1])).toThrow(RangeError)
  expect(() => v4.send(new Uint8Array(1), addresses(6)[1])).toThrow(RangeError)
})

test('a datagram with a wrong checksum is dropped; what belongs to nobody is ours only by its address', () => {
  const [from, to] = addresses()
  const client = new NetStack({ random: seededRandom(1) })
  client.bindUdp(from).send(utf8('x'), to)
  const packet = client.pollTransmit()!
  const now = 0 as Instant
  const [stranger, owner] = [undefined, [to.ip]].map(
    ips => new NetStack({ random: seededRandom(1), ...(ips && { addresses: ips }) }),
  )

  expect([stranger!.handleInput(packet, now), owner!.handleInput(packet, now)]).toEqual([false, true])
  const socket = owner!.bindUdp(to)
  packet[28]! ^= 1
  expect(owner!.handleInput(packet, now)).toBe(true)
  expect(socket.receive()).toBeUndefined()
})
