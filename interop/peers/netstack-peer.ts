// Our TCP on a TUN device, behind a bad line, in a process of its own: node interop/peers/netstack-peer.ts CONFIGURATION
// CONFIGURATION is JSON. Prints `up`; hashes what comes to port 5001, and sends as much to the kernel's port 5002 at the
// same time; prints `received BYTES SHA256` and `sent BYTES SHA256`.
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { createPacketMemory, driveOnNode, monotonicNow, nodeRandom, openTun, TunNetwork } from '@sallyport/io-node'
import { IpPrefix, TrainCutter } from '@sallyport/ip-packet'
import { NetStack, type NetStackEvent, type TcpSocket } from '@sallyport/netstack'
import { SocketAddress } from '@sallyport/sans-io'

/** What our end is told. */
export interface NetStackConfiguration {
  /** Without ports; in the form that they have in front of one. */
  readonly ours: string
  readonly theirs: string
  readonly bytes: number
  /** Shares of packets that are lost, or held back for a while, in each direction. */
  readonly loss: number
  readonly reordering: number
}

function main({ ours, theirs, bytes, loss, reordering }: NetStackConfiguration): void {
  const [listenAddress, ourAddress, theirAddress] = [`${ours}:5001`, `${ours}:0`, `${theirs}:5002`].map(
    SocketAddress.of,
  )
  const tun = openTun({ name: 'netstack0' })
  new TunNetwork(tun).configure({
    addresses: [theirAddress!.ip],
    routes: [IpPrefix.of(`${ourAddress!.ip}/${ourAddress!.family === 4 ? 32 : 128}`)],
  })
  const stack = new NetStack({
    random: nodeRandom,
    addresses: [ourAddress!.ip],
    sendBuffer: BUFFER,
    receiveBuffer: BUFFER,
  })
  const { trains, packets } = createPacketMemory(stack.mtu)
  const cutter = new TrainCutter()
  const write = (packet: Uint8Array): void => {
    packets.clear()
    packets.appendCopy(packet)
    tun.write(packets)
  }
  const toKernel = new BadLine(write, loss, reordering)
  const toUs = new BadLine(packet => void loop.input(packet), loss, reordering)
  let source: Source | undefined
  const received = createHash('sha256')
  let count = 0
  let isDone = false

  const loop = driveOnNode<Uint8Array, Uint8Array, NetStackEvent>(stack, {
    send: packet => toKernel.carry(packet),
    onEvent(event) {
      switch (event.type) {
        case 'accepted':
          source = new Source(stack.connectTcp(ourAddress!, theirAddress!, monotonicNow()), bytes)
          break
        case 'connected':
        case 'writable':
          source?.write()
          break
        case 'readable': {
          const isTheirs = event.socket.local.port === listenAddress!.port
          if (isDone || !isTheirs) break // told before, or the end of the stream that we have sent
          const chunk = event.socket.receive()
          received.update(chunk)
          count += chunk.length
          if (!event.socket.isEnded) break
          isDone = true
          console.log(`received ${count} ${received.digest('hex')}`)
          event.socket.shutdown(monotonicNow())
          break
        }
        case 'closed':
          console.log(`closed: ${event.reason}`)
          break
        case 'datagrams':
          break
      }
    },
  })

  stack.listenTcp(listenAddress!)
  setInterval(() => {
    toUs.release()
    toKernel.release()
  }, HELD_MS)
  tun.watch(() => {
    trains.clear()
    for (let more = true; more && trains.free > 0; ) more = tun.read(trains)
    for (let i = 0; i < trains.count; i++) {
      const defect = cutter.begin(
        trains.arena,
        trains.offset[i]!,
        trains.length[i]!,
        trains.segmentSize[i]!,
        trains.flags[i]!,
      )
      while (defect === undefined && cutter.next())
        toUs.carry(trains.arena.bytes.subarray(cutter.segmentOffset, cutter.segmentOffset + cutter.segmentLength))
    }
  })
  console.log(`up: ${tun.kind}`)
}

/** Loses packets, and holds others back so that those behind them arrive first. */
class BadLine {
  readonly #deliver: (packet: Uint8Array) => void
  readonly #loss: number
  readonly #reordering: number
  #held: Uint8Array[] = []

  constructor(deliver: (packet: Uint8Array) => void, loss: number, reordering: number) {
    this.#deliver = deliver
    this.#loss = loss
    this.#reordering = reordering
  }

  carry(packet: Uint8Array): void {
    const lot = Math.random()
    if (lot < this.#loss) return
    if (lot < this.#loss + this.#reordering) this.#held.push(packet.slice())
    else this.#deliver(packet)
  }

  release(): void {
    for (const packet of this.#held.splice(0)) this.#deliver(packet)
  }
}

/** Random bytes for a socket, as fast as it takes them. */
class Source {
  readonly #socket: TcpSocket
  readonly #total: number
  readonly #randomness = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  readonly #hash = createHash('sha256')
  #sent = 0
  /** What the socket had no room for. */
  #left: Uint8Array = EMPTY

  constructor(socket: TcpSocket, total: number) {
    this.#socket = socket
    this.#total = total
  }

  write(): void {
    for (; this.#sent < this.#total; this.#left = EMPTY) {
      if (this.#left.length === 0) this.#left = this.#next()
      const count = this.#socket.write(this.#left, monotonicNow())
      this.#sent += count
      if (count === this.#left.length) continue
      this.#left = this.#left.subarray(count)
      return // a `writable` event follows
    }
    if (this.#socket.state === 'established') {
      this.#socket.shutdown(monotonicNow())
      console.log(`sent ${this.#total} ${this.#hash.digest('hex')}`)
    }
  }

  #next(): Uint8Array {
    const chunk = this.#randomness.update(new Uint8Array(Math.min(CHUNK, this.#total - this.#sent)))
    this.#hash.update(chunk)
    return chunk
  }
}

const CHUNK = 64 * 1024
const EMPTY = new Uint8Array(0)
const BUFFER = 256 * 1024
const HELD_MS = 2

if (import.meta.main) main(JSON.parse(process.argv[2] ?? '') as NetStackConfiguration)
