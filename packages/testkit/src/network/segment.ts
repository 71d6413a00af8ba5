import type { IpAddress, Millis, SocketAddress } from '@sallyport/sans-io'
import type { VirtualClock } from './clock.ts'
import type { Dice } from './dice.ts'

/** A datagram under way. */
export interface Flight {
  readonly source: SocketAddress
  readonly destination: SocketAddress
  /** The two ECN bits of the IP header. */
  readonly ecn: number
  readonly payload: Uint8Array
}

/** How good a cable is; may be changed while datagrams are under way. */
export interface Cable {
  /** One-way delay in milliseconds. */
  latency: number
  /** How much the delay varies: up to so many milliseconds are added, so that datagrams overtake each other. */
  jitter: number
  /** The probability that a datagram is lost: 1 is a cable that was pulled. */
  loss: number
  /** The probability that a datagram arrives twice. */
  duplication: number
  /** The probability that an ECN-capable datagram is marked as having met congestion (RFC 3168 §5). */
  congestion: number
  /** The probability that a datagram is held back for {@link Cable.holdBack}, so that later ones overtake it. */
  reordering: number
  /** How long a datagram that is reordered is late, in milliseconds. */
  holdBack: number
  /** The longest IP packet that passes, in bytes, headers included. */
  mtu: number
}

/** Returns a cable without faults whose one-way delay is 5 ms, but for what is given. */
export const cable = (quality: Partial<Cable> = {}): Cable => ({
  latency: 5,
  jitter: 0,
  loss: 0,
  duplication: 0,
  congestion: 0,
  reordering: 0,
  holdBack: 20,
  mtu: 1500,
  ...quality,
})

/** Who can be plugged into a segment. */
export interface Station {
  readonly cable: Cable
  /** Takes a datagram that arrived. */
  receive(flight: Flight): void
}

/** Why a datagram did not arrive. */
export type Loss = 'cable' | 'too-long' | 'no-route' | 'filtered' | 'no-mapping' | 'port-closed' | 'not-ours'

/** What is the same for everything in one simulated internet. */
export interface World {
  readonly clock: VirtualClock
  readonly dice: Dice
  /** Told of every datagram that does not arrive. */
  lost(flight: Flight, why: Loss): void
  /** What is lost wherever it is. */
  isBlocked?: ((flight: Flight) => boolean) | undefined
  /** Who sees what goes into a cable. */
  readonly taps: Map<Cable, (flight: Flight) => void>
}

/** Bytes of the IP and UDP headers in front of a payload. */
const headersOf = ({ destination }: Flight): number => (destination.family === 4 ? 28 : 48)

const CE = 3

/** Sends `flight` through `cable`, at whose end `arrive` takes it. */
export function throughCable(world: World, quality: Cable, flight: Flight, arrive: (flight: Flight) => void): void {
  if (world.taps.size > 0) world.taps.get(quality)?.(flight)
  if (world.isBlocked?.(flight) === true) {
    world.lost(flight, 'filtered')
    return
  }
  if (flight.payload.length + headersOf(flight) > quality.mtu) {
    world.lost(flight, 'too-long')
    return
  }
  if (world.dice.happens(quality.loss)) {
    world.lost(flight, 'cable')
    return
  }
  const marked = flight.ecn !== 0 && world.dice.happens(quality.congestion) ? { ...flight, ecn: CE } : flight
  const copies = world.dice.happens(quality.duplication) ? 2 : 1
  for (let i = 0; i < copies; i++) {
    const late = world.dice.happens(quality.reordering) ? quality.holdBack : 0
    const delay = quality.latency + late + (quality.jitter > 0 ? world.dice.roll() * quality.jitter : 0)
    world.clock.in(delay as Millis, () => arrive(marked))
  }
}

/** A piece of network in which everybody reaches everybody: the internet, or what lies behind one router. */
export class Segment {
  /** A name for messages. */
  readonly name: string
  readonly #world: World
  readonly #stations = new Map<string, Station>()
  #uplink: { readonly station: Station; readonly announce: (ip: IpAddress, reachable: boolean) => void } | undefined

  constructor(name: string, world: World) {
    this.name = name
    this.#world = world
  }

  /** Makes `station` the owner of `ip`. Throws if it has another owner. */
  attach(ip: IpAddress, station: Station): void {
    const owner = this.#stations.get(ip.text)
    if (owner !== undefined && owner !== station) throw new Error(`${ip} exists twice in ${this.name}`)
    this.#stations.set(ip.text, station)
    this.#uplink?.announce(ip, true)
  }

  /** Frees `ip`. */
  detach(ip: IpAddress): void {
    this.#stations.delete(ip.text)
    this.#uplink?.announce(ip, false)
  }

  /** Names the way out: where datagrams go whose destination isn't in this segment. */
  setUplink(station: Station, announce: (ip: IpAddress, reachable: boolean) => void): void {
    this.#uplink = { station, announce }
  }

  /** Takes a datagram to whoever owns its destination, or out. `from` isn't handed its own datagrams. */
  carry(flight: Flight, from: Station): void {
    const target = this.#stations.get(flight.destination.ip.text) ?? this.#uplink?.station
    if (target === undefined || target === from) {
      this.#world.lost(flight, 'no-route')
      return
    }
    throughCable(this.#world, target.cable, flight, arrived => target.receive(arrived))
  }
}
