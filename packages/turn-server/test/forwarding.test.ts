import { IpPrefix } from '@sallyport/ip-packet'
import { fromHex, PacketBuffer, SocketAddress, toHex } from '@sallyport/sans-io'
import { BINDING } from '@sallyport/stun'
import { describe, expect, test } from 'vitest'
import { LISTENING_SOCKET, type TurnServerOptions } from '../src/index.ts'
import {
  ALSO_IPV6,
  CLIENT,
  CLIENT6,
  Conversation,
  newBatch,
  newServer,
  PEER,
  PEER6,
  RELAY,
  relayed,
  request,
} from './harness.ts'

const PORT = 49152

describe('from a client', () => {
  test('ChannelData leaves from the relayed port without its header', () => {
    const talk = bound()

    expect(talk.relay(CLIENT, fromHex('4000000568656c6c6f'))).toEqual([
      { socket: PORT, to: PEER.key, hex: '68656c6c6f' },
    ])
    expect(talk.server.stats).toMatchObject({ relayedBytes: 5, relayedDatagrams: 1, droppedDatagrams: 0 })
  })

  test('ChannelData of no length leaves as an empty datagram', () => {
    expect(bound().relay(CLIENT, fromHex('40000000'))).toEqual([{ socket: PORT, to: PEER.key, hex: '' }])
  })

  test('bytes behind the declared length are cut off', () => {
    expect(bound().relay(CLIENT, fromHex('40000001aa000000'))).toMatchObject([{ hex: 'aa' }])
  })

  test.each([
    ['shorter than a header', '400000'],
    ['shorter than it declares', '40000002aa'],
    ['on a channel that is not bound', '40010001aa'],
  ])('ChannelData %s is dropped and counted', (_, hex) => {
    const talk = bound()

    expect(talk.relay(CLIENT, fromHex(hex))).toEqual([])
    expect(talk.server.stats.droppedDatagrams).toBe(1)
  })

  test.each([
    ['of neither kind', '50000001aa'],
    ['of RFC 5766’s channels', '7fff0001aa'],
    ['that are empty', ''],
  ])('datagrams %s are dropped', (_, hex) => {
    expect(bound().relay(CLIENT, fromHex(hex))).toEqual([])
  })

  test('of whom the server knows nothing, nothing is relayed', () => {
    expect(bound().relay(CLIENT6, fromHex('40000001aa'))).toEqual([])
  })

  test('several datagrams in one entry are several entries for the same destination, in order', () => {
    const talk = bound()

    expect(talk.relay(CLIENT, fromHex('40000002aabb 40000002ccdd 40000001ee'), undefined, 6)).toEqual([
      { socket: PORT, to: PEER.key, hex: 'aabb' },
      { socket: PORT, to: PEER.key, hex: 'ccdd' },
      { socket: PORT, to: PEER.key, hex: 'ee' },
    ])
  })

  test('requests among data are answered', () => {
    const talk = bound()

    expect(talk.relay(CLIENT, request(BINDING, []))).toEqual([])
    expect(talk.answer()).toMatchObject({ code: 'success', to: CLIENT.key })
  })
})

describe('from a peer', () => {
  test('a datagram leaves from the listening socket behind a header', () => {
    const talk = bound()

    expect(talk.relay(PEER, fromHex('68656c6c6f'), PORT)).toEqual([
      { socket: LISTENING_SOCKET, to: CLIENT.key, hex: '4000000568656c6c6f' },
    ])
    expect(talk.server.stats).toMatchObject({ relayedBytes: 5, relayedDatagrams: 1 })
  })

  test('an empty datagram leaves as a header', () => {
    expect(bound().relay(PEER, fromHex(''), PORT)).toMatchObject([{ hex: '40000000' }])
  })

  test('several datagrams in one entry get a header each, and keep their bytes', () => {
    expect(bound().relay(PEER, fromHex('aabb ccdd ee'), PORT, 2)).toMatchObject([
      { hex: '40000002aabb' },
      { hex: '40000002ccdd' },
      { hex: '40000001ee' },
    ])
  })

  test('nothing passes from another port of the same address, to another relayed port, or of the other family', () => {
    const talk = bound()

    expect(talk.relay(SocketAddress.of('198.51.100.9:51821'), fromHex('aa'), PORT)).toEqual([])
    expect(talk.relay(PEER, fromHex('aa'), PORT + 1)).toEqual([])
    expect(talk.relay(PEER6, fromHex('aa'), PORT)).toEqual([])
    expect(talk.server.stats.droppedDatagrams).toBe(3)
  })

  test('it leaves from the address that the client talks to', () => {
    const talk = bound()
    const { datagrams, out } = newBatch()
    datagrams.remote[datagrams.appendCopy(fromHex('aa'))] = PEER
    talk.server.handlePeerDatagrams(PORT, datagrams, out)

    expect(out.local[0]).toEqual(RELAY)
  })
})

