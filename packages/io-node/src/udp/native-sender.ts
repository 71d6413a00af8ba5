import type { IpFamily, PacketBuffer, SocketAddress, Transmit } from '@sallyport/sans-io'
import { addressOfArena } from '../native/arena-address.ts'
import { EAGAIN, EINVAL, EIO, ENOBUFS } from '../native/errno.ts'
import { type Libc, libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import {
  CMSG_HEADER_LENGTH,
  IOVEC_LENGTH,
  MSGHDR_LENGTH,
  setControlLength,
  setIovecCount,
  setNameLength,
  writeControlHeader,
  writeIovec,
  writeMessagePointers,
} from '../native/message.ts'
import {
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SOL_UDP,
  UDP_SEGMENT,
} from './control-messages.ts'
import { runEnd } from './send-run.ts'
import { sockaddrLength, writeSockaddr } from './sockaddr.ts'
import type { UdpStatistics } from './udp-socket.ts'

/** A native socket as the sender sees it. */
export interface SendingSocket {
  readonly fd: number
  readonly family: IpFamily
  readonly statistics: UdpStatistics
  /** Whether the kernel cuts for us; the sender clears it where a device can't. */
  segmentation: boolean
}

/** The sending half of all native sockets: calls are synchronous, so one block of memory serves them all. */
export class NativeSender {
  readonly #c: Libc = libc()!
  readonly #sendmsg = this.#c.sendmsg
  readonly #sendto = this.#c.sendto
  readonly #memory = new NativeMemory(PAYLOAD + LONGEST_PAYLOAD)

  constructor() {
    writeMessagePointers(this.#memory, { header: HEADER, name: NAME, control: CONTROL, iovecs: IOVECS })
  }

  /** See `UdpSocket.send`. */
  send(socket: SendingSocket, datagrams: PacketBuffer, from: number, to: number): void {
    for (let i = from; i < to; ) {
      const end = socket.segmentation ? runEnd(datagrams, i, to) : i + 1
      this.#sendRun(socket, datagrams, i, end)
      i = end
    }
  }

  /** See `UdpSocket.sendOne`. */
  sendOne(socket: SendingSocket, { local, remote, payload }: Transmit): void {
    if (remote.family !== socket.family || payload.length > LONGEST_PAYLOAD) {
      socket.statistics.sendFailed++
      return
    }
    const memory = this.#memory
    memory.bytes.set(payload, PAYLOAD)
    writeIovec(memory, IOVECS, memory.address + PAYLOAD, payload.length)
    setIovecCount(memory, HEADER, 1)
    this.#count(socket, this.#call(socket, remote, local, 0, 0), 1)
  }

  #sendRun(socket: SendingSocket, datagrams: PacketBuffer, from: number, to: number): void {
    const remote = datagrams.remote[from]
    const count = to - from
    if (remote === undefined || remote.family !== socket.family) {
      socket.statistics.sendFailed += count
      return
    }
    const memory = this.#memory
    const base = addressOfArena(datagrams.arena)
    if (count === 1 && datagrams.headerLength[from] === 0 && datagrams.ecn[from] === 0 && !datagrams.local[from]) {
      // Nothing to say but where to: without a msghdr the kernel has less to fetch.
      writeSockaddr(memory, NAME, remote.ip, remote.port)
      socket.statistics.sendCalls++
      const at = base + datagrams.offset[from]!
      const nameLength = sockaddrLength(socket.family)
      const sent = this.#sendto(socket.fd, at, datagrams.length[from]!, 0, memory.address + NAME, nameLength)
      this.#count(socket, sent < 0 ? this.#c.errno() : 0, 1)
      return
    }
    let iovec = IOVECS
    for (let i = from; i < to; i++) {
      const header = datagrams.headerLength[i]!
      if (header > 0) {
        writeIovec(memory, iovec, base + datagrams.headerOffset[i]!, header)
        iovec += IOVEC_LENGTH
      }
      writeIovec(memory, iovec, base + datagrams.offset[i]!, datagrams.length[i]!)
      iovec += IOVEC_LENGTH
    }
    setIovecCount(memory, HEADER, (iovec - IOVECS) / IOVEC_LENGTH)
    const size = count > 1 ? datagrams.length[from]! + datagrams.headerLength[from]! : 0
    const failed = this.#call(socket, remote, datagrams.local[from], datagrams.ecn[from]!, size)
    if (count > 1 && (failed === EIO || failed === EINVAL)) {
      // EIO: a device without checksum offload can't cut. EINVAL: a segment is longer than the path's MTU, or the
      // kernel knows no UDP_SEGMENT; then each datagram gets its own answer.
      if (failed === EIO) socket.segmentation = false
      for (let i = from; i < to; i++) this.#sendRun(socket, datagrams, i, i + 1)
      return
    }
    this.#count(socket, failed, count)
  }

  /** Calls `sendmsg` with the iovecs that are in place. Returns 0 or the error number. */
  #call(
    socket: SendingSocket,
    remote: SocketAddress,
    local: SocketAddress | undefined,
    ecn: number,
    segmentSize: number,
  ): number {
    const memory = this.#memory
    const { view } = memory
    const isV4 = socket.family === 4
    writeSockaddr(memory, NAME, remote.ip, remote.port)
    setNameLength(memory, HEADER, sockaddrLength(socket.family))
    let control = CONTROL
    if (local !== undefined && local.family === socket.family) {
      const data = control + CMSG_HEADER_LENGTH
      if (isV4) {
        control = writeControlHeader(memory, control, IPPROTO_IP, IP_PKTINFO, 12)
        view.setUint32(data, 0) // any interface
        memory.bytes.set(local.ip.bytes, data + 4)
        view.setUint32(data + 8, 0)
      } else {
        control = writeControlHeader(memory, control, IPPROTO_IPV6, IPV6_PKTINFO, 20)
        memory.bytes.set(local.ip.bytes, data)
        view.setUint32(data + 16, 0)
      }
    }
    if (ecn !== 0) {
      const data = control + CMSG_HEADER_LENGTH
      control = isV4
        ? writeControlHeader(memory, control, IPPROTO_IP, IP_TOS, 4)
        : writeControlHeader(memory, control, IPPROTO_IPV6, IPV6_TCLASS, 4)
      view.setInt32(data, ecn, true)
    }
    if (segmentSize > 0) {
      const data = control + CMSG_HEADER_LENGTH
      control = writeControlHeader(memory, control, SOL_UDP, UDP_SEGMENT, 2)
      view.setUint16(data, segmentSize, true)
    }
    setControlLength(memory, HEADER, control - CONTROL)
    socket.statistics.sendCalls++
    return this.#sendmsg(socket.fd, memory.address + HEADER, 0) < 0 ? this.#c.errno() : 0
  }

  #count(socket: SendingSocket, failed: number, datagrams: number): void {
    if (failed === 0) socket.statistics.sent += datagrams
    else if (failed === EAGAIN || failed === ENOBUFS) socket.statistics.sendDropped += datagrams
    else socket.statistics.sendFailed += datagrams
  }
}

/** The longest payload of a UDP datagram over IPv4. */
const LONGEST_PAYLOAD = 65_507

/** Layout of the memory. A run of 64 datagrams with a header each has 128 iovecs. */
const HEADER = 0
const NAME = MSGHDR_LENGTH + 8
const CONTROL = NAME + 32
const IOVECS = CONTROL + 128
const PAYLOAD = IOVECS + 128 * IOVEC_LENGTH
