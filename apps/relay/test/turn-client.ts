import dgram from 'node:dgram'
import { once } from 'node:events'
import { monotonicNow, nodeCrypto, nodeRandom } from '@sallyport/io-node'
import { drive, IpAddress, SocketAddress } from '@sallyport/sans-io'
import { parseChannelData, writeChannelDataHeader } from '@sallyport/stun'
import { Allocation } from '@sallyport/turn-client'
import { formatUsername, relayPassword } from '@sallyport/turn-server'
import { SECRET } from './relay-process.ts'

/** What one end has received and nobody has taken yet. */
class Inbox {
  readonly #waiting: { readonly from: string; readonly text: string }[] = []
  #wake: (() => void) | undefined

  put(from: SocketAddress, payload: Uint8Array): void {
    this.#waiting.push({ from: from.key, text: new TextDecoder().decode(payload) })
    this.#wake?.()
  }

  async next(): Promise<{ readonly from: string; readonly text: string }> {
    while (this.#waiting.length === 0) await new Promise<void>(resolve => (this.#wake = resolve))
    return this.#waiting.shift()!
  }
}

async function openSocket(): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

const addressOf = (info: { readonly address: string; readonly port: number }): SocketAddress =>
  new SocketAddress(IpAddress.of(info.address), info.port)

/** An ordinary UDP socket. */
export class UdpPeer {
  readonly address: SocketAddress
  readonly #socket: dgram.Socket
  readonly #inbox = new Inbox()

  private constructor(socket: dgram.Socket) {
    this.#socket = socket
    this.address = addressOf(socket.address())
    socket.on('message', (payload, from) => this.#inbox.put(addressOf(from), payload))
  }

  static async open(): Promise<UdpPeer> {
    return new UdpPeer(await openSocket())
  }

  send(to: SocketAddress, text: string): void {
    this.#socket.send(text, to.port, to.ip.text)
  }

  next(): ReturnType<Inbox['next']> {
    return this.#inbox.next()
  }

  close(): void {
    this.#socket.close()
  }
}

/** Our own client machine on a socket. */
export class TurnClient {
  readonly allocation: Allocation
  readonly #socket: dgram.Socket
  readonly #inbox = new Inbox()
  readonly #loop: { drain(): void; stop(): void }
  #timer: NodeJS.Timeout | undefined
  #onProgress: (() => void) | undefined

  private constructor(socket: dgram.Socket, port: number) {
    this.#socket = socket
    const user = { expiry: String(Math.floor(Date.now() / 1000) + 3600), salt: 'test' }
    const crypto = nodeCrypto()
    this.allocation = new Allocation(
      {
        server: { v4: SocketAddress.of(`127.0.0.1:${port}`) },
        credentials: {
          username: formatUsername(user),
          password: relayPassword(user, SECRET, crypto),
          realm: 'firezone',
        },
        software: 'test',
        crypto,
        random: nodeRandom,
      },
      monotonicNow(),
    )
    const loop = drive(this.allocation, {
      now: monotonicNow,
      send: ({ remote, payload }) => socket.send(payload, remote.port, remote.ip.text),
      onEvent: () => {},
      wakeAt: (at, wake) => {
        clearTimeout(this.#timer)
        this.#timer = at === undefined ? undefined : setTimeout(wake, Math.ceil(at - monotonicNow()))
      },
      flush: () => this.#onProgress?.(),
    })
    this.#loop = loop
    const local = addressOf(socket.address())
    socket.on('message', (payload, from) => {
      const data = parseChannelData(payload)
      if (typeof data === 'string') {
        loop.input({ local, remote: addressOf(from), payload })
        return
      }
      const peer = this.allocation.receiveOn(data.channel, monotonicNow())
      if (peer !== undefined) this.#inbox.put(peer, data.payload)
    })
  }

  static async open(port: number): Promise<TurnClient> {
    const client = new TurnClient(await openSocket(), port)
    await client.#until(() => client.allocation.isAllocated)
    return client
  }

  async bind(peer: SocketAddress): Promise<void> {
    this.allocation.bindChannel(peer, monotonicNow())
    this.#loop.drain()
    await this.#until(() => {
      const channel = this.allocation.channelTo(peer, monotonicNow())
      return channel !== undefined && this.allocation.peerOf(channel) !== undefined
    })
  }

  send(peer: SocketAddress, text: string): void {
    const payload = new TextEncoder().encode(text)
    const datagram = new Uint8Array(4 + payload.length)
    writeChannelDataHeader(datagram, 0, this.allocation.channelTo(peer, monotonicNow())!, payload.length)
    datagram.set(payload, 4)
    const server = this.allocation.activeServer!
    this.#socket.send(datagram, server.port, server.ip.text)
  }

  next(): ReturnType<Inbox['next']> {
    return this.#inbox.next()
  }

  free(): void {
    this.allocation.free(monotonicNow())
    this.#loop.drain()
  }

  close(): void {
    this.#loop.stop()
    this.#socket.close()
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await new Promise<void>(resolve => (this.#onProgress = resolve))
  }
}
