import { IpPrefix } from '@sallyport/ip-packet'
import { add, concatBytes, fromHex, SocketAddress, seconds, toHex } from '@sallyport/sans-io'
import { attributeOf, CREATE_PERMISSION, DATA, encodeStun, parseStun, SEND, type StunAttribute } from '@sallyport/stun'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LISTENING_SOCKET, type TurnServerOptions } from '../src/index.ts'
import { ALSO_IPV6, CLIENT, CLIENT6, Conversation, NOW, newBatch, newServer, PEER, PEER6, request } from './harness.ts'

const PORT = 49152
const otherPort = SocketAddress.of('198.51.100.9:9')
const other = SocketAddress.of('198.51.100.10:9')

describe('CREATE-PERMISSION', () => {
  test('lets the address in and out, from and to all its ports, and no other', () => {
    const talk = permitted(PEER)

    expect(talk.relay(CLIENT, send(otherPort, 'aabb'))).toEqual([{ socket: PORT, to: otherPort.key, hex: 'aabb' }])
    expect(talk.relay(CLIENT, send(other, 'aa'))).toEqual([])
    expect(readData(talk, otherPort, 'ccdd')).toEqual({ peer: otherPort.key, hex: 'ccdd' })
    expect(readData(talk, other, 'cc')).toBeUndefined()
    expect(talk.server.stats.drops['no-permission']).toBe(2)
  })

  test('lasts five minutes, and is refreshed by another one, not by data', () => {
    const talk = permitted(PEER)
    expect(talk.server.pollTimeout()).toBe(add(NOW, seconds(300)))
    talk.advanceTo(NOW + seconds(200))
    expect(permit(talk, PEER).code).toBe('success')
    talk.advanceTo(NOW + seconds(499))
    expect(talk.relay(CLIENT, send(PEER, 'aa'))).toHaveLength(1)
    talk.advanceTo(NOW + seconds(500))

    expect(talk.relay(CLIENT, send(PEER, 'aa'))).toEqual([])
    expect(readData(talk, PEER, 'aa')).toBeUndefined()
    expect(talk.server.permissions).toBe(0)
  })

  test('takes several addresses, all or none', () => {
    const talk = new Conversation()
    talk.allocate()

    expect(permit(talk, PEER, SocketAddress.of('127.0.0.1:1')).code).toBe(403)
    expect(talk.server.permissions).toBe(0)
    expect(permit(talk, PEER, PEER6, other).code).toBe('success')
    expect(talk.server.permissions).toBe(3)
  })

  test('is refused without a peer (400), an allocation (437), or a relayed address of the peer’s family (443)', () => {
    const talk = new Conversation()
    expect(talk.say(request(CREATE_PERMISSION, []))).toMatchObject({ code: 400, isSigned: false })
    expect(talk.say(request(CREATE_PERMISSION, [xorPeer(PEER)]))).toMatchObject({ code: 401 })
    expect(permit(talk, PEER)).toMatchObject({ code: 437, isSigned: true })
    talk.allocate([])
    expect(permit(talk, PEER6)).toMatchObject({ code: 443, isSigned: true })
  })

  test('ends with its allocation', () => {
    const talk = permitted(PEER)
    talk.refresh(0)

    expect(talk.server.permissions).toBe(0)
    expect(talk.server.pollTimeout()).toBeUndefined()
    expect(talk.relay(CLIENT, send(PEER, 'aa'))).toEqual([])
  })

  test('is refused with 508 when there are as many as there may be; one user gets half of them', () => {
    const talk = permitted(PEER, { maxPermissions: 4 })
    permit(talk, other)

    expect(permit(talk, SocketAddress.of('198.51.100.11:1')).code).toBe(508)
    expect(permit(talk, PEER).code).toBe('success')
  })
})

