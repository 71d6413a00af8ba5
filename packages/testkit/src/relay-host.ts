import {
  Arena,
  concatBytes,
  PacketBuffer,
  type Random,
  SocketAddress,
  type StunCrypto,
  type Transmit,
  type WallClock,
} from '@sallyport/sans-io'
import { formatUsername, newStampSecret, relayPassword, TurnServer } from '@sallyport/turn-server'
import { fastCrypto } from './fast-crypto.ts'
import type { BoundSocket, Host } from './network/host.ts'
import type { SimulatedNetwork } from './network/network.ts'

/** How a relay in the simulated internet is made. */
export interface RelayHostOptions {
  /** Its addresses, as text: at most one of each family. */
  readonly addresses: readonly string[]
  /** The same as that of its clients; {@link fastCrypto} by default. */
  readonly crypto?: StunCrypto
  /** One-way delay of its cable in milliseconds; default 5. */
  readonly latency?: number
}

/** What a client has to know to use a relay. */
export interface RelayAccess {
  readonly v4?: SocketAddress
  readonly v6?: SocketAddress
  readonly username: string
  readonly password: string
  readonly realm: string
}

const LISTENING_PORT = 3478
const LAYOUT = { start: 0, capacity: 4, stride: 2048, headroom: 128 } as const
/** 2025-09-23, by which the relay's calendar starts. */
const START = 1_758_585_600_000 as WallClock

/** A relay in the simulated internet: a {@link TurnServer} with its sockets. */
export class RelayHost {
  readonly host: Host
  readonly #network: SimulatedNetwork
  readonly #crypto: StunCrypto
  readonly #random: Random
  #secret = ''
  #server: TurnServer
  readonly #sockets = new Map<number, { readonly socket: BoundSocket; families: number }>()
  #listening: BoundSocket | undefined
  #stop: () => void = () => {}
  readonly #in: PacketBuffer
  readonly #out: PacketBuffer
  #users = 0

  constructor(network: SimulatedNetwork, name: string, options: RelayHostOptions) {
    const { addresses, crypto = fastCrypto, latency = 5 } = options
    this.#network = network
    this.#crypto = crypto
    this.#random = network.random()
    this.host = network.addHost(name, { addresses, cable: { latency } })
    const arena = Arena.ofLength(2 * LAYOUT.capacity * LAYOUT.stride)
    this.#in = new PacketBuffer(arena, LAYOUT)
    this.#out = new PacketBuffer(arena, { ...LAYOUT, start: LAYOUT.capacity * LAYOUT.stride })
    this.#server = this.start()
  }

  /** The machine. */
  get server(): TurnServer {
    return this.#server
  }

  /** What it tells its portal, which makes credentials with it. Another one after each {@link start}. */
  get stampSecret(): string {
    return this.#secret
  }

  /** Makes credentials for a new user, as the portal does. */
  newUser(): RelayAccess {
    const expiry = `${Math.floor(START / 1000) + 1_000_000}`
    const user = { expiry, salt: `user${this.#users++}` }
    const v4 = this.host.addressFor(4)
    const v6 = this.host.addressFor(6)
    return {
      ...(v4 && { v4: new SocketAddress(v4, LISTENING_PORT) }),
      ...(v6 && { v6: new SocketAddress(v6, LISTENING_PORT) }),
      username: formatUsername(user),
      password: relayPassword(user, this.#secret, this.#crypto),
      realm: 'firezone',
    }
  }

  /** Stops as if its plug were pulled, and forgets everything. */
  kill(): void {
    this.#stop()
    this.#listening?.close()
    for (const { socket } of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }

  /** Starts again after {@link kill}, with another secret: nobody's credentials are worth anything any more. */
  start(): TurnServer {
    this.#secret = newStampSecret(this.#random)
    const v4 = this.host.addressFor(4)
    const v6 = this.host.addressFor(6)
    const server = new TurnServer({
      addresses: { ...(v4 && { v4 }), ...(v6 && { v6 }) },
      secret: this.#secret,
      crypto: this.#crypto,
      random: this.#random,
      calendar: { instant: this.#network.now, wallClock: START },
    })
    this.#server = server
    const listening = this.host.bind(LISTENING_PORT, ({ local, remote, payload }) => {
      this.#receive(local, remote, payload)
      server.handleClientDatagrams(this.#in, this.#out, this.#network.now)
      this.#forward()
      running.drain()
    })
    this.#listening = listening
    const running = this.host.drive(server, listening, event => {
      if (event.type === 'open-port') this.#open(event.port)
      else if (event.type === 'close-port') this.#close(event.port)
    })
    this.#stop = () => running.stop()
    return server
  }

  #receive(local: SocketAddress, remote: SocketAddress, payload: Uint8Array): void {
    this.#in.clear()
    this.#out.clear()
    const index = this.#in.appendCopy(payload)
    this.#in.local[index] = local
    this.#in.remote[index] = remote
  }

  #forward(): void {
    const out = this.#out
    for (let i = 0; i < out.count; i++) {
      const header = out.headerOffset[i]!
      const prefix = out.arena.bytes.subarray(header, header + out.headerLength[i]!)
      const payload = concatBytes(prefix, out.bytesOf(i))
      const port = out.peer[i]!
      const socket = port < 0 ? this.#listening : this.#sockets.get(port)?.socket
      const transmit: Transmit = { local: out.local[i], remote: out.remote[i]!, payload }
      socket?.send(transmit)
    }
  }

  #open(port: number): void {
    const known = this.#sockets.get(port)
    if (known !== undefined) {
      known.families++
      return
    }
    const socket = this.host.bind(port, ({ local, remote, payload }) => {
      this.#receive(local, remote, payload)
      this.#server.handlePeerDatagrams(port, this.#in, this.#out)
      this.#forward()
    })
    this.#sockets.set(port, { socket, families: 1 })
  }

  #close(port: number): void {
    const known = this.#sockets.get(port)
    if (known === undefined || --known.families > 0) return
    known.socket.close()
    this.#sockets.delete(port)
  }
}
