import { IpAddress } from '@sallyport/sans-io'
import { EADDRINUSE, errnoName } from '../native/errno.ts'
import type { Libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import { afOf, sockaddrLength, writeSockaddr } from './sockaddr.ts'
import { UdpOpenError } from './udp-error.ts'
import { RECEIVE_BUFFER_BYTES, SEND_BUFFER_BYTES, type UdpOptions } from './udp-socket.ts'

/** A bound descriptor and its port. */
export interface BoundDescriptor {
  readonly fd: number
  readonly port: number
}

/** What only {@link openDescriptor} and the simple socket ask for. */
export interface DescriptorOptions extends UdpOptions {
  /** Lets several sockets share a port, the more specific address winning (`SO_REUSEADDR`). */
  readonly shared?: boolean
}

/** Opens, marks and binds a non-blocking UDP socket. Throws a {@link UdpOpenError}. */
export function openDescriptor(c: Libc, options: DescriptorOptions): BoundDescriptor {
  const { family, port = 0, orAnyPort = false, mark, shared = false } = options
  const memory = new NativeMemory(64)
  const fd = c.socket(afOf(family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw new UdpOpenError(`IPv${family}`, errnoName(c.errno()))
  try {
    const set = (level: number, option: number, value: number): boolean =>
      setOption(c, memory, fd, level, option, value)
    if (family === 6) set(IPPROTO_IPV6, IPV6_V6ONLY, 1)
    if (shared) set(SOL_SOCKET, SO_REUSEADDR, 1)
    if (mark !== undefined && !set(SOL_SOCKET, SO_MARK, mark))
      throw new UdpOpenError('firewall mark (it takes CAP_NET_ADMIN)', errnoName(c.errno()))
    // The privileged form isn't held to the system's limit.
    if (!set(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)) set(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    if (!set(SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES)) set(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    const address = options.address ?? IpAddress.of(family === 4 ? '0.0.0.0' : '::')
    const bind = (wanted: number): number => {
      writeSockaddr(memory, 0, address, wanted)
      return c.bind(fd, memory.address, sockaddrLength(family)) < 0 ? c.errno() : 0
    }
    let failed = bind(port)
    if (failed === EADDRINUSE && orAnyPort) failed = bind(0)
    if (failed !== 0) throw new UdpOpenError(`${address.text} port ${port}`, errnoName(failed))
    memory.view.setUint32(32, SOCKADDR_ROOM, true)
    c.getsockname(fd, memory.address, memory.address + 32)
    return { fd, port: memory.view.getUint16(2) }
  } catch (error) {
    c.close(fd)
    throw error
  }
}

/** Sets an option that is an integer. Returns whether the kernel took it. */
export function setOption(
  c: Libc,
  memory: NativeMemory,
  fd: number,
  level: number,
  option: number,
  value: number,
): boolean {
  memory.view.setInt32(0, value, true)
  return c.setsockopt(fd, level, option, memory.address, 4) === 0
}

const SOCKADDR_ROOM = 28

const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000

const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const SO_MARK = 36

const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
