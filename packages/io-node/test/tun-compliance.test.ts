import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import net from 'node:net'
import { hasValidChecksums, IpPrefix, makeUdpPacket, TrainCutter, TrainJoiner } from '@sallyport/ip-packet'
import { IpAddress, PacketBuffer, SocketAddress, utf8 } from '@sallyport/sans-io'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { wasmChecksum } from '../src/kernel/checksum-kernel.ts'
import { createArena } from '../src/kernel/kernel.ts'
import { isNative } from '../src/native/mode.ts'
import { OWN_MARK } from '../src/net/route.ts'
import { TunNetwork } from '../src/net/tun-network.ts'
import { openNativeTun } from '../src/tun/native-tun.ts'
import { openTun } from '../src/tun/open-tun.ts'
import { openSimpleTun } from '../src/tun/simple-tun.ts'
import type { TunDevice, TunOptions } from '../src/tun/tun-device.ts'
import { TunError } from '../src/tun/tun-error.ts'
import { openVethTun } from '../src/tun/veth-tun.ts'
import { openNativeUdpSocket } from '../src/udp/native-udp-socket.ts'
import { openUdpSocket } from '../src/udp/open-udp.ts'
import { openSimpleUdpSocket } from '../src/udp/simple-udp-socket.ts'
import type { UdpOptions } from '../src/udp/udp-socket.ts'
import { enterNetworkNamespace } from './namespace.ts'

const implementations: readonly (readonly [string, (options: TunOptions) => TunDevice])[] = [
  ...(isNative() ? [['native', (options: TunOptions) => openNativeTun(options)!] as const] : []),
  ...(isNative() ? [['veth', (options: TunOptions) => openVethTun(options)!] as const] : []),
  ['simple', openSimpleTun],
]

const OURS = IpAddress.of('10.9.0.1')
const PEER = IpAddress.of('10.9.1.5')
const OURS_V6 = IpAddress.of('fd00:9::1')
const configuration = {
  addresses: [OURS, OURS_V6],
  routes: [IpPrefix.of('10.9.1.0/24'), IpPrefix.of('fd00:9:1::/64')],
}

const isAllowed = enterNetworkNamespace()

