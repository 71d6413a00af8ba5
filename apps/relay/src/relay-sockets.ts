import { createArena, Later, monotonicNow, openUdpSocket, type UdpSocket } from '@sallyport/io-node'
import {
  type Drive,
  drive,
  type IpAddress,
  type IpFamily,
  type Logger,
  PacketBuffer,
  unreachable,
} from '@sallyport/sans-io'
import {
  LISTENING_SOCKET,
  MAX_INDICATION_HEADER_LENGTH,
  type TurnServer,
  type TurnServerEvent,
} from '@sallyport/turn-server'

/** Where a relay listens. */
export interface ListeningOptions {
  readonly port: number
  /** The families to listen for, each with an address of this machine, or on all (`undefined`). */
  readonly addresses: ReadonlyMap<IpFamily, IpAddress | undefined>
}

/**
 * A TURN server on its sockets: two that listen, and one for each relayed port and family.
 *
 * Data goes from socket to socket within the callback that reports it; control follows in an ordinary turn of the event
 * loop, because it opens sockets.
 */
export class RelaySockets {
  readonly #server: TurnServer
  readonly #logger: Logger
  readonly #loop: Drive<never>
  readonly #later = new Later()
  readonly #addresses: ReadonlyMap<IpFamily, IpAddress | undefined>
  readonly #listening = new Map<IpFamily, UdpSocket>()
  readonly #relayed = new Map<number, UdpSocket>()
  /** Relayed ports that are to be open; the value tells one opening from the next. */
  readonly #wanted = new Map<number, symbol>()
  readonly #received: PacketBuffer
  readonly #verdicts: PacketBuffer
  #responses = 0
  #timer: NodeJS.Timeout | undefined
  #isOpen = true

  private constructor(server: TurnServer, options: ListeningOptions, logger: Logger) {
    const arena = createArena(RECEIVE_ROOM + MAX_VERDICTS * HEADER_SLOT)
    this.#received = new PacketBuffer(arena, {
      start: 0,
      capacity: MAX_READS,
      stride: RECEIVE_ROOM / MAX_READS,
      headroom: 0,
    })
    this.#verdicts = new PacketBuffer(arena, {
      start: RECEIVE_ROOM,
      capacity: MAX_VERDICTS,
      stride: HEADER_SLOT,
      headroom: 0,
    })
    this.#server = server
    this.#addresses = options.addresses
    this.#logger = logger
    this.#loop = drive(server, {
      now: monotonicNow,
      send: transmit => this.#listening.get(transmit.remote.family)?.sendOne(transmit),
      onEvent: event => this.#handle(event),
      wakeAt: (at, wake) => {
        clearTimeout(this.#timer)
        this.#timer = at === undefined ? undefined : setTimeout(wake, Math.max(0, Math.ceil(at - monotonicNow())))
      },
    }) as Drive<never>
  }

  /** Opens the listening sockets. Rejects with a `UdpOpenError` if one of them can't be. */
  static async open(server: TurnServer, options: ListeningOptions, logger: Logger): Promise<RelaySockets> {
    const sockets = new RelaySockets(server, options, logger)
    try {
      for (const [family, address] of options.addresses) {
        const socket = await openUdpSocket({ family, port: options.port, ...(address && { address }) })
        sockets.#listening.set(family, socket)
        socket.watch(() => sockets.#receiveFromClients(socket))
      }
    } catch (error) {
      sockets.close()
      throw error
    }
    return sockets
  }

  /** Closes all sockets. */
  close(): void {
    this.#isOpen = false
    this.#loop.stop()
    for (const socket of [...this.#listening.values(), ...this.#relayed.values()]) socket.close()
    this.#listening.clear()
    this.#relayed.clear()
    this.#wanted.clear()
  }

  #receiveFromClients(socket: UdpSocket): void {
    this.#receive(socket)
    this.#server.handleClientDatagrams(this.#received, this.#verdicts, monotonicNow())
    this.#send()
    const responses = this.#server.stats.successes + this.#server.stats.errors
    if (responses === this.#responses) return
    this.#responses = responses
    this.#later.run(() => this.#loop.drain())
  }

  #receiveFromPeers(port: number, socket: UdpSocket): void {
    this.#receive(socket)
    this.#server.handlePeerDatagrams(port, this.#received, this.#verdicts)
    this.#send()
  }

  /** Receives a batch: what waits, or what fits; then it is another socket's turn. */
  #receive(socket: UdpSocket): void {
    this.#received.clear()
    this.#verdicts.clear()
    while (this.#isOpen && socket.receive(this.#received));
  }

  /** Sends what was decided, in runs that leave from one socket. */
  #send(): void {
    const out = this.#verdicts
    for (let from = 0, to = 0; from < out.count; from = to) {
      const port = out.peer[from]!
      const family = out.remote[from]!.family
      for (to = from + 1; to < out.count && out.peer[to] === port && out.remote[to]!.family === family; ) to++
      const socket = port === LISTENING_SOCKET ? this.#listening.get(family) : this.#relayed.get(keyOf(port, family))
      socket?.send(out, from, to)
    }
  }

  #handle(event: TurnServerEvent): void {
    switch (event.type) {
      case 'open-port':
        this.#openPort(event.port, event.family)
        break
      case 'close-port': {
        const key = keyOf(event.port, event.family)
        this.#wanted.delete(key)
        this.#relayed.get(key)?.close()
        this.#relayed.delete(key)
        break
      }
      case 'channel-bound': // of interest to those who relay in the kernel
      case 'channel-unbound':
        break
      default:
        unreachable(event)
    }
  }

  #openPort(port: number, family: IpFamily): void {
    const key = keyOf(port, family)
    const opening = Symbol(`port ${port}`)
    this.#wanted.set(key, opening)
    const address = this.#addresses.get(family)
    openUdpSocket({ family, port, ...(address && { address }) }).then(
      socket => {
        if (this.#wanted.get(key) !== opening) {
          socket.close()
          return
        }
        this.#relayed.set(key, socket)
        socket.watch(() => this.#receiveFromPeers(port, socket))
      },
      (error: unknown) => {
        if (this.#wanted.get(key) !== opening) return
        this.#logger.warn({ port, family, error: String(error) }, 'a relayed port can’t be opened')
        this.#server.handlePortFailure(port, monotonicNow())
        this.#loop.drain()
      },
    )
  }
}

const keyOf = (port: number, family: IpFamily): number => port * 2 + (family === 6 ? 1 : 0)

/** Memory for one batch: a few of the longest reads, or many short ones. */
const RECEIVE_ROOM = 512 * 1024
const MAX_READS = 64

/** Each read may be up to 64 datagrams. */
const MAX_VERDICTS = 64 * MAX_READS
const HEADER_SLOT = MAX_INDICATION_HEADER_LENGTH