describe('a channel', () => {
  test('is a permission for its peer’s address (RFC 8656 §12.2), too', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.bind(0x4000, PEER)

    expect(talk.server.permissions).toBe(1)
    expect(talk.relay(CLIENT, send(otherPort, 'aa'))).toEqual([{ socket: PORT, to: otherPort.key, hex: 'aa' }])
  })

  test('admits its own peer only, unless the client has shown that it knows Data indications', () => {
    const talk = new Conversation()
    talk.allocate()
    talk.bind(0x4000, PEER)
    expect(readData(talk, otherPort, 'aa')).toBeUndefined()
    talk.relay(CLIENT, send(PEER, 'aa'))

    expect(readData(talk, otherPort, 'aa')).toEqual({ peer: otherPort.key, hex: 'aa' })
  })

  test('takes precedence over a Data indication, and admits its peer for longer than the permission lasts', () => {
    const talk = permitted(PEER)
    talk.bind(0x4000, PEER)
    talk.advanceTo(NOW + seconds(599))

    expect(talk.relay(PEER, fromHex('aa'), PORT)).toMatchObject([{ hex: '40000001aa' }])
    expect(talk.relay(CLIENT, fromHex('40000001aa'))).toMatchObject([{ to: PEER.key, hex: 'aa' }])
  })
})

