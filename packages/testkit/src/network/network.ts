import { type Instant, IpAddress, type Millis, minutes, type Random } from '@sallyport/sans-io'
import { VirtualClock } from './clock.ts'
import { Dice } from './dice.ts'
import { Host } from './host.ts'
import { Router, type RouterOptions } from './router.ts'
import { type Cable, type Flight, type Loss, Segment, type World } from './segment.ts'

/** Where a host is plugged in, and how. */
export interface HostOptions {
  /** Its addresses, as text. */
  readonly addresses: readonly string[]
  /** Where it is plugged in: a segment, or behind a router; default: the internet. */
  readonly on?: Segment | Router
  /** Its cable. */
  readonly cable?: Partial<Cable>
}

/** What a router is made with, besides its name. */
export interface NatOptions extends Omit<RouterOptions, 'name' | 'address'> {
  /** The address that the outside sees, as text; without one, IPv4 isn't translated. */
  readonly address?: string
  /** Where its outer side is plugged in; default: the internet. */
  readonly on?: Segment | Router
}

/**
 * An internet in memory: hosts, cables, routers and NATs on a clock that jumps.
 *
 * An hour of keepalives takes a millisecond, and one seed always tells the same story.
 */
export class SimulatedNetwork {
  /** What all the rest hangs on. */
  readonly internet: Segment
  /** The clock that everything lives by. */
  readonly clock: VirtualClock
  /** What this world was made from. */
  readonly seed: number
  readonly #dice: Dice
  readonly #world: World
  readonly #watchers: ((flight: Flight, why: Loss) => void)[] = []

  /** @param seed - Any integer: it decides on losses, delays and the ports of NATs. */
  constructor(seed = 1) {
    this.seed = seed
    this.clock = new VirtualClock()
    this.#dice = new Dice(seed)
    this.#world = {
      clock: this.clock,
      taps: new Map(),
      dice: this.#dice.fork(),
      lost: (flight, why) => {
        for (const watch of this.#watchers) watch(flight, why)
      },
    }
    this.internet = new Segment('the internet', this.#world)
  }

  /** The present. */
  get now(): Instant {
    return this.clock.now
  }

  /** Returns a source of bytes for one machine: seeded, and independent of all others. */
  random(): Random {
    return this.#dice.fork().random
  }

  /** Adds a computer. */
  addHost(name: string, options: HostOptions): Host {
    const host = new Host(name, this.#world, options.cable)
    host.plugIn(
      this.#segment(options.on),
      options.addresses.map(text => IpAddress.of(text)),
    )
    return host
  }

  /** Adds a router, behind which hosts can be plugged in. */
  addRouter(name: string, options: NatOptions = {}): Router {
    const { address, on, ...rest } = options
    return new Router(this.#world, this.#segment(on), {
      ...rest,
      name,
      ...(address === undefined ? {} : { address: IpAddress.of(address) }),
    })
  }

  /** Calls `watch` for every datagram that does not arrive. */
  onLoss(watch: (flight: Flight, why: Loss) => void): void {
    this.#watchers.push(watch)
  }

  /**
   * Calls `watch` for every datagram that is put into `cable`, from either end, before the cable does anything to it;
   * `undefined` ends that.
   */
  tap(cable: Cable, watch: ((flight: Flight) => void) | undefined): void {
    if (watch === undefined) this.#world.taps.delete(cable)
    else this.#world.taps.set(cable, watch)
  }

  /** Loses every datagram that `isBlocked` holds for, wherever it is put into a cable; `undefined` ends that. */
  block(isBlocked: ((flight: Flight) => boolean) | undefined): void {
    this.#world.isBlocked = isBlocked
  }

  /** Lets `length` pass. */
  run(length: Millis): void {
    this.clock.run(length)
  }

  /** Lets time pass until `done` holds; returns whether it did within `limit` (default: 2 minutes). */
  runUntil(done: () => boolean, limit: Millis = minutes(2)): boolean {
    return this.clock.runUntil(done, limit)
  }

  #segment(on: Segment | Router | undefined): Segment {
    return on === undefined ? this.internet : on instanceof Router ? on.inside : on
  }
}
