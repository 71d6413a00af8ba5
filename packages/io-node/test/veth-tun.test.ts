import { spawnSync } from 'node:child_process'
import dgram from 'node:dgram'
import { readFileSync, statSync } from 'node:fs'
import { IpPrefix } from '@sallyport/ip-packet'
import { IpAddress, PacketBuffer } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { createArena } from '../src/kernel/kernel.ts'
import { isNative } from '../src/native/mode.ts'
import { createVeth, listLinks, removeLink } from '../src/net/link.ts'
import { TunNetwork } from '../src/net/tun-network.ts'
import { openTun } from '../src/tun/open-tun.ts'
import { openVethTun } from '../src/tun/veth-tun.ts'
import { enterNetworkNamespace } from './namespace.ts'

const isAllowed = enterNetworkNamespace() && isNative()
const names = (): string[] => listLinks().map(({ name }) => name)

describe.runIf(isAllowed)('a pair of veth interfaces in place of a TUN device', () => {
  test('goes as a whole when it is closed', () => {
    const before = names()
    const tun = openVethTun({ name: 'sptest' })!
    expect(names()).toEqual(expect.arrayContaining(['sptest', 'tunpeer0']))

    tun.close()

    expect(names()).toEqual(before)
  })

  test('several have names of their own', () => {
    const tuns = [0, 1, 2].map(() => openVethTun({ name: 'sptest%d' })!)

    expect(tuns.map(tun => tun.name)).toEqual(['sptest0', 'sptest1', 'sptest2'])
    for (const tun of tuns) tun.close()
  })

  test('the system neither hears nor answers at the far end what it sends to us, multicast included', async () => {
    const tun = openVethTun({ name: 'sptest' })!
    const network = new TunNetwork(tun)
    const routes = [IpPrefix.of('0.0.0.0/0'), IpPrefix.of('::/0')]
    network.configure({ addresses: [IpAddress.of('10.9.0.1'), IpAddress.of('fd00:9::1')], routes })
    const before = counters()

    const v4 = dgram.createSocket('udp4')
    const v6 = dgram.createSocket('udp6')
    const send = (socket: dgram.Socket, to: string): Promise<void> =>
      new Promise((resolve, reject) =>
        socket.send('hello', 9999, to, error => (error === null ? resolve() : reject(error))),
      )
    await send(v4, '192.0.2.1')
    await send(v4, '239.1.2.3')
    await send(v6, '2001:db8::1')
    await send(v6, 'ff0e::1234')

    expect(received(tun.read.bind(tun))).toEqual(['192.0.2.1', '239.1.2.3', 'v6', 'v6'])
    const after = counters()
    expect(after['Udp InDatagrams']).toBe(before['Udp InDatagrams'])
    expect(after['Ip InDelivers']).toBe(before['Ip InDelivers'])
    expect(after['Ip ForwDatagrams']).toBe(before['Ip ForwDatagrams'])
    expect(after['Ip6InDelivers']).toBe(before['Ip6InDelivers'])
    v4.close()
    v6.close()
    network.close()
    tun.close()
  })

  test('neither end makes itself an address, from which the system would talk unasked', () => {
    const tun = openVethTun({ name: 'sptest' })!
    const network = new TunNetwork(tun)
    network.configure({ addresses: [IpAddress.of('10.9.0.1'), IpAddress.of('fd00:9::1')], routes: [] })

    const addresses = readFileSync('/proc/thread-self/net/if_inet6', 'utf8').trim().split('\n')
    expect(addresses.map(line => line.split(/\s+/)[5])).toEqual(['sptest'])
    expect(received(tun.read.bind(tun))).toEqual([])
    network.close()
    tun.close()
  })

  test('what a killed process has left is removed, and nothing else', () => {
    const end = (name: string, last: number) => ({ name, address: Uint8Array.of(2, 0, 0, 0, 0, last), mtu: 1500 })
    createVeth(end('sptest', 1), end('tunpeer7', 2))
    createVeth(end('spforeign', 3), end('spother', 4))

    const tun = openTun({ name: 'sptest' })
    expect(names()).not.toContain('tunpeer7')
    tun.close()

    expect(() => openTun({ name: 'spforeign' })).toThrow()
    expect(() => openVethTun({ name: 'spforeign' })).toThrow('another process holds the device spforeign')
    removeLink(listLinks().find(({ name }) => name === 'spforeign')!.index)
  })

  test('one in use is not taken for what a killed process has left', () => {
    const tun = openVethTun({ name: 'sptest' })!

    expect(() => openTun({ name: 'sptest' })).toThrow('another process holds the device sptest')
    expect(names()).toContain('sptest')
    tun.close()
  })

  test('takes CAP_NET_RAW beside CAP_NET_ADMIN, and is there where the device node may not be opened', () => {
    const run = (capabilities: string): string => {
      const words = ['--reuid=65534', '--regid=65534', '--clear-groups']
      const caps = [`--inh-caps=-all,${capabilities}`, `--ambient-caps=-all,${capabilities}`]
      const file = new URL('unprivileged.ts', import.meta.url).pathname
      const inner = ['setpriv', ...words, ...caps, process.execPath, '--conditions=development', file]
      // A node of mode 0600 in a mount namespace of its own: what a distribution gives its users must not matter.
      const setup = 'mount -t tmpfs tmpfs /mnt && mknod -m 600 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun'
      const script = `${setup} && exec "$@"`
      const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...inner], {
        encoding: 'utf8',
      })
      return stdout + stderr
    }
    expect(statSync('/dev/net/tun').isCharacterDevice()).toBe(true)

    expect(run('+net_admin,+net_raw')).toBe('up\n')
    expect(run('+net_admin')).toBe(
      'TUN_NOT_PERMITTED: not permitted to open /dev/net/tun (EACCES): give it mode 0666, or grant CAP_NET_ADMIN and CAP_NET_RAW, for a veth pair in its place\n',
    )
  })
})

/** Reads what waits; answers with destinations of IPv4 packets, and `v6`. */
function received(read: (into: PacketBuffer) => boolean): string[] {
  const layout = { start: 0, capacity: 64, stride: 4096, headroom: 128 }
  const buffer = new PacketBuffer(createArena(layout.capacity * layout.stride), layout)
  while (read(buffer));
  return Array.from({ length: buffer.count }, (_, i) => {
    const packet = buffer.bytesOf(i)
    return packet[0]! >> 4 === 4 ? packet.subarray(16, 20).join('.') : 'v6'
  })
}

/** The kernel's counters, by protocol and name. */
function counters(): Record<string, number> {
  const found: Record<string, number> = {}
  const lines = readFileSync('/proc/thread-self/net/snmp', 'utf8').trim().split('\n')
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [protocol, ...keys] = lines[i]!.split(' ')
    const values = lines[i + 1]!.split(' ').slice(1)
    for (const [at, key] of keys.entries()) found[`${protocol!.slice(0, -1)} ${key}`] = Number(values[at])
  }
  for (const line of readFileSync('/proc/thread-self/net/snmp6', 'utf8').trim().split('\n')) {
    const [key, value] = line.split(/\s+/)
    found[key!] = Number(value)
  }
  return found
}
