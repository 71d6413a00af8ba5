import dgram from 'node:dgram'
import { once } from 'node:events'
import { type IpFamily, PacketBuffer, SocketAddress, seededRandom, toHex, utf8 } from '@sallyport/sans-io'
import { afterEach, describe, expect, test } from 'vitest'
import { createArena } from '../src/kernel/kernel.ts'
import { isNative } from '../src/native/mode.ts'
import { openNativeUdpSocket } from '../src/udp/native-udp-socket.ts'
import { openUdp } from '../src/udp/open-udp.ts'
import { openSimpleUdpSocket } from '../src/udp/simple-udp-socket.ts'
import { UdpOpenError } from '../src/udp/udp-error.ts'
import type { UdpOptions, UdpSocket } from '../src/udp/udp-socket.ts'

type Open = (options: UdpOptions) => Promise<UdpSocket>
const implementations: readonly (readonly [string, Open])[] = [
  ...(isNative() ? [['native', async (options: UdpOptions) => openNativeUdpSocket(options)] as const] : []),
  ['simple', openSimpleUdpSocket],
]

const opened: UdpSocket[] = []
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close()
})

const layout = { start: 0, capacity: 256, stride: 2048, headroom: 128 }
const newBuffer = (): PacketBuffer => new PacketBuffer(createArena(layout.capacity * layout.stride), layout)

