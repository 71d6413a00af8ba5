import { writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { EEXIST, EPERM, errnoName } from '../native/errno.ts'
import { type Libc, libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import { createVeth, type Link, listLinks, removeLink, silence } from '../net/link.ts'
import { NetlinkError } from '../net/netlink.ts'
import { setOption } from '../udp/open-descriptor.ts'
import { NativeTun } from './native-tun.ts'
import { busyError, encodeName, O_NONBLOCK } from './open-descriptor.ts'
import { PEER_NAME } from './stale-veth.ts'
import type { TunDevice, TunOptions } from './tun-device.ts'
import { TunError } from './tun-error.ts'

/**
 * Makes a device that does without `/dev/net/tun`: a pair of veth interfaces, with a packet socket at the far end.
 *
 * ```text
 * routes, addresses ─ near end ═══ far end ─ packet socket ─ we
 * ```
 *
 * The near end is what others see, with the name that was asked for. Neither end speaks ARP or neighbour discovery: the
 * system then sends every packet to the near end's own hardware address. So the far end takes it for somebody else's,
 * and the IP stack behind it doesn't handle it a second time, while our socket sees it all the same. It is
 * `PACKET_VNET_HDR` that makes trains and pending checksums come and go as they do with a TUN device.
 *
 * The addresses are given rather than left to the kernel, for udev would change such ones later.
 *
 * Takes CAP_NET_ADMIN and CAP_NET_RAW; returns `undefined` where one of them is missing. Throws a `TunError`.
 */
export function openVethTun(options: TunOptions): TunDevice | undefined {
  const c = libc()!
  const fd = c.socket(AF_PACKET, SOCK_RAW | O_NONBLOCK | SOCK_CLOEXEC, 0) // of no protocol: silent until it is bound
  if (fd < 0) {
    if (c.errno() === EPERM) return undefined
    throw new TunError('TUN_FAILED', `can't open a packet socket: ${errnoName(c.errno())}`)
  }
  let pair: Pair | undefined
  try {
    pair = createPair(options.name ?? 'tun%d')
    if (pair !== undefined) {
      silence(pair.near.index, false)
      silence(pair.far.index, true) // a socket can't be bound to what is down
      closeToIpv6(pair.far.name)
      bindSocket(c, fd, pair.far.index)
    }
  } catch (error) {
    c.close(fd)
    if (pair !== undefined) removeLink(pair.near.index)
    if (error instanceof NetlinkError) throw new TunError('TUN_FAILED', `can't set up a veth pair: ${error.message}`)
    throw error
  }
  if (pair === undefined) {
    c.close(fd)
    return undefined
  }
  const { index, name } = pair.near
  const remove = (): void => {
    process.off('exit', remove)
    removeLink(index) // the far end goes with it
  }
  process.once('exit', remove)
  const linkHeader = Uint8Array.of(...NEAR_ADDRESS, ...FAR_ADDRESS, 0, 0)
  return new NativeTun({ fd, name, index, kind: 'veth', takesUdpTrains: hasUso(), linkHeader, onClosed: remove })
}

interface Pair {
  readonly near: Link
  readonly far: Link
}

/** Makes the pair, or returns `undefined` where that isn't permitted. */
function createPair(pattern: string): Pair | undefined {
  encodeName(pattern)
  for (let tries = 1; ; tries++) {
    const names = listLinks().map(({ name }) => name)
    const near = freeName(pattern, names)
    const far = freeName(`${PEER_NAME}%d`, names)
    if (near === undefined) throw busyError(pattern)
    try {
      createVeth(
        { name: near, address: NEAR_ADDRESS, mtu: 1500 },
        { name: far!, address: FAR_ADDRESS, mtu: LONGEST_MTU },
      )
      const links = listLinks()
      return { near: links.find(({ name }) => name === near)!, far: links.find(({ name }) => name === far)! }
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error
      if (error.errno === EPERM) return undefined
      if (error.errno !== EEXIST || tries === MAX_TRIES) throw error // else somebody else was faster
    }
  }
}

/** Returns the name that a pattern stands for, with the first free number for a `%d`; `undefined` if it is taken. */
function freeName(pattern: string, taken: readonly string[]): string | undefined {
  for (let number = 0; number <= taken.length; number++) {
    const name = pattern.replace('%d', String(number))
    if (!taken.includes(name)) return name
  }
  return undefined
}

/** Keeps even multicast packets, whose hardware address is nobody's own, from IPv6 at the far end. */
function closeToIpv6(name: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1')
  } catch {} // there is no IPv6, or /proc/sys is read-only; IPv4 refuses our own source addresses by itself
}

function bindSocket(c: Libc, fd: number, index: number): void {
  const memory = new NativeMemory(SOCKADDR_LL_LENGTH)
  const set = (level: number, option: number, value: number): boolean => setOption(c, memory, fd, level, option, value)
  if (!set(SOL_PACKET, PACKET_VNET_HDR, 1) || !set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1))
    throw new TunError('TUN_UNSUPPORTED', 'a veth pair in place of a TUN device takes Linux 4.20')
  // The far end's queue is set up some time after the near end comes up, and swallows packets until then.
  set(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
  if (!set(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)) set(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES)
  memory.view.setUint16(0, AF_PACKET, true)
  memory.view.setUint16(2, ETH_P_ALL) // the only field in network byte order
  memory.view.setInt32(4, index, true)
  if (c.bind(fd, memory.address, SOCKADDR_LL_LENGTH) < 0)
    throw new TunError('TUN_FAILED', `can't bind a packet socket: ${errnoName(c.errno())}`)
}

/** Whether virtio headers of packet sockets know UDP trains (Linux 6.2). */
function hasUso(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 2)
}

/** Locally administered; nobody but the two ends ever sees them. */
const NEAR_ADDRESS = Uint8Array.of(0x02, 0x53, 0x50, 0, 0, 1)
const FAR_ADDRESS = Uint8Array.of(0x02, 0x53, 0x50, 0, 0, 2)
/** The far end's, so that the near end's is the only limit. */
const LONGEST_MTU = 65_535
const MAX_TRIES = 20
/** A TUN device holds a burst in its queue; this one has nothing but the socket's buffer. */
const RECEIVE_BUFFER_BYTES = 16 << 20

const AF_PACKET = 17
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const SOCKADDR_LL_LENGTH = 20
const ETH_P_ALL = 3

const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const SOL_PACKET = 263
const PACKET_VNET_HDR = 15
const PACKET_QDISC_BYPASS = 20
const PACKET_IGNORE_OUTGOING = 23
