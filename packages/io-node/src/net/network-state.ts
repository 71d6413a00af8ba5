import {
  type Link,
  type LinkAddress,
  parseLink,
  parseLinkAddress,
  parseRoute,
  type Route,
  type RouteMessage,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
} from './route-messages.ts'

/**
 * How a machine reaches the rest of the world: through which interfaces and routers, and from which addresses.
 *
 * A way out is a next hop of a default route, or of any route that has a router; only the addresses of interfaces with
 * one count. So neither containers nor bridges that come and go make a difference, nor do other people's tunnels as long
 * as they don't take everything.
 */
export interface NetworkState {
  /** Family, interface and router of each way out. */
  readonly ways: ReadonlySet<string>
  /** Interface and address; those that others should be preferred to, too. */
  readonly addresses: ReadonlySet<string>
  /** The subset that new connections should use. */
  readonly preferred: ReadonlySet<string>
}

/** What is to be left out of a {@link NetworkState}. */
export interface OwnNetwork {
  /** The index of our own TUN device. */
  readonly interface: number | undefined
  /** The routing table of our own. */
  readonly table: number
}

/** Sums up what the kernel knows. */
export function networkStateOf(
  parts: {
    readonly links: readonly Link[]
    readonly addresses: readonly LinkAddress[]
    readonly routes: readonly Route[]
  },
  own: OwnNetwork,
): NetworkState {
  const usable = new Set(
    parts.links
      .filter(({ index, isLoopback, isRunning }) => isRunning && !isLoopback && index !== own.interface)
      .map(({ index }) => index),
  )
  const ways = new Set<string>()
  const leadsOut = new Set<string>()
  for (const route of parts.routes) {
    if (!leadsElsewhere(route, own)) continue
    for (const { index, router } of route.hops) {
      if (!usable.has(index)) continue
      ways.add(`${route.family} ${index} ${router}`)
      leadsOut.add(`${route.family} ${index}`)
    }
  }
  const counted = parts.addresses.filter(
    ({ address, index, isGlobal, isPassing }) =>
      isGlobal && !isPassing && leadsOut.has(`${address.length === 8 ? 4 : 6} ${index}`),
  )
  const keyOf = ({ address, index }: LinkAddress): string => `${index} ${address}`
  return {
    ways,
    addresses: new Set(counted.map(keyOf)),
    preferred: new Set(counted.filter(({ isDeprecated }) => !isDeprecated).map(keyOf)),
  }
}

/** Returns whether a message may be about a way out. */
export function mayMatter({ type, body }: RouteMessage, own: OwnNetwork): boolean {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = parseLink(body)
      return link !== undefined && !link.isLoopback && link.index !== own.interface
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = parseLinkAddress(body)
      return address?.isGlobal === true && !address.isPassing && address.index !== own.interface
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = parseRoute(body)
      return route !== undefined && leadsElsewhere(route, own)
    }
    default:
      return false
  }
}

/** Returns whether a route may be one of the ways out. */
const leadsElsewhere = (route: Route, own: OwnNetwork): boolean =>
  route.table !== own.table &&
  route.hops.some(({ index, router }) => index !== own.interface && (route.isDefault || router !== ''))

/** Returns whether there is any way out, and an address to use it with. */
export const isOnline = ({ ways, addresses }: NetworkState): boolean => ways.size > 0 && addresses.size > 0

/**
 * Returns whether what is sent may leave on another way or from another address than before.
 *
 * An address that is deprecated, or isn't any more, is no news.
 */
export const hasMoved = (before: NetworkState, after: NetworkState): boolean =>
  !isSubset(before.ways, after.ways) ||
  !isSubset(after.ways, before.ways) ||
  !isSubset(before.preferred, after.addresses) ||
  !isSubset(after.preferred, before.addresses)

const isSubset = (part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean => {
  for (const element of part) if (!whole.has(element)) return false
  return true
}
