import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '@sallyport/ip-packet'
import { type Instant, IpAddress, SocketAddress, seconds, seededRandom, utf8 } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { NetStack, type NetStackEvent, type NetStackOptions } from '../src/net-stack.ts'
import type { TcpSocket } from '../src/tcp-socket.ts'
import { ScriptedPeer } from './segments.ts'
import { addresses, Wire } from './wire.ts'

const NOW = 1000 as Instant
const [ALICE, BOB] = addresses()

describe('opening', () => {
  test('a lost SYN is sent again after a second, then after two', () => {
    const stack = newStack()
    const peer = new ScriptedPeer(stack)
    stack.connectTcp(BOB, ALICE, peer.now)
    peer.heard()

    expect(peer.pass(999)).toEqual([])
    expect(peer.pass(1)).toMatchObject([{ flags: TCP_SYN }])
    expect(peer.pass(2000)).toMatchObject([{ flags: TCP_SYN }])
  })

  test('a peer that never answers is given up after about two minutes', () => {
    const stack = newStack()
    const peer = new ScriptedPeer(stack)
    const socket = stack.connectTcp(BOB, ALICE, peer.now)
    peer.pass(130_000)

    expect(events(stack)).toEqual([{ type: 'closed', socket, reason: 'timed-out' }])
    expect(stack.pollTimeout()).toBeUndefined()
  })

  test('a reset that answers our SYN refuses it, another one is ignored', () => {
    const stack = newStack()
    const peer = new ScriptedPeer(stack)
    const socket = stack.connectTcp(BOB, ALICE, peer.now)
    const [syn] = peer.heard()
    peer.send({ flags: TCP_RST | TCP_ACK, acknowledgement: syn!.sequence })
    expect(socket.state).toBe('syn-sent')
    peer.send({ flags: TCP_RST | TCP_ACK, acknowledgement: syn!.sequence + 1 })

    expect(events(stack)).toEqual([{ type: 'closed', socket, reason: 'refused' }])
  })

  test('an acknowledgement of something else is answered by a reset', () => {
    const stack = newStack()
    const peer = new ScriptedPeer(stack)
    stack.connectTcp(BOB, ALICE, peer.now)
    peer.heard()

    expect(peer.send({ flags: TCP_ACK, acknowledgement: 77 })).toMatchObject([{ flags: TCP_RST, sequence: 77 }])
  })

  test('two that open at the same time meet', () => {
    const wire = new Wire()
    const ends = [wire.alice.connectTcp(ALICE, BOB, wire.now), wire.bob.connectTcp(BOB, ALICE, wire.now)]
    ends[0]!.write(utf8('hello'), wire.now)
    wire.pass(100)

    expect(ends.map(end => end.state)).toEqual(['established', 'established'])
    expect(ends[1]!.receive()).toEqual(utf8('hello'))
  })

  test('a repeated SYN has our answer repeated, one with a wrong acknowledgement is reset', () => {
    const stack = newStack()
    stack.listenTcp(BOB)
    const peer = new ScriptedPeer(stack)
    const [first] = peer.send({ flags: TCP_SYN, sequence: 1000 })

    expect(peer.send({ flags: TCP_SYN, sequence: 1000 })).toEqual([first])
    expect(peer.send({ flags: TCP_ACK, sequence: 1001, acknowledgement: 5 })).toMatchObject([{ flags: TCP_RST }])
  })

  test('what is written and finished ahead of the handshake follows it', () => {
    const wire = new Wire()
    wire.bob.listenTcp(BOB)
    let got: TcpSocket | undefined
    wire.onEvent = event => {
      if (event.type === 'accepted') got = event.socket
    }
    const alice = wire.alice.connectTcp(ALICE, BOB, wire.now)
    alice.write(utf8('early'), wire.now)
    alice.shutdown(wire.now)
    wire.pass(100)

    expect(got!.receive()).toEqual(utf8('early'))
    expect([got!.isEnded, got!.state, alice.state]).toEqual([true, 'close-wait', 'fin-wait-2'])
  })

  test('a flood of SYNs displaces handshakes, but no connection', () => {
    const stack = newStack()
    const listener = stack.listenTcp(BOB, { backlog: 8 })
    const peer = new ScriptedPeer(stack)
    peer.open()
    for (let port = 1; port <= 1000; port++)
      new ScriptedPeer(stack, [new SocketAddress(ALICE.ip, port), BOB]).send({ flags: TCP_SYN })

    expect([listener.halfOpen, listener.connections]).toEqual([8, 1])
    expect(stack.connections).toBeLessThanOrEqual(10)
    expect(events(stack).map(event => event.type)).toEqual(['accepted'])
  })

  test('a listener takes no more connections than it may, until one ends', () => {
    const stack = newStack()
    const listener = stack.listenTcp(BOB, { maxConnections: 1 })
    const first = new ScriptedPeer(stack)
    const iss = first.open()
    const second = new ScriptedPeer(stack, [new SocketAddress(ALICE.ip, 40_001), BOB])
    expect(second.send({ flags: TCP_SYN })).toEqual([])
    first.send({ flags: TCP_RST, sequence: 1001, acknowledgement: iss + 1 })

    expect(second.send({ flags: TCP_SYN })).toHaveLength(1)
    listener.close()
    expect(stack.connections).toBe(0)
    expect(second.send({ flags: TCP_SYN })).toEqual([])
  })
})

