import dgram from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import {
  BoundedQueue,
  IpAddress,
  type IpFamily,
  type PacketBuffer,
  SocketAddress,
  type Transmit,
} from '@sallyport/sans-io'
import { Later } from '../native/later.ts'
import { libc } from '../native/libc.ts'
import { nextRead } from '../region.ts'
import { openDescriptor } from './open-descriptor.ts'
import { UdpOpenError } from './udp-error.ts'
import { noUdpStatistics, type UdpOptions, type UdpSocket, type UdpStatistics } from './udp-socket.ts'

/**
 * Opens a socket that goes through `node:dgram`. Rejects with a `UdpOpenError`.
 *
 * `node:dgram` doesn't tell which of our addresses a datagram was sent to. Therefore there is one socket for each address
 * of this machine, and one for sending from whichever address the system chooses. What that one receives was sent to an
 * address that is new: it is lost, but from then on the address has a socket too.
 */
export async function openSimpleUdpSocket(options: UdpOptions): Promise<UdpSocket> {
  if (options.address !== undefined) {
    const socket = await open(options, options.address, options.port ?? 0, false)
    const alone = new SimpleUdpSocket(options, socket.address().port, undefined)
    alone.add(options.address, socket)
    return alone
  }
  const probe = await openAny(options)
  const { port } = probe.address()
  await new Promise<void>(resolve => probe.close(() => resolve()))
  const socket = new SimpleUdpSocket(options, port, await open(options, wildcardOf(options.family), port, true))
  await socket.scan()
  return socket
}

class SimpleUdpSocket implements UdpSocket {
  readonly kind = 'simple'
  readonly family: IpFamily
  readonly port: number
  readonly statistics: UdpStatistics = noUdpStatistics()
  /** For sending from any address. */
  readonly #wildcard: dgram.Socket | undefined
  /** By the text of the address that they are bound to. */
  readonly #specific = new Map<string, dgram.Socket>()
  readonly #received = new BoundedQueue<Received>(QUEUE_LENGTH)
  readonly #later = new Later()
  readonly #options: UdpOptions
  #onReadable: (() => void) | undefined
  #isScanning = false
  #isScheduled = false
  #isOpen = true
  #inFlight = 0

  constructor(options: UdpOptions, port: number, wildcard: dgram.Socket | undefined) {
    this.#options = options
    this.family = options.family
    this.port = port
    this.#wildcard = wildcard
    wildcard?.on('error', () => {})
    wildcard?.on('message', () => {
      this.statistics.receiveDropped++
      void this.scan()
    })
  }

