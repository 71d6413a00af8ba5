import { type IpAddress, type IpFamily, type Millis, minutes } from '@sallyport/sans-io'
import { Firewall } from './firewall.ts'
import { Nat } from './nat.ts'
import type { NatBehaviour, NatKind } from './nat-behaviour.ts'
import { type Cable, cable, type Flight, Segment, type Station, throughCable, type World } from './segment.ts'

/** What a router is made with. */
export interface RouterOptions {
  /** A name for messages. */
  readonly name: string
  /** Its address in the outer segment, shared by all IPv4 hosts behind it; without one, IPv4 isn't translated. */
  readonly address?: IpAddress
  /** How it translates IPv4; default `port-restricted`. */
  readonly nat?: NatKind | NatBehaviour
  /** Whether addresses that aren't translated can be reached from outside without being asked; default `false`. */
  readonly open?: boolean
  /** How long mappings live that aren't used; default 2 minutes. */
  readonly timeout?: Millis
  /** The cable that leads out. */
  readonly cable?: Partial<Cable>
}

/**
 * A box between two segments: translates IPv4 when it has an address for that, and routes everything else.
 *
 * Unless its NAT hairpins, a host behind it that sends to the outer address reaches nobody, as with many boxes in the
 * field.
 */
export class Router {
  /** What lies behind it. */
  readonly inside: Segment
  /** The translation table, if IPv4 is translated. */
  readonly nat: Nat | undefined
  /** The cable that leads out. */
  readonly cable: Cable
  readonly #world: World
  readonly #outside: Segment
  readonly #firewall: Firewall | undefined
  readonly #innerFace: Station
  readonly #outerFace: Station

  constructor(world: World, outside: Segment, options: RouterOptions) {
    const timeout = options.timeout ?? minutes(2)
    this.#world = world
    this.#outside = outside
    this.cable = cable({ latency: 1, ...options.cable })
    this.nat =
      options.address === undefined
        ? undefined
        : new Nat(options.nat ?? 'port-restricted', options.address, timeout, world.dice.fork())
    this.#firewall = options.open === true ? undefined : new Firewall(timeout)
    this.inside = new Segment(`${options.name} (inside)`, world)
    this.#innerFace = { cable: cable({ latency: 0 }), receive: flight => this.#out(flight) }
    this.#outerFace = { cable: this.cable, receive: flight => this.#in(flight) }
    this.inside.setUplink(this.#innerFace, (ip, reachable) => this.#announce(ip, reachable))
    if (options.address !== undefined) outside.attach(options.address, this.#outerFace)
  }

  #translates(family: IpFamily): boolean {
    return family === 4 && this.nat !== undefined
  }

  #announce(ip: IpAddress, reachable: boolean): void {
    if (this.#translates(ip.family)) return
    if (reachable) this.#outside.attach(ip, this.#outerFace)
    else this.#outside.detach(ip)
  }

  #out(flight: Flight): void {
    const { source, destination } = flight
    const now = this.#world.clock.now
    const translated = this.#translates(source.family) ? this.nat!.outbound(source, destination, now) : source
    if (translated === source) this.#firewall?.outbound(source, destination, now)
    else if (this.nat!.hairpins(destination)) {
      this.#in({ ...flight, source: translated })
      return
    }
    throughCable(this.#world, this.cable, { ...flight, source: translated }, sent =>
      this.#outside.carry(sent, this.#outerFace),
    )
  }

  #in(flight: Flight): void {
    const { source, destination } = flight
    const now = this.#world.clock.now
    if (this.#translates(destination.family)) {
      const inner = this.nat!.inbound(destination.port, source, now)
      if (inner === undefined) {
        this.#world.lost(flight, 'no-mapping')
        return
      }
      this.inside.carry({ ...flight, destination: inner }, this.#innerFace)
      return
    }
    if (this.#firewall !== undefined && !this.#firewall.inbound(destination, source, now)) {
      this.#world.lost(flight, 'filtered')
      return
    }
    this.inside.carry(flight, this.#innerFace)
  }
}