describe.runIf(isAllowed)('TUN devices', () => {
  describe.each(implementations)('a %s TUN device', (kind, open) => {
    let tun: TunDevice
    let network: TunNetwork
    beforeEach(() => {
      tun = open({ name: 'sptest%d' })
      network = new TunNetwork(tun)
      expect(network.configure(configuration)).toEqual([])
    })
    afterEach(() => {
      network.close()
      tun.close()
    })

    test('has the name that was asked for', () => {
      expect(tun).toMatchObject({ kind, name: expect.stringMatching(/^sptest\d$/) })
      expect(tun.index).toBeGreaterThan(0)
    })

    test('brings packets that the system routes into it', async () => {
      const got = collect(tun, 2)
      const socket = dgram.createSocket('udp4')
      socket.send('to the peer', 9999, PEER.text)
      socket.send('and once more', 9999, PEER.text)

      const packets = await got
      socket.close()
      expect(packets.map(packet => packet.subarray(28).toString())).toEqual(['to the peer', 'and once more'])
      expect(packets.every(packet => hasValidChecksums(packet))).toBe(true)
    })

    test('hands packets to the system', async () => {
      const socket = dgram.createSocket('udp4')
      socket.bind(0, OURS.text)
      await once(socket, 'listening')
      const batch = newBuffer()
      const fields = { source: PEER, destination: OURS, sourcePort: 7, destinationPort: socket.address().port }
      batch.appendCopy(makeUdpPacket({ ...fields, payload: utf8('dropped') }))
      batch.segments[0] = 0
      batch.appendCopy(makeUdpPacket({ ...fields, payload: utf8('from the peer') }))

      tun.write(batch)

      const [payload, from] = (await once(socket, 'message')) as [Buffer, dgram.RemoteInfo]
      socket.close()
      expect([payload.toString(), from.address, from.port]).toEqual(['from the peer', PEER.text, 7])
      expect(tun.statistics).toMatchObject({ written: 1, writeCalls: 1, writeFailed: 0 })
    })

    test('writes a train of UDP datagrams as the datagrams that it stands for', async () => {
      const socket = await openUdpSocket({ family: 4 })
      const batch = newBuffer()
      const fields = { source: PEER, destination: OURS, sourcePort: 7, destinationPort: socket.port }
      for (let i = 0; i < 20; i++)
        batch.appendCopy(
          makeUdpPacket({ ...fields, identification: i, payload: new Uint8Array(i === 19 ? 10 : 700).fill(i) }),
        )
      new TrainJoiner({ udp: tun.takesUdpTrains }).join(batch, 0, batch.count)

      tun.write(batch)

      const received = newBuffer()
      const payloads: string[] = []
      await new Promise<void>(resolve => {
        socket.watch(() => {
          received.clear()
          while (socket.receive(received));
          for (let i = 0; i < received.count; i++) {
            const size = received.segmentSize[i]! || received.length[i]!
            for (let at = 0; at < received.length[i]!; at += size) {
              const bytes = received.bytesOf(i).subarray(at, at + size)
              payloads.push(`${bytes.length} × ${bytes[0]}`)
            }
          }
          if (payloads.length === 20) setImmediate(resolve)
        })
      })
      socket.close()
      expect(payloads).toEqual(Array.from({ length: 20 }, (_, i) => `${i === 19 ? 10 : 700} × ${i}`))
    })

    test('carries a TCP connection both ways without a wrong byte', async () => {
      mirror(tun)
      const sent = randomBytes(3 << 20)
      const server = net.createServer(socket => socket.pipe(socket)).listen(0, OURS.text)
      await once(server, 'listening')
      const client = net.connect((server.address() as net.AddressInfo).port, PEER.text)
      const hash = createHash('sha256')
      let received = 0

      client.end(sent)
      for await (const chunk of client as AsyncIterable<Buffer>) {
        received += chunk.length
        hash.update(chunk)
      }

      server.close()
      expect(received).toBe(sent.length)
      expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'))
      expect(tun.statistics.writeFailed).toBe(0)
      if (kind !== 'simple') expect(tun.statistics.writeCalls).toBeLessThan(tun.statistics.written / 2)
    })

    test('a default route in the tunnel doesn’t capture sockets with our mark', async () => {
      network.configure({ ...configuration, routes: [IpPrefix.of('0.0.0.0/0'), IpPrefix.of('::/0')] })
      const got = collect(tun, 1)
      const plain = await openUdpSocket({ family: 4 })
      const marked = await openUdpSocket({ family: 4, mark: OWN_MARK })
      const remote = SocketAddress.of('192.0.2.1:3478')

      marked.sendOne({ local: undefined, remote, payload: utf8('marked') })
      plain.sendOne({ local: undefined, remote, payload: utf8('plain') })

      const packets = await got
      expect(packets.map(packet => packet.subarray(28).toString())).toEqual(['plain'])
      expect(marked.statistics).toMatchObject({ sent: 0, sendFailed: 1 }) // no route but the tunnel's
      plain.close()
      marked.close()
    })

    test('routes come and go as they are configured', async () => {
      const socket = await openUdpSocket({ family: 4 })
      const failures = (remote: string): number => {
        const before = socket.statistics.sendFailed
        socket.sendOne({ local: undefined, remote: SocketAddress.of(remote), payload: utf8('x') })
        return socket.statistics.sendFailed - before
      }

      expect(failures('10.9.1.5:1')).toBe(0)
      expect(network.configure({ ...configuration, routes: [IpPrefix.of('10.9.2.0/24')] })).toEqual([])
      expect(failures('10.9.1.5:1')).toBe(1)
      expect(failures('10.9.2.5:1')).toBe(0)
      expect(network.configure({ ...configuration, addresses: [OURS], mtu: 1400 })).toEqual([])
      expect(failures('10.9.1.5:1')).toBe(0)
      network.close()
      network.close()
      expect(failures('10.9.1.5:1')).toBe(1)
      socket.close()
    })

    test('is gone once it is closed, and quiet', async () => {
      tun.watch(() => {
        throw new Error('called back')
      })
      tun.close()
      tun.close()

      expect(tun.read(newBuffer())).toBe(false)
      expect(() => tun.write(newBuffer())).not.toThrow()
      const again = open({ name: tun.name })
      again.close()
    })
  })

  test.each([
    ['native', async (options: UdpOptions) => openNativeUdpSocket(options)],
    ['simple', openSimpleUdpSocket],
  ] as const)('a %s UDP socket hears addresses that the system gets after it was opened', async (_, openSocket) => {
    const socket = await openSocket({ family: 4 })
    const tun = openTun({ name: 'sptest%d' })
    const network = new TunNetwork(tun)
    network.configure(configuration)
    const received = newBuffer()
    const local = new Promise<string>(resolve => {
      socket.watch(() => {
        socket.receive(received)
        setImmediate(() => resolve(received.local[0]!.key))
      })
    })

    const batch = newBuffer()
    const fields = { source: PEER, destination: OURS, sourcePort: 7, destinationPort: socket.port }
    batch.appendCopy(makeUdpPacket({ ...fields, payload: utf8('hello') }))
    const resend = setInterval(() => tun.write(batch), 2)

    expect(await local).toBe(`${OURS.text}:${socket.port}`)
    clearInterval(resend)
    socket.close()
    network.close()
    tun.close()
  })

  test('can be created and destroyed fifty times in a row', () => {
    for (let i = 0; i < 50; i++) openTun({ name: 'sptest-many' }).close()
  })

  test('a name that is taken is told as such', () => {
    const tun = openTun({ name: 'sptest-taken' })

    expect(() => openTun({ name: 'sptest-taken' })).toThrow(TunError)
    expect(() => openTun({ name: 'sptest-taken' })).toThrow('another process holds the device sptest-taken')
    expect(() => openTun({ name: 'much-longer-than-fifteen' })).toThrow(TunError)
    tun.close()
  })

  test('an unprivileged user needs CAP_NET_ADMIN and nothing else', () => {
    const run = (...capabilities: string[]): string => {
      const { stdout, stderr } = spawnSync(
        'setpriv',
        [
          ...['--reuid=65534', '--regid=65534', '--clear-groups', ...capabilities],
          ...[process.execPath, '--conditions=development', new URL('unprivileged.ts', import.meta.url).pathname],
        ],
        { encoding: 'utf8' },
      )
      return stdout + stderr
    }

    expect(run('--inh-caps=-all', '--bounding-set=-all')).toMatch(
      /^TUN_NOT_PERMITTED: not permitted to (create the device sptest-user: it takes CAP_NET_ADMIN|open .*)\n$/,
    )
    // Distributions leave the device node open to all; where it isn't, that has nothing to do with us.
    const isOpenToAll = (statSync('/dev/net/tun').mode & 0o006) === 0o006
    const capabilities = isOpenToAll ? '-all,+net_admin' : '-all,+net_admin,+dac_override'
    expect(run(`--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`)).toBe('up\n')
  })
})