  /** Takes the socket of one of our addresses. */
  add(address: IpAddress, socket: dgram.Socket): void {
    const local = new SocketAddress(address, this.port)
    this.#specific.set(address.text, socket)
    socket.on('message', (payload, from) => this.#receive(local, payload, from))
    socket.on('error', () => {}) // such as an ICMP error: the datagram was counted when it was sent
  }

  /** Opens sockets for addresses that have none. */
  async scan(): Promise<void> {
    if (this.#isScanning) return
    this.#isScanning = true
    for (const address of ownAddresses(this.family)) {
      if (this.#specific.has(address.text)) continue
      try {
        const socket = await open(this.#options, address, this.port, true)
        if (this.#isOpen) this.add(address, socket)
        else socket.close()
      } catch {} // an address that is going or not yet usable: the next datagram to it looks again
    }
    this.#isScanning = false
  }

  watch(onReadable: () => void): void {
    if (this.#onReadable !== undefined) throw new Error('this socket is watched already')
    this.#onReadable = onReadable
    this.#schedule()
  }

  receive(into: PacketBuffer): boolean {
    const at = nextRead(into)
    if (at < 0 || !this.#isOpen) return false
    const received = this.#received.shift()
    if (received === undefined) return false
    into.arena.bytes.set(received.payload, at)
    const index = into.append(at, received.payload.length)
    into.local[index] = received.local
    into.remote[index] = received.remote
    this.statistics.received++
    this.statistics.receiveCalls++
    this.#schedule()
    return true
  }

  send(datagrams: PacketBuffer, from = 0, to: number = datagrams.count): void {
    for (let i = from; i < to; i++) {
      const header = datagrams.headerLength[i]!
      const payload = Buffer.alloc(header + datagrams.length[i]!)
      const { bytes } = datagrams.arena
      payload.set(bytes.subarray(datagrams.headerOffset[i]!, datagrams.headerOffset[i]! + header))
      payload.set(datagrams.bytesOf(i), header)
      this.#send(datagrams.local[i], datagrams.remote[i], payload)
    }
  }

  sendOne({ local, remote, payload }: Transmit): void {
    this.#send(local, remote, Buffer.from(payload))
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#wildcard?.close()
    for (const socket of this.#specific.values()) socket.close()
  }

  /** Takes ownership of `payload`: `node:dgram` sends when it comes to it. */
  #send(local: SocketAddress | undefined, remote: SocketAddress | undefined, payload: Buffer): void {
    if (!this.#isOpen) return
    const socket =
      local === undefined ? (this.#wildcard ?? [...this.#specific.values()][0]) : this.#specific.get(local.ip.text)
    if (remote === undefined || remote.family !== this.family || socket === undefined) {
      this.statistics.sendFailed++
      return
    }
    if (this.#inFlight >= QUEUE_LENGTH) {
      this.statistics.sendDropped++
      return
    }
    this.#inFlight++
    this.statistics.sendCalls++
    socket.send(payload, remote.port, remote.ip.text, error => {
      this.#inFlight--
      if (error === null) this.statistics.sent++
      else this.statistics.sendFailed++
    })
  }

  #receive(local: SocketAddress, payload: Uint8Array, from: dgram.RemoteInfo): void {
    const ip = IpAddress.parse(from.address.replace(/%.*$/, '')) // a scope id means nothing to a peer
    if (payload.length === 0 || ip === undefined) {
      this.statistics.receiveDropped++
      return
    }
    const item = { local, remote: new SocketAddress(ip, from.port), payload }
    if (!this.#received.push(item)) this.statistics.receiveDropped++
    this.#schedule()
  }

  /** Calls back once for all that arrives in one turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled || this.#received.length === 0 || this.#onReadable === undefined) return
    this.#isScheduled = true
    this.#later.run(() => {
      this.#isScheduled = false
      if (this.#isOpen) this.#onReadable?.()
      this.#schedule()
    })
  }
}

interface Received {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly payload: Uint8Array
}

const QUEUE_LENGTH = 1000

const wildcardOf = (family: IpFamily): IpAddress => IpAddress.of(family === 4 ? '0.0.0.0' : '::')

/** Returns the addresses of this machine; not IPv6's link-local ones, which mean nothing without their interface. */
function ownAddresses(family: IpFamily): IpAddress[] {
  return Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => IpAddress.of(address))
    .filter(address => address.family === family)
}

/** Finds a port: the one that is wanted, or any if that is allowed. */
async function openAny(options: UdpOptions): Promise<dgram.Socket> {
  const wildcard = wildcardOf(options.family)
  const wanted = options.port ?? 0
  try {
    return await open(options, wildcard, wanted, false)
  } catch (error) {
    if (!options.orAnyPort || !(error instanceof UdpOpenError) || error.reason !== 'EADDRINUSE') throw error
    return open(options, wildcard, 0, false)
  }
}

/** Opens a socket by native code if a mark has to be set, else by `node:dgram` alone. */
async function open(options: UdpOptions, address: IpAddress, port: number, shared: boolean): Promise<dgram.Socket> {
  const c = libc()
  const socket = dgram.createSocket({
    type: options.family === 4 ? 'udp4' : 'udp6',
    ipv6Only: options.family === 6,
    reuseAddr: shared,
  })
  try {
    const listening = once(socket, 'listening')
    if (c !== undefined) {
      const { fd } = openDescriptor(c, { ...options, address, port, orAnyPort: false, shared })
      socket.bind({ fd })
    } else socket.bind(port, address.text)
    await listening
    return socket
  } catch (error) {
    socket.close()
    if (error instanceof UdpOpenError) throw error
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UdpOpenError(`${address.text} port ${port}`, reason)
  }
}
