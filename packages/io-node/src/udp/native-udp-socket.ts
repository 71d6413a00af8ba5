import type { IpFamily, PacketBuffer, Transmit } from '@sallyport/sans-io'
import { type Libc, libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import { type Watch, watchReadable } from '../native/watch.ts'
import {
  IP_PKTINFO,
  IP_RECVTOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  SOL_UDP,
  UDP_GRO,
} from './control-messages.ts'
import { NativeReceiver } from './native-receiver.ts'
import { NativeSender, type SendingSocket } from './native-sender.ts'
import { openDescriptor, setOption } from './open-descriptor.ts'
import { noUdpStatistics, type UdpOptions, type UdpSocket, type UdpStatistics } from './udp-socket.ts'

/** Opens a native socket. Throws a `UdpOpenError`. */
export function openNativeUdpSocket(options: UdpOptions): UdpSocket {
  const c = libc()!
  const { fd, port } = openDescriptor(c, options)
  const memory = new NativeMemory(8)
  if (options.family === 4) {
    setOption(c, memory, fd, IPPROTO_IP, IP_PKTINFO, 1)
    setOption(c, memory, fd, IPPROTO_IP, IP_RECVTOS, 1)
  } else {
    setOption(c, memory, fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    setOption(c, memory, fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1)
  }
  setOption(c, memory, fd, SOL_UDP, UDP_GRO, 1) // a kernel without it delivers datagrams one by one
  return new NativeUdpSocket(c, fd, options.family, port)
}

class NativeUdpSocket implements UdpSocket, SendingSocket {
  readonly kind = 'native'
  readonly fd: number
  readonly family: IpFamily
  readonly port: number
  readonly statistics: UdpStatistics = noUdpStatistics()
  segmentation = true
  readonly #c: Libc
  readonly #sender: NativeSender
  readonly #receiver: NativeReceiver
  #watch: Watch | undefined
  #isOpen = true

  constructor(c: Libc, fd: number, family: IpFamily, port: number) {
    this.#c = c
    this.fd = fd
    this.family = family
    this.port = port
    this.#sender = sender ??= new NativeSender()
    this.#receiver = receiver ??= new NativeReceiver()
  }

  watch(onReadable: () => void): void {
    if (this.#watch !== undefined) throw new Error('this socket is watched already')
    this.#watch = watchReadable(this.fd, onReadable)
  }

  receive(into: PacketBuffer): boolean {
    return this.#isOpen && this.#receiver.receive(this.fd, this.family, this.port, into, this.statistics)
  }

  send(datagrams: PacketBuffer, from = 0, to: number = datagrams.count): void {
    if (this.#isOpen) this.#sender.send(this, datagrams, from, to)
  }

  sendOne(transmit: Transmit): void {
    if (this.#isOpen) this.#sender.sendOne(this, transmit)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#watch?.close()
    this.#c.close(this.fd)
  }
}

let sender: NativeSender | undefined
let receiver: NativeReceiver | undefined