const layout = { start: 0, capacity: 256, stride: 2048, headroom: 128 }
const newBuffer = (): PacketBuffer => new PacketBuffer(createArena(layout.capacity * layout.stride), layout)

/** Waits for `count` packets of IPv4, cut from trains. */
function collect(tun: TunDevice, count: number): Promise<Buffer[]> {
  const trains = newBuffer()
  const cutter = new TrainCutter({ checksum: wasmChecksum })
  const packets: Buffer[] = []
  return new Promise(resolve => {
    tun.watch(() => {
      trains.clear()
      while (tun.read(trains));
      for (let i = 0; i < trains.count; i++) {
        const { arena } = trains
        cutter.begin(arena, trains.offset[i]!, trains.length[i]!, trains.segmentSize[i]!, trains.flags[i]!)
        while (cutter.next()) {
          const packet = arena.bytes.slice(cutter.segmentOffset, cutter.segmentOffset + cutter.segmentLength)
          if (packet[0]! >> 4 === 4) packets.push(Buffer.from(packet))
        }
      }
      if (packets.length >= count) setImmediate(() => resolve(packets))
    })
  })
}

/** Sends every packet back with its addresses exchanged: what is sent to the peer comes to us from the peer. */
function mirror(tun: TunDevice): void {
  const trains = newBuffer()
  const packets = newBuffer()
  const cutter = new TrainCutter({ checksum: wasmChecksum })
  const joiner = new TrainJoiner()
  tun.watch(() => {
    for (let more = true; more; ) {
      trains.clear()
      more = tun.read(trains)
      packets.clear()
      for (let i = 0; i < trains.count; i++) {
        const { arena } = trains
        if (arena.bytes[trains.offset[i]!]! >> 4 !== 4) continue
        cutter.begin(arena, trains.offset[i]!, trains.length[i]!, trains.segmentSize[i]!, trains.flags[i]!)
        while (cutter.next()) {
          const at = cutter.segmentOffset
          const source = arena.view.getUint32(at + 12)
          arena.view.setUint32(at + 12, arena.view.getUint32(at + 16)) // no checksum changes
          arena.view.setUint32(at + 16, source)
          packets.appendCopy(arena.bytes.subarray(at, at + cutter.segmentLength))
        }
      }
      joiner.join(packets, 0, packets.count)
      tun.write(packets)
    }
  })
}
