import type { IpFamily, PacketBuffer, SocketAddress } from '@sallyport/sans-io'
import { addressOfArena } from '../native/arena-address.ts'
import { type Libc, libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import {
  CMSG_HEADER_LENGTH,
  controlLength,
  IOVEC_LENGTH,
  MSGHDR_LENGTH,
  setControlLength,
  setIovecCount,
  setNameLength,
  writeIovec,
  writeMessagePointers,
} from '../native/message.ts'
import { nextRead } from '../region.ts'
import { AddressCache } from './address-cache.ts'
import {
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SOL_UDP,
  UDP_GRO,
} from './control-messages.ts'
import { SOCKADDR_LENGTH } from './sockaddr.ts'
import type { UdpStatistics } from './udp-socket.ts'

/** The receiving half of all native sockets: calls are synchronous, so one block of memory serves them all. */
export class NativeReceiver {
  readonly #c: Libc = libc()!
  readonly #recvmsg = this.#c.recvmsg
  readonly #memory = new NativeMemory(IOVECS + IOVEC_LENGTH)
  readonly #remotes = new AddressCache(REMOTES)
  readonly #locals = new AddressCache(LOCALS)

  constructor() {
    writeMessagePointers(this.#memory, { header: HEADER, name: NAME, control: CONTROL, iovecs: IOVECS })
    setIovecCount(this.#memory, HEADER, 1)
  }

  /** Receives once from `fd`, whose port is `port`; see `UdpSocket.receive`. */
  receive(fd: number, family: IpFamily, port: number, into: PacketBuffer, statistics: UdpStatistics): boolean {
    const at = nextRead(into)
    if (at < 0) return false
    const memory = this.#memory
    const { view } = memory
    writeIovec(memory, IOVECS, addressOfArena(into.arena) + at, LONGEST_DATAGRAM)
    setNameLength(memory, HEADER, SOCKADDR_LENGTH)
    setControlLength(memory, HEADER, CONTROL_ROOM)
    const length = this.#recvmsg(fd, memory.address + HEADER, 0)
    if (length < 0) return false // nothing waits; any other error will show again, or is a stray ICMP error's
    statistics.receiveCalls++

    let segmentSize = 0
    let ecn = 0
    let local: SocketAddress | undefined
    const end = CONTROL + controlLength(memory, HEADER)
    for (let next = CONTROL; next + CMSG_HEADER_LENGTH <= end; ) {
      const level = view.getInt32(next + 8, true)
      const type = view.getInt32(next + 12, true)
      const data = next + CMSG_HEADER_LENGTH
      if (level === SOL_UDP && type === UDP_GRO) segmentSize = view.getInt32(data, true)
      else if (level === IPPROTO_IP && type === IP_TOS) ecn = view.getUint8(data) & 3
      else if (level === IPPROTO_IP && type === IP_PKTINFO) local = this.#locals.v4(view, data + 4, port)
      else if (level === IPPROTO_IPV6 && type === IPV6_TCLASS) ecn = view.getUint8(data) & 3
      else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) local = this.#locals.v6(view, data, port)
      next += (view.getUint32(next, true) + 7) & ~7
    }
    if (length === 0 || local === undefined) {
      statistics.receiveDropped++
      return true
    }
    const remotePort = view.getUint16(NAME + 2)
    const index = into.append(at, length)
    into.local[index] = local
    into.remote[index] =
      family === 4 ? this.#remotes.v4(view, NAME + 4, remotePort) : this.#remotes.v6(view, NAME + 8, remotePort)
    into.ecn[index] = ecn
    if (segmentSize > 0 && segmentSize < length) {
      into.segmentSize[index] = segmentSize
      statistics.received += Math.ceil(length / segmentSize)
    } else statistics.received++
    return true
  }
}

const LONGEST_DATAGRAM = 65_535
const REMOTES = 4096
const LOCALS = 64

/** Layout of the memory. */
const HEADER = 0
const NAME = MSGHDR_LENGTH + 8
const CONTROL = NAME + 32
const CONTROL_ROOM = 256
const IOVECS = CONTROL + CONTROL_ROOM
