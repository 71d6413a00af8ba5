import type { IpPrefix } from '@sallyport/ip-packet'
import type { IpAddress, IpFamily } from '@sallyport/sans-io'
import type { TunDevice } from '../tun/tun-device.ts'
import { addAddress, bringUp, removeAddresses } from './link.ts'
import { NetlinkError } from './netlink.ts'
import { addRoute, addTunnelRule, removeRoute, removeTunnelRule } from './route.ts'

/** What the system should know about a tunnel. */
export interface TunConfiguration {
  /** Our addresses in the tunnel, each without a subnet: usually one of each family. */
  readonly addresses: readonly IpAddress[]
  /** What is reached through the tunnel. */
  readonly routes: readonly IpPrefix[]
  /** The longest packet in bytes; 1280 if left out. */
  readonly mtu?: number
}

/**
 * The addresses and routes of a TUN device, kept as they were last asked for.
 *
 * Routes lie in a table of their own, which everybody's traffic consults first except that of sockets with `OWN_MARK`.
 * So even a default route in the tunnel never captures what carries the tunnel.
 */
export class TunNetwork {
  readonly #index: number
  #addresses = ''
  #mtu = 0
  #routes = new Map<string, IpPrefix>()
  #rules: readonly IpFamily[] = []

  constructor(tun: TunDevice) {
    this.#index = tun.index
  }

  /**
   * Sets addresses, MTU and routes. What stays the same isn't touched.
   *
   * A family whose addresses the system doesn't take (IPv6 may be disabled) is left out with its routes.
   *
   * @returns the refusals that were ignored, for the log.
   * Throws a {@link NetlinkError} if no address could be set.
   */
  configure({ addresses, routes, mtu = DEFAULT_MTU }: TunConfiguration): readonly NetlinkError[] {
    const refusals: NetlinkError[] = []
    const key = addresses.map(address => address.text).join(' ')
    if (key !== this.#addresses || mtu !== this.#mtu) {
      this.#setAddresses(addresses, mtu, refusals)
      this.#addresses = key
      this.#mtu = mtu
    }
    const wanted = new Map(
      routes.filter(route => this.#rules.includes(route.family)).map(route => [route.text, route] as const),
    )
    for (const [text, route] of this.#routes) {
      if (wanted.has(text)) continue
      attempt(refusals, () => removeRoute(this.#index, route))
      this.#routes.delete(text)
    }
    for (const [text, route] of wanted) {
      if (this.#routes.has(text)) continue
      if (attempt(refusals, () => addRoute(this.#index, route))) this.#routes.set(text, route)
    }
    return refusals
  }

  /** Removes routes and rules. To be called before the device is closed. Harmless when called again. */
  close(): void {
    for (const route of this.#routes.values()) attempt([], () => removeRoute(this.#index, route))
    for (const family of this.#rules) attempt([], () => removeTunnelRule(family))
    this.#routes.clear()
    this.#rules = []
    this.#addresses = ''
  }

  #setAddresses(addresses: readonly IpAddress[], mtu: number, refusals: NetlinkError[]): void {
    removeAddresses(this.#index)
    this.#routes.clear() // they have gone with the addresses, or are added again
    bringUp(this.#index, mtu)
    const families = new Set<IpFamily>()
    for (const address of addresses)
      if (attempt(refusals, () => addAddress(this.#index, address))) families.add(address.family)
    if (families.size === 0 && refusals.length > 0) throw refusals[0]!
    this.#rules = [...families].filter(family => attempt(refusals, () => addTunnelRule(family)))
  }
}

/** Returns whether `action` went well; remembers a refusal. */
function attempt(refusals: NetlinkError[], action: () => void): boolean {
  try {
    action()
    return true
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    refusals.push(error)
    return false
  }
}

const DEFAULT_MTU = 1280