test('an IPv4 client reaches an IPv6 peer, and is reached by it', () => {
  const talk = new Conversation()
  talk.allocate([ALSO_IPV6])
  talk.bind(0x4fff, PEER6)

  expect(talk.relay(CLIENT, fromHex('4fff0001aa'))).toEqual([{ socket: PORT, to: PEER6.key, hex: 'aa' }])
  expect(talk.relay(PEER6, fromHex('bb'), PORT)).toEqual([
    { socket: LISTENING_SOCKET, to: CLIENT.key, hex: '4fff0001bb' },
  ])
})

test('every channel number carries data', () => {
  const talk = new Conversation()
  talk.allocate()
  for (const number of [0x4000, 0x4abc, 0x4fff]) {
    talk.bind(number, SocketAddress.of(`198.51.100.9:${number}`))
    const payload = new Uint8Array([number >> 8, number & 0xff, 0, 1, 7])

    expect(talk.relay(CLIENT, payload)).toMatchObject([{ to: `198.51.100.9:${number}`, hex: '07' }])
  }
})

describe('a peer that is a port of this very relay', () => {
  const toOther = SocketAddress.of('203.0.113.101:65535')

  test('gets what it has bound the way back for, without a detour', () => {
    const talk = bound()
    talk.allocate([ALSO_IPV6], CLIENT6)
    talk.bind(0x4001, toOther)

    expect(talk.relay(CLIENT, fromHex('40010001aa'))).toEqual([])
    expect(talk.server.stats.drops).toMatchObject({ 'no-permission': 1 })
    talk.bind(0x4002, SocketAddress.of('203.0.113.101:49152'), CLIENT6)
    expect(talk.relay(CLIENT, fromHex('40010001aa'))).toEqual([
      { socket: LISTENING_SOCKET, to: CLIENT6.key, hex: '40020001aa' },
    ])
  })

  test('gets nothing while nobody has that port: not even the kernel sees it', () => {
    const talk = bound()
    talk.bind(0x4001, toOther)

    expect(talk.relay(CLIENT, fromHex('40010001aa'))).toEqual([])
  })

  test('is left to the kernel where it is allowed as any other peer, unless a client has bound the way back', () => {
    const talk = bound({ peers: { allow: [IpPrefix.of('203.0.113.101/32')] } })
    talk.allocate([ALSO_IPV6], CLIENT6)
    talk.bind(0x4001, toOther)

    expect(talk.relay(CLIENT, fromHex('40010001aa'))).toEqual([{ socket: PORT, to: toOther.key, hex: 'aa' }])
    talk.bind(0x4002, SocketAddress.of('203.0.113.101:49152'), CLIENT6)
    expect(talk.relay(CLIENT, fromHex('40010001aa'))).toMatchObject([{ to: CLIENT6.key, hex: '40020001aa' }])
  })
})

test('what finds no room in the batch is dropped and counted', () => {
  const talk = bound()
  const { datagrams } = newBatch()
  const out = new PacketBuffer(datagrams.arena, { start: 7 * 8_192, capacity: 1, stride: 64, headroom: 0 })
  for (const _ of [1, 2]) datagrams.remote[datagrams.appendCopy(fromHex('aa'))] = PEER
  talk.server.handlePeerDatagrams(PORT, datagrams, out)

  expect(out.count).toBe(1)
  expect(talk.server.stats.droppedDatagrams).toBe(1)
})

test('entries that do not say where they are from are ignored', () => {
  const talk = bound()
  const { datagrams, out } = newBatch()
  datagrams.appendCopy(fromHex('40000001aa'))
  talk.server.handlePeerDatagrams(PORT, datagrams, out)
  talk.server.handleClientDatagrams(datagrams, out, talk.now)

  expect(relayed(out)).toEqual([])
})

test('verdicts need the arena in which the datagrams lie', () => {
  const { server } = bound()

  expect(() => server.handlePeerDatagrams(PORT, newBatch().datagrams, newBatch().out)).toThrow('arena')
})

test('verdicts need room for the longest header', () => {
  const { datagrams } = newBatch()
  const out = new PacketBuffer(datagrams.arena, { start: 0, capacity: 1, stride: 47, headroom: 0 })

  expect(() => bound().server.handlePeerDatagrams(PORT, datagrams, out)).toThrow('48 bytes')
})

test('the payload stays where it is', () => {
  const talk = bound()
  const { datagrams, out } = newBatch()
  const index = datagrams.appendCopy(fromHex('40000002aabb'))
  datagrams.remote[index] = CLIENT
  datagrams.local[index] = RELAY
  talk.server.handleClientDatagrams(datagrams, out, talk.now)

  expect(out.offset[0]).toBe(datagrams.offset[0]! + 4)
  expect(toHex(datagrams.bytesOf(0))).toBe('40000002aabb')
})

/** A conversation in which channel 0x4000 is bound to {@link PEER}. */
function bound(options: Partial<TurnServerOptions> = {}): Conversation {
  const talk = new Conversation(newServer(options))
  talk.allocate()
  talk.bind(0x4000, PEER)
  return talk
}