describe.each(implementations)('a %s UDP socket', (_, openSocket) => {
  const open = async (options: UdpOptions): Promise<UdpSocket> => {
    const socket = await openSocket(options)
    opened.push(socket)
    return socket
  }

  describe.each([
    [4, '127.0.0.1'],
    [6, '[::1]'],
  ] as const)('over IPv%i', (family: IpFamily, loopback: string) => {
    const at = (socket: UdpSocket): SocketAddress => SocketAddress.of(`${loopback}:${socket.port}`)

    test('tells who sent a datagram and to which of our addresses', async () => {
      const [a, b] = [await open({ family }), await open({ family })]

      a.sendOne({ local: undefined, remote: at(b), payload: utf8('hello') })

      const [got] = await collect(b, 1)
      expect(got).toEqual({ local: at(b).key, remote: at(a).key, hex: toHex(utf8('hello')), ecn: 0 })
    })

    test('answers from the address that was spoken to', async () => {
      const [a, b] = [await open({ family }), await open({ family })]

      a.sendOne({ local: at(a), remote: at(b), payload: utf8('ping') })
      const [ping] = await collect(b, 1)
      const local = SocketAddress.of(ping!.local)
      b.sendOne({ local, remote: SocketAddress.of(ping!.remote), payload: utf8('pong') })

      const [pong] = await collect(a, 1)
      expect(pong).toMatchObject({ local: ping!.remote, remote: ping!.local })
    })

    test('a batch of datagrams of all sizes arrives as it was sent, in order', async () => {
      const [a, b] = [await open({ family }), await open({ family })]
      const random = seededRandom(3)
      const batch = newBuffer()
      for (const length of [...new Array<number>(70).fill(1312), 500, 1312, 1312, 1, 1400, 1312, 64, 64, 64, 65]) {
        const payload = new Uint8Array(length)
        random(payload)
        batch.remote[batch.appendCopy(payload)] = at(b)
      }
      const sent = Array.from({ length: batch.count }, (_, i) => toHex(batch.bytesOf(i)))

      a.send(batch)

      const got = await collect(b, sent.length)
      expect(got.map(({ hex }) => hex)).toEqual(sent)
      expect(b.statistics.received).toBe(sent.length)
      expect(a.statistics.sent).toBe(sent.length)
    })

    test('sends only the entries that it is told to', async () => {
      const [a, b] = [await open({ family }), await open({ family })]
      const batch = newBuffer()
      for (let i = 0; i < 5; i++) batch.remote[batch.appendCopy(Uint8Array.of(i))] = at(b)

      a.send(batch, 1, 3)

      expect((await collect(b, 2)).map(({ hex }) => hex)).toEqual(['01', '02'])
    })

    test('puts headers that lie elsewhere in front of what it sends', async () => {
      const [a, b] = [await open({ family }), await open({ family })]
      const batch = newBuffer()
      for (let i = 0; i < 4; i++) {
        const index = batch.appendCopy(new Uint8Array(100).fill(i))
        batch.remote[index] = at(b)
        batch.headerLength[index] = 4
        batch.headerOffset[index] = batch.slot(200 + i)
        batch.arena.bytes.set([0x40, i, 0, 100], batch.slot(200 + i))
      }

      a.send(batch)

      const got = await collect(b, 4)
      expect(got.map(({ hex }) => hex)).toEqual([0, 1, 2, 3].map(i => `400${i}0064${`0${i}`.repeat(100)}`))
    })

    test('one call brings datagrams to several peers', async () => {
      const [a, b, c] = [await open({ family }), await open({ family }), await open({ family })]
      const batch = newBuffer()
      for (let i = 0; i < 6; i++) batch.remote[batch.appendCopy(Uint8Array.of(i, i, i))] = at(i % 2 === 0 ? b : c)

      a.send(batch)

      expect((await collect(b, 3)).map(({ hex }) => hex)).toEqual(['000000', '020202', '040404'])
      expect((await collect(c, 3)).map(({ hex }) => hex)).toEqual(['010101', '030303', '050505'])
    })

    test('goes on when a buffer was too full for all that waits', async () => {
      const [a, b] = [await open({ family }), await open({ family })]
      const small = new PacketBuffer(createArena(80_000), { start: 0, capacity: 1, stride: 80_000, headroom: 128 })
      for (let i = 0; i < 3; i++) a.sendOne({ local: undefined, remote: at(b), payload: Uint8Array.of(i) })

      const got = await new Promise<string[]>(resolve => {
        const seen: string[] = []
        b.watch(() => {
          small.clear()
          while (b.receive(small));
          for (let i = 0; i < small.count; i++) seen.push(toHex(small.bytesOf(i)))
          if (seen.length === 3) setImmediate(() => resolve(seen))
        })
      })

      expect(got).toEqual(['00', '01', '02'])
    })

    test('counts what can’t be sent', async () => {
      const a = await open({ family })
      const other = SocketAddress.of(family === 4 ? '[::1]:9' : '127.0.0.1:9')

      a.sendOne({ local: undefined, remote: other, payload: utf8('x') })
      const batch = newBuffer()
      batch.remote[batch.appendCopy(utf8('x'))] = other
      a.send(batch)

      expect(a.statistics).toMatchObject({ sent: 0, sendFailed: 2 })
    })

    test('a port in use is refused, or exchanged for another one where that is allowed', async () => {
      const a = await open({ family })

      await expect(open({ family, port: a.port })).rejects.toThrow(UdpOpenError)
      await expect(open({ family, port: a.port })).rejects.toMatchObject({ reason: 'EADDRINUSE' })
      expect((await open({ family, port: a.port, orAnyPort: true })).port).not.toBe(a.port)
    })

    test('hears only one address if it was told to', async () => {
      const a = await open({ family })
      const b = await open({ family, address: SocketAddress.of(`${loopback}:1`).ip })

      a.sendOne({ local: undefined, remote: at(b), payload: utf8('x') })

      expect(await collect(b, 1)).toMatchObject([{ local: at(b).key }])
    })
  })

  test('an IPv6 socket leaves the port to IPv4', async () => {
    const a = await open({ family: 6 })

    const other = dgram.createSocket('udp4')
    other.bind(a.port, '0.0.0.0')
    await once(other, 'listening')
    other.close()
  })

  test('is quiet once it is closed', async () => {
    const [a, b] = [await open({ family: 4 }), await open({ family: 4 })]
    b.watch(() => {
      throw new Error('called back')
    })
    b.close()
    b.close()

    a.sendOne({ local: undefined, remote: SocketAddress.of(`127.0.0.1:${b.port}`), payload: utf8('x') })
    b.sendOne({ local: undefined, remote: SocketAddress.of(`127.0.0.1:${a.port}`), payload: utf8('x') })
    b.send(newBuffer())
    await new Promise(resolve => setTimeout(resolve, 5))

    expect(b.receive(newBuffer())).toBe(false)
    expect(() => a.watch(() => {})).not.toThrow()
    expect(() => a.watch(() => {})).toThrow('watched already')
  })

  test('can be opened and closed many times', async () => {
    for (let i = 0; i < 50; i++) {
      const socket = await openSocket({ family: 4 })
      socket.watch(() => {})
      socket.close()
    }
  })
})