describe('a Send indication', () => {
  test('goes to an IPv6 peer, too, and may be empty', () => {
    const talk = permitted(PEER6)

    expect(talk.relay(CLIENT, send(PEER6, ''))).toEqual([{ socket: PORT, to: PEER6.key, hex: '' }])
  })

  test('may come with attributes that mean nothing for it', () => {
    const software: StunAttribute = { type: 'software', value: 'test' }
    const username: StunAttribute = { type: 'username', value: 'someone' }

    expect(permitted(PEER).relay(CLIENT, send(PEER, 'aa', [software, username]))).toHaveLength(1)
  })

  test.each([
    ['DONT-FRAGMENT', send(PEER, 'aa', [{ type: 'dont-fragment', value: true }])],
    ['an unknown attribute', send(PEER, 'aa', [{ type: 'unknown', number: 0x7f00, value: fromHex('00') }])],
    ['no peer', encode([data('aa')])],
    ['no data', encode([xorPeer(PEER)])],
    ['a family that is none', fromHex('001600142112a442000000000000000000000000001200080003000000000000001300040000')],
    ['a length that is wrong', concatBytes(send(PEER, 'aa'), fromHex('00'))],
    ['a length that is not a multiple of 4', fromHex('001600022112a4420000000000000000000000000000')],
    ['another cookie', send(PEER, 'aa').map((byte, i) => (i === 4 ? byte + 1 : byte))],
    ['an attribute beyond its end', fromHex('001600042112a44200000000000000000000000000120008')],
  ])('with %s is dropped without a word', (_, payload) => {
    const talk = permitted(PEER)

    expect(talk.relay(CLIENT, payload)).toEqual([])
    expect(talk.answer()).toBeUndefined()
    expect(talk.server.stats.drops.malformed).toBe(1)
  })

  test('of somebody without an allocation, or to port 0, is dropped', () => {
    const talk = permitted(PEER)

    expect(talk.relay(CLIENT6, send(PEER, 'aa'))).toEqual([])
    expect(talk.relay(CLIENT, send(new SocketAddress(PEER.ip, 0), 'aa'))).toEqual([])
    expect(talk.server.stats.drops).toMatchObject({ 'no-allocation': 1, 'no-permission': 1 })
  })

  test('to many peers goes to each of them', () => {
    const talk = new Conversation()
    talk.allocate()
    const peers = Array.from({ length: 40 }, (_, i) => SocketAddress.of(`198.51.100.${i}:${1_000 + i}`))
    for (const peer of peers) permit(talk, peer)

    for (const peer of [...peers, ...peers.toReversed()])
      expect(talk.relay(CLIENT, send(peer, 'aa'))).toMatchObject([{ to: peer.key }])
  })

  test('never throws, whatever it is made of', () => {
    const talk = permitted(PEER)
    const base = send(PEER, 'aabbcc')
    const flips = fc.array(fc.record({ at: fc.integer({ min: 2, max: base.length - 1 }), to: fc.nat(255) }))
    fc.assert(
      fc.property(flips, fc.integer({ min: 20, max: base.length }), (changes, length) => {
        const bytes = base.slice(0, length)
        for (const { at, to } of changes) if (at < length) bytes[at] = to
        for (const { to } of talk.relay(CLIENT, bytes)) expect(to).toMatch(/^198\.51\.100\.9:/)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a Data indication', () => {
  test.each(['', 'aa', 'aabb', 'aabbcc', 'aabbccdd', 'aabbccddee'])('carries %o, padded with zeros', hex => {
    const talk = permitted(PEER6)
    const { datagrams, out } = newBatch()
    datagrams.arena.bytes.fill(0xff)
    const index = datagrams.appendCopy(fromHex(hex))
    datagrams.remote[index] = PEER6
    talk.server.handlePeerDatagrams(PORT, datagrams, out)
    const payload = toHex(out.bytesOf(0))

    expect(payload).toBe(hex.padEnd(Math.ceil(hex.length / 8) * 8, '0'))
    expect(readData(talk, PEER6, hex)).toEqual({ peer: PEER6.key, hex })
  })

  test('is made of each datagram of several in one entry, whose bytes it leaves alone', () => {
    const talk = permitted(PEER)
    const relayed = talk.relay(PEER, fromHex('aabbcc ddeeff 11'), PORT, 3)

    expect(relayed.map(({ hex }) => parseData(fromHex(hex)))).toEqual([
      { peer: PEER.key, hex: 'aabbcc' },
      { peer: PEER.key, hex: 'ddeeff' },
      { peer: PEER.key, hex: '11' },
    ])
  })

  test('does not write to the entry behind it', () => {
    const talk = permitted(PEER)
    const { datagrams, out } = newBatch()
    const at = datagrams.slot(0)
    datagrams.arena.bytes.set(fromHex('aabbccddee'), at)
    datagrams.remote[datagrams.append(at, 3)] = PEER
    datagrams.remote[datagrams.append(at + 3, 2)] = PEER
    talk.server.handlePeerDatagrams(PORT, datagrams, out)

    expect(toHex(datagrams.bytesOf(1))).toBe('ddee')
  })

  test('has a transaction id of its own', () => {
    const talk = permitted(PEER)
    const ids = [1, 2, 3].map(() => talk.relay(PEER, fromHex('aa'), PORT)[0]!.hex.slice(16, 40))

    expect(new Set(ids).size).toBe(3)
  })

  test('goes from client to client of one relay without leaving it, from a channel, too', () => {
    const talk = new Conversation()
    talk.allocate([])
    talk.allocate([], CLIENT6)
    const first = SocketAddress.of('203.0.113.101:49152')
    const second = SocketAddress.of('203.0.113.101:65535')
    permit(talk, second)
    permit(talk, first, undefined, undefined, CLIENT6)

    const [bySend] = talk.relay(CLIENT, send(second, 'aabb'))
    expect(bySend).toMatchObject({ socket: LISTENING_SOCKET, to: CLIENT6.key })
    expect(parseData(fromHex(bySend!.hex))).toEqual({ peer: first.key, hex: 'aabb' })
    talk.bind(0x4000, second)
    const [byChannel] = talk.relay(CLIENT, fromHex('40000001aa'))
    expect(parseData(fromHex(byChannel!.hex))).toEqual({ peer: first.key, hex: 'aa' })
  })
})

describe('peers', () => {
  const denied = [
    '127.0.0.1',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.1.1',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::127.0.0.1',
    '::ffff:198.51.100.9',
    'fe80::1',
    'ff02::1',
    'fd00:ec2::254',
    '64:ff9b::127.0.0.1',
  ]
  test.each(denied)('at %s are denied', ip => {
    const talk = new Conversation()
    talk.allocate()
    const peer = SocketAddress.parse(ip.includes(':') ? `[${ip}]:53` : `${ip}:53`)!

    expect(talk.bind(0x4000, peer)).toMatchObject({ code: 403, isSigned: true })
    expect(permit(talk, peer)).toMatchObject({ code: 403, isSigned: true })
  })

  test.each(['10.1.2.3', '192.168.1.1', 'fd00::1', '64:ff9b::198.51.100.9'])('at %s are allowed by default', ip => {
    const talk = new Conversation()
    talk.allocate()

    expect(talk.bind(0x4000, SocketAddress.parse(ip.includes(':') ? `[${ip}]:53` : `${ip}:53`)!).code).toBe('success')
  })

  test('on the relay itself are denied, except for relayed ports', () => {
    const talk = new Conversation()
    talk.allocate()

    for (const port of [0, 22, 3478, 49151]) expect(talk.bind(0x4000, own(port)).code).toBe(403)
    expect(talk.bind(0x4000, own(49152)).code).toBe('success')
    expect(talk.bind(0x4001, own(65535)).code).toBe('success')
  })

  test('at ports that nobody can have are denied', () => {
    const talk = new Conversation()
    talk.allocate()

    expect(talk.bind(0x4000, new SocketAddress(PEER.ip, 0)).code).toBe(403)
  })

  test('of a prefix that is denied are denied, unless a longer one is allowed', () => {
    const peers = { deny: [IpPrefix.of('198.51.100.0/24')], allow: [IpPrefix.of('198.51.100.8/29')] }
    const talk = new Conversation(newServer({ peers }))
    talk.allocate()

    expect(talk.bind(0x4000, SocketAddress.of('198.51.100.1:1')).code).toBe(403)
    expect(talk.bind(0x4000, PEER).code).toBe('success')
  })

  test('that are always denied are allowed by a prefix that is as long, and by no shorter one', () => {
    const peers = { allow: ['0.0.0.0/0', '127.0.0.0/8', '169.254.0.0/16'].map(text => IpPrefix.of(text)) }
    const talk = new Conversation(newServer({ peers }))
    talk.allocate()

    expect(talk.bind(0x4000, SocketAddress.of('127.0.0.1:1')).code).toBe('success')
    expect(talk.bind(0x4001, SocketAddress.of('169.254.1.1:1')).code).toBe('success')
    expect(talk.bind(0x4002, SocketAddress.of('169.254.169.254:80')).code).toBe(403)
    expect(talk.bind(0x4002, SocketAddress.of('224.0.0.1:80')).code).toBe(403)
  })

  test('on the relay stay out of the kernel’s reach even if a prefix around them is denied', () => {
    const talk = new Conversation(newServer({ peers: { deny: [IpPrefix.of('203.0.113.0/24')] } }))
    talk.allocate()

    expect(talk.bind(0x4000, own(49152)).code).toBe('success')
    expect(talk.bind(0x4001, SocketAddress.of('203.0.113.5:1')).code).toBe(403)
  })
})

const own = (port: number): SocketAddress => SocketAddress.of(`203.0.113.101:${port}`)
const xorPeer = (value: SocketAddress): StunAttribute => ({ type: 'xor-peer-address', value })
const data = (hex: string): StunAttribute => ({ type: 'data', value: fromHex(hex) })

function encode(attributes: readonly StunAttribute[]): Uint8Array {
  return encodeStun({ class: 'indication', method: SEND, transactionId: new Uint8Array(12).fill(7), attributes })
}

function send(peer: SocketAddress, hex: string, more: readonly StunAttribute[] = []): Uint8Array {
  return encode([xorPeer(peer), ...more, data(hex)])
}

function permit(
  talk: Conversation,
  first: SocketAddress,
  second?: SocketAddress,
  third?: SocketAddress,
  from = CLIENT,
): ReturnType<Conversation['ask']> {
  const peers = [first, second, third].filter(peer => peer !== undefined)
  return talk.ask(CREATE_PERMISSION, peers.map(xorPeer), from)
}

function permitted(peer: SocketAddress, options: Partial<TurnServerOptions> = {}): Conversation {
  const talk = new Conversation(newServer(options))
  talk.allocate([ALSO_IPV6])
  permit(talk, peer)
  return talk
}

/** Lets `peer` send and returns what the client gets as a Data indication. */
function readData(talk: Conversation, peer: SocketAddress, hex: string): ReturnType<typeof parseData> | undefined {
  const [relayed] = talk.relay(peer, fromHex(hex), PORT)
  return relayed && parseData(fromHex(relayed.hex))
}

function parseData(payload: Uint8Array): { readonly peer: string | undefined; readonly hex: string } {
  const message = parseStun(payload)
  if (typeof message === 'string') throw new Error(`the indication is ${message}`)
  expect(message).toMatchObject({ class: 'indication', method: DATA })
  return { peer: attributeOf(message, 'xor-peer-address')?.key, hex: toHex(attributeOf(message, 'data')!) }
}