describe('carrying', () => {
  test('three duplicate acknowledgements send the first segment again at once', () => {
    const { peer, socket, iss } = accepted()
    socket.write(new Uint8Array(5000), peer.now)
    peer.heard()
    const duplicate = { flags: TCP_ACK, sequence: 1001, acknowledgement: iss + 1 }

    expect([peer.send(duplicate), peer.send(duplicate)]).toEqual([[], []])
    expect(peer.send(duplicate)[0]).toMatchObject({ sequence: iss + 1 })
  })

  test('a closed window is probed, and what waits leaves when it opens', () => {
    const { peer, socket, iss } = accepted({}, 0)
    socket.write(new Uint8Array(1000), peer.now)
    expect(peer.heard()).toEqual([])
    const [probe] = peer.pass(1000)
    expect([probe!.sequence, probe!.payload.length]).toEqual([iss + 1, 1])
    for (let i = 0; i < 50; i++) {
      peer.pass(60_000)
      peer.send({ flags: TCP_ACK, sequence: 1001, acknowledgement: iss + 1, window: 0 })
    }
    expect(socket.state).toBe('established') // for as long as it answers
    const sent = peer.send({ flags: TCP_ACK, sequence: 1001, acknowledgement: iss + 1, window: 5000 })

    expect(sent.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(1000)
  })

  test('a peer that has fallen silent is given up', () => {
    const { stack, peer, socket } = accepted()
    socket.write(new Uint8Array(10), peer.now)
    peer.pass(600_000)

    expect(events(stack)).toEqual([{ type: 'closed', socket, reason: 'timed-out' }])
    expect(stack.connections).toBe(0)
  })

  test('what nobody reads closes the window, and reading opens it', () => {
    const { peer, socket, iss } = accepted({ receiveBuffer: 1000 })
    const [full] = peer.send({ ...fromPeer(iss), payload: new Uint8Array(1500) })
    expect(full).toMatchObject({ acknowledgement: 2001, window: 0 })
    expect(peer.send({ ...fromPeer(iss), sequence: 2001, payload: new Uint8Array(1) })).toMatchObject([{ window: 0 }])

    expect(socket.receive()).toHaveLength(1000)
    expect(peer.heard()).toMatchObject([{ acknowledgement: 2001, window: 1000 }])
  })

  test('one segment is acknowledged after 40 ms, two at once', () => {
    const { peer, iss } = accepted()
    expect(peer.send({ ...fromPeer(iss), payload: new Uint8Array(10) })).toEqual([])
    expect(peer.pass(40)).toMatchObject([{ acknowledgement: 1011 }])
    peer.send({ ...fromPeer(iss), sequence: 1011, payload: new Uint8Array(10) })

    expect(peer.send({ ...fromPeer(iss), sequence: 1021, payload: new Uint8Array(10) })).toHaveLength(1)
  })

  test('an MSS of 1 counts as 48', () => {
    const stack = newStack()
    stack.listenTcp(BOB)
    const peer = new ScriptedPeer(stack)
    const [answer] = peer.send({ flags: TCP_SYN, sequence: 1000, options: Uint8Array.of(2, 4, 0, 1) })
    peer.send({ ...fromPeer(answer!.sequence), window: 1000 })
    socketOf(stack).write(new Uint8Array(100), peer.now)

    expect(peer.heard().map(({ payload }) => payload.length)).toEqual([48, 48, 4])
  })
})

describe('ending', () => {
  test('both finishing at the same time leads both through CLOSING to TIME-WAIT', () => {
    const { stack, peer, socket, iss } = accepted()
    socket.shutdown(peer.now)
    expect(peer.heard()).toMatchObject([{ flags: TCP_FIN | TCP_ACK, sequence: iss + 1 }])
    peer.send({ ...fromPeer(iss), flags: TCP_FIN | TCP_ACK })
    expect(socket.state).toBe('closing')
    peer.send({ ...fromPeer(iss), sequence: 1002, acknowledgement: iss + 2 })

    expect([socket.state, socket.closeReason]).toEqual(['time-wait', 'finished'])
    peer.pass(10_000)
    expect([socket.state, stack.connections]).toEqual(['closed', 0])
  })

  test('TIME-WAIT answers a repeated FIN, waits again, and ignores a reset', () => {
    const { peer, socket, iss } = inTimeWait()
    peer.pass(9000)
    expect(peer.send({ ...fromPeer(iss), flags: TCP_FIN | TCP_ACK, acknowledgement: iss + 2 })).toHaveLength(1)
    peer.send({ flags: TCP_RST, sequence: 1002 })
    peer.pass(9000)

    expect(socket.state).toBe('time-wait')
  })

  test('a later SYN takes the place of a connection in TIME-WAIT', () => {
    const { stack, peer } = inTimeWait()

    expect(peer.send({ flags: TCP_SYN, sequence: 5000 })).toMatchObject([{ flags: TCP_SYN | TCP_ACK }])
    expect(stack.connections).toBe(1)
  })

  test('TIME-WAIT gives way where room is needed, and to our own next connection', () => {
    const { stack, peer, socket } = inTimeWait({ maxConnections: 1 })
    stack.connectTcp(BOB, ALICE, peer.now)

    expect([stack.connections, socket.state]).toEqual([1, 'closed'])
    expect(() => stack.connectTcp(BOB, ALICE, peer.now)).toThrow('in use')
    expect(() => stack.connectTcp(new SocketAddress(BOB.ip, 0), ALICE, peer.now)).toThrow('1 sockets')
  })

  test('an abort resets the peer', () => {
    const { stack, peer, socket } = accepted()
    socket.abort()

    expect(peer.heard()).toMatchObject([{ flags: TCP_RST | TCP_ACK, acknowledgement: 1001 }])
    expect(events(stack)).toEqual([{ type: 'closed', socket, reason: 'aborted' }])
    expect([socket.write(new Uint8Array(1), NOW), socket.writable, stack.connections]).toEqual([0, 0, 0])
    socket.abort()
    socket.shutdown(NOW)
    expect(peer.heard()).toEqual([])
  })
})

describe('against blind attackers (RFC 5961)', () => {
  test('a reset counts with the exact sequence number only; one in the window is asked to confirm', () => {
    const { stack, peer, socket, iss } = accepted()
    expect(peer.send({ flags: TCP_RST, sequence: 500 })).toEqual([])
    expect(peer.send({ flags: TCP_RST, sequence: 1500 })).toMatchObject([
      { flags: TCP_ACK, sequence: iss + 1, acknowledgement: 1001 },
    ])
    expect(socket.state).toBe('established')
    peer.send({ flags: TCP_RST, sequence: 1001 })

    expect(events(stack)).toEqual([{ type: 'closed', socket, reason: 'reset' }])
  })

  test('a SYN in a connection is asked to confirm, and at most ten times a second', () => {
    const { peer, socket } = accepted()
    const answers = Array.from({ length: 30 }, () => peer.send({ flags: TCP_SYN, sequence: 9 }).length)

    expect(answers.reduce((a, b) => a + b)).toBe(10)
    peer.pass(1000)
    expect(peer.send({ flags: TCP_SYN, sequence: 9 })).toHaveLength(1)
    expect(socket.state).toBe('established')
  })

  test('acknowledgements of what was never sent, or long ago, carry nothing in', () => {
    const { peer, socket, iss } = accepted()
    const payload = new Uint8Array(1)
    expect(peer.send({ ...fromPeer(iss), acknowledgement: iss + 1000, payload })).toHaveLength(1)
    expect(peer.send({ ...fromPeer(iss), acknowledgement: iss - 100_000, payload })).toHaveLength(1)
    peer.send({ flags: TCP_PSH, sequence: 1001, payload })

    expect(socket.readable).toBe(0)
  })
})

describe('what belongs to nobody', () => {
  test('is not recognised by a stack without addresses of its own', () => {
    const wire = new Wire()
    wire.alice.connectTcp(ALICE, BOB, wire.now)

    expect(newStack().handleInput(wire.alice.pollTransmit()!, NOW)).toBe(false)
  })

  test('is reset by one whose address it was sent to', () => {
    const stack = newStack({ addresses: [BOB.ip] })
    const peer = new ScriptedPeer(stack)

    expect(peer.send({ flags: TCP_SYN, sequence: 9 })).toMatchObject([
      { flags: TCP_RST | TCP_ACK, acknowledgement: 10 },
    ])
    expect(peer.send({ flags: TCP_ACK, acknowledgement: 9 })).toMatchObject([{ flags: TCP_RST, sequence: 9 }])
    expect(peer.send({ flags: TCP_RST })).toEqual([])
  })

  test('nobody connects to itself', () => {
    const stack = newStack()
    stack.listenTcp(BOB)

    expect(new ScriptedPeer(stack, [BOB, BOB]).send({ flags: TCP_SYN })).toEqual([])
  })
})

test('mistakes of a caller have a code', () => {
  const stack = newStack({ maxBindings: 1 })
  stack.listenTcp(BOB)

  expect(() => stack.listenTcp(BOB)).toThrow(expect.objectContaining({ code: 'NETSTACK_ADDRESS_IN_USE' }))
  expect(() => stack.bindUdp(BOB)).toThrow(expect.objectContaining({ code: 'NETSTACK_TOO_MANY_SOCKETS' }))
  expect(() => stack.connectTcp(BOB, new SocketAddress(IpAddress.of('::1'), 1), NOW)).toThrow(RangeError)
  for (const wrong of [{ mtu: 100 }, { receiveBuffer: 0 }, { sendBuffer: 2 ** 31 }])
    expect(() => newStack(wrong)).toThrow(RangeError)
})

test('ephemeral ports differ, until there are none', () => {
  const stack = newStack({ maxBindings: 100_000 })
  const any = new SocketAddress(BOB.ip, 0)
  const ports = new Set(Array.from({ length: 200 }, () => stack.bindUdp(any).local.port))

  expect(ports.size).toBe(200)
  expect([...ports].every(port => port >= 49_152)).toBe(true)
})

const newStack = (options: Partial<NetStackOptions> = {}): NetStack =>
  new NetStack({ random: seededRandom(1), timeWait: seconds(10), ...options })

const fromPeer = (iss: number) => ({ flags: TCP_ACK, sequence: 1001, acknowledgement: iss + 1 })

function events(stack: NetStack): NetStackEvent[] {
  const all: NetStackEvent[] = []
  for (let event = stack.pollEvent(); event !== undefined; event = stack.pollEvent()) all.push(event)
  return all
}

function socketOf(stack: NetStack): TcpSocket {
  const event = events(stack).find(({ type }) => type === 'accepted')
  if (event?.type !== 'accepted') throw new Error('no connection')
  return event.socket
}

/** A stack with one connection that a scripted peer has opened. */
function accepted(options: Partial<NetStackOptions> = {}, window?: number) {
  const stack = newStack(options)
  stack.listenTcp(BOB)
  const peer = new ScriptedPeer(stack)
  const iss = peer.open(window)
  return { stack, peer, iss, socket: socketOf(stack) }
}

function inTimeWait(options: Partial<NetStackOptions> = {}) {
  const all = accepted(options)
  const { peer, socket, iss } = all
  socket.shutdown(peer.now)
  peer.send({ ...fromPeer(iss), flags: TCP_FIN | TCP_ACK, acknowledgement: iss + 2 })
  if (socket.state !== 'time-wait') throw new Error(socket.state)
  return all
}