describe.runIf(isNative())('a native UDP socket', () => {
  const open = (options: UdpOptions): UdpSocket => {
    const socket = openNativeUdpSocket(options)
    opened.push(socket)
    return socket
  }

  test.each([
    [4, '127.0.0.1'],
    [6, '[::1]'],
  ] as const)('carries ECN both ways over IPv%i', async (family, loopback) => {
    const [a, b] = [open({ family }), open({ family })]
    const batch = newBuffer()
    for (const ecn of [0, 1, 2, 3, 3]) {
      const index = batch.appendCopy(Uint8Array.of(ecn))
      batch.remote[index] = SocketAddress.of(`${loopback}:${b.port}`)
      batch.ecn[index] = ecn
    }

    a.send(batch)

    const got = await collect(b, 5)
    expect(got.map(({ ecn, hex }) => `${ecn} ${hex}`)).toEqual(['0 00', '1 01', '2 02', '3 03', '3 03'])
  })

  test('sends from the address that it is told to, and knows which address it was spoken to', async () => {
    const [a, b] = [open({ family: 4 }), open({ family: 4 })]
    const local = SocketAddress.of(`127.1.2.3:${a.port}`)
    const remote = SocketAddress.of(`127.9.9.9:${b.port}`)

    a.sendOne({ local, remote, payload: utf8('x') })

    expect(await collect(b, 1)).toMatchObject([{ local: remote.key, remote: local.key }])
  })

  test('sends and receives a run of equal datagrams with one call each', async () => {
    const [a, b] = [open({ family: 4 }), open({ family: 4 })]
    const batch = newBuffer()
    for (let i = 0; i < 45; i++)
      batch.remote[batch.appendCopy(new Uint8Array(i === 44 ? 7 : 1312))] = SocketAddress.of(`127.0.0.1:${b.port}`)

    a.send(batch)

    await collect(b, 45)
    expect(a.statistics).toMatchObject({ sendCalls: 1, sent: 45 })
    expect(b.statistics.receiveCalls).toBeLessThan(10)
  })

  test('sends one by one where segments are too long for the path', async () => {
    const [a, b] = [open({ family: 4 }), open({ family: 4 })]
    const batch = new PacketBuffer(createArena(200_000), { start: 0, capacity: 2, stride: 100_000, headroom: 0 })
    const remote = SocketAddress.of(`127.0.0.1:${b.port}`)
    a.sendOne({ local: undefined, remote, payload: new Uint8Array(65_508) }) // longer than any datagram
    batch.remote[batch.appendCopy(new Uint8Array(33_000))] = remote
    batch.remote[batch.appendCopy(new Uint8Array(32_000))] = remote

    a.send(batch)

    expect((await collect(b, 2)).map(({ hex }) => hex.length)).toEqual([66_000, 64_000])
    expect(a.statistics).toMatchObject({ sent: 2, sendFailed: 1 })
  })
})

test('the sockets of a tunnel are one of each family', async () => {
  const sockets = await openUdp({ port: 0 })
  opened.push(...sockets)

  expect(sockets.map(({ family }) => family)).toEqual([4, 6])
})

interface Got {
  readonly local: string
  readonly remote: string
  readonly hex: string
  readonly ecn: number
}

/** Waits for `count` datagrams. */
function collect(socket: UdpSocket, count: number): Promise<Got[]> {
  const buffer = newBuffer()
  const got: Got[] = []
  return new Promise(resolve => {
    socket.watch(() => {
      buffer.clear()
      while (socket.receive(buffer));
      for (let i = 0; i < buffer.count; i++) {
        const bytes = buffer.bytesOf(i)
        const size = buffer.segmentSize[i]! || bytes.length
        for (let at = 0; at < bytes.length; at += size)
          got.push({
            local: buffer.local[i]!.key,
            remote: buffer.remote[i]!.key,
            hex: toHex(bytes.subarray(at, at + size)),
            ecn: buffer.ecn[i]!,
          })
      }
      if (got.length >= count) setImmediate(() => resolve(got)) // promises settled in here would wait
    })
  })
}
