import {
  copyBytes,
  type Datagram,
  type Drive,
  drive,
  type Instant,
  type IpAddress,
  type IpFamily,
  type SansIo,
  SocketAddress,
  type Transmit,
} from '@sallyport/sans-io'
import type { Appointment } from './clock.ts'
import { type Cable, cable, type Flight, type Segment, type Station, throughCable, type World } from './segment.ts'

/** Takes what arrives at a bound port. `ecn`: the two ECN bits of the IP header. */
export type Receiver = (datagram: Datagram, ecn: number) => void

/** A socket on every address of a host. */
export interface BoundSocket {
  /** The port that was bound. */
  readonly port: number
  /** Sends; what has a `local` that isn't an address of this host and this port is lost. */
  send(transmit: Transmit, ecn?: number): void
  /** Stops receiving and frees the port. */
  close(): void
}

/** Where and how a machine runs on a host. */
export interface RunOptions<Event> {
  /** The UDP port; default 52625. */
  readonly port?: number
  /** Takes the machine's events; they are dropped otherwise. */
  readonly onEvent?: (event: Event) => void
}

/** A machine that runs on a host. */
export interface Running<Input> extends Drive<Input> {
  readonly socket: BoundSocket
}

interface Interface {
  readonly segment: Segment
  readonly addresses: IpAddress[]
}

/** A computer: some addresses, some sockets, one cable. */
export class Host implements Station {
  /** A name for messages. */
  readonly name: string
  /** Its cable; may be changed at any time. */
  readonly cable: Cable
  readonly #world: World
  readonly #interfaces: Interface[] = []
  #addresses: readonly IpAddress[] = []
  readonly #sockets = new Map<number, Receiver>()
  #ephemeral = 49_152

  constructor(name: string, world: World, quality: Partial<Cable> = {}) {
    this.name = name
    this.#world = world
    this.cable = cable(quality)
  }

  /** The present. */
  get now(): Instant {
    return this.#world.clock.now
  }

  /** All its addresses, those of the first interface first. */
  get addresses(): readonly IpAddress[] {
    return this.#addresses
  }

  /** Plugs it into `segment`, where it has `addresses`. */
  plugIn(segment: Segment, addresses: readonly IpAddress[]): void {
    for (const ip of addresses) segment.attach(ip, this)
    this.#interfaces.push({ segment, addresses: [...addresses] })
    this.#addresses = this.#interfaces.flatMap(each => each.addresses)
  }

  /** Pulls all plugs; sockets stay open. */
  unplug(): void {
    for (const { segment, addresses } of this.#interfaces) for (const ip of addresses) segment.detach(ip)
    this.#interfaces.length = 0
    this.#addresses = []
  }

  /** Moves to `segment`, as a laptop does between networks; sockets stay open. */
  roam(segment: Segment, addresses: readonly IpAddress[]): void {
    this.unplug()
    this.plugIn(segment, addresses)
  }

  /** Returns the address that datagrams to `family` leave from when nothing else is asked for. */
  addressFor(family: IpFamily): IpAddress | undefined {
    return this.addresses.find(ip => ip.family === family)
  }

  /** Opens a socket on `port` (0: a free one) of every address. Throws if it is taken. */
  bind(port: number, receiver: Receiver): BoundSocket {
    if (port === 0) while (this.#sockets.has((port = this.#ephemeral++)));
    if (this.#sockets.has(port)) throw new Error(`${this.name}: port ${port} is taken`)
    this.#sockets.set(port, receiver)
    return {
      port,
      send: (transmit, ecn = 0) => this.#send(port, transmit, ecn),
      close: () => this.#sockets.delete(port),
    }
  }

  /** Lets `machine` live here: its datagrams go through a socket, its timer is the world's clock. */
  run<Event>(machine: SansIo<Datagram, Transmit, Event>, options: RunOptions<Event> = {}): Running<Datagram> {
    const socket = this.bind(options.port ?? 52_625, datagram => running.input(datagram))
    const running = this.drive(machine, socket, options.onEvent)
    return { ...running, socket, stop: () => [running.stop(), socket.close()] }
  }

  /** Drives `machine` with this world's clock and sends what it wants through `socket`. */
  drive<Input, Event>(
    machine: SansIo<Input, Transmit, Event>,
    socket: BoundSocket,
    onEvent: (event: Event) => void = () => {},
  ): Drive<Input> {
    let alarm: Appointment | undefined
    return drive(machine, {
      now: () => this.#world.clock.now,
      send: transmit => socket.send(transmit),
      onEvent,
      wakeAt: (at, wake) => {
        alarm?.cancel()
        alarm = at === undefined ? undefined : this.#world.clock.at(at, wake)
      },
    })
  }

  receive(flight: Flight): void {
    const receiver = this.#sockets.get(flight.destination.port)
    if (receiver === undefined) {
      this.#world.lost(flight, 'port-closed')
      return
    }
    receiver({ local: flight.destination, remote: flight.source, payload: flight.payload }, flight.ecn)
  }

  #send(port: number, { local, remote, payload }: Transmit, ecn: number): void {
    const out = this.#interfaces.find(({ addresses }) =>
      addresses.some(ip => (local === undefined ? ip.family === remote.family : ip.equals(local.ip))),
    )
    const ip = local?.ip ?? out?.addresses.find(address => address.family === remote.family)
    // Copied: a receiver may decrypt in place, and the sender may use its buffer again.
    const flight = {
      source: new SocketAddress(ip ?? remote.ip, port),
      destination: remote,
      ecn,
      payload: copyBytes(payload),
    }
    if (out === undefined || (local !== undefined && local.port !== port)) {
      this.#world.lost(flight, 'not-ours')
      return
    }
    if (this.addresses.some(own => own.equals(remote.ip))) {
      this.#world.clock.at(this.now, () => this.receive(flight))
      return
    }
    throughCable(this.#world, this.cable, flight, sent => out.segment.carry(sent, this))
  }
}
