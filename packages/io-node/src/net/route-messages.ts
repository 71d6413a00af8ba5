import { toHex, viewOf } from '@sallyport/sans-io'
import { attributesOf } from './netlink.ts'

/** A network interface, as rtnetlink tells of it. */
export interface Link {
  readonly index: number
  readonly isLoopback: boolean
  /** Whether it is switched on and has somebody at the other end of the cable. */
  readonly isRunning: boolean
}

/** An address of an interface. */
export interface LinkAddress {
  readonly index: number
  /** The address in hexadecimal digits: 8 for IPv4, 32 for IPv6. */
  readonly address: string
  /** Whether peers elsewhere can make use of it: neither link-local nor of this host alone. */
  readonly isGlobal: boolean
  /** Whether it is one of those that come and go beside a lasting one: temporary (RFC 8981), secondary, not yet checked. */
  readonly isPassing: boolean
  /** Whether new connections should rather use another one (RFC 4862 §5.5.4). It still works. */
  readonly isDeprecated: boolean
}

/** Where a route leads. */
interface NextHop {
  readonly index: number
  /** The router's address in hexadecimal digits; empty where the interface itself is the destination. */
  readonly router: string
}

/** A route for unicast. */
export interface Route {
  readonly family: 4 | 6
  readonly table: number
  /** Whether it is for everything that has no better one. */
  readonly isDefault: boolean
  readonly hops: readonly NextHop[]
}

/** One message of a notification: its type, and what is behind the header. A view. */
export interface RouteMessage {
  readonly type: number
  readonly body: Uint8Array
}

/** Returns the messages that one read from a netlink socket has brought, up to the first that is cut off. */
export function routeMessagesIn(bytes: Uint8Array): RouteMessage[] {
  const view = viewOf(bytes)
  const messages: RouteMessage[] = []
  for (let at = 0; at + HEADER_LENGTH <= bytes.length; ) {
    const length = view.getUint32(at, true)
    if (length < HEADER_LENGTH || at + length > bytes.length) break
    messages.push({ type: view.getUint16(at + 4, true), body: bytes.subarray(at + HEADER_LENGTH, at + length) })
    at += Math.ceil(length / 4) * 4
  }
  return messages
}

/** Parses an `ifinfomsg`; `undefined` if it is none. */
export function parseLink(body: Uint8Array): Link | undefined {
  if (body.length < 16) return undefined
  const view = viewOf(body)
  const flags = view.getUint32(8, true)
  return {
    index: view.getInt32(4, true),
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    isRunning: (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0,
  }
}

/** Parses an `ifaddrmsg` with its attributes; `undefined` if it is none, or of another family than IPv4 and IPv6. */
export function parseLinkAddress(body: Uint8Array): LinkAddress | undefined {
  if (body.length < 8) return undefined
  const view = viewOf(body)
  const attributes = attributesOf(body, 8)
  // With a peer on the wire, IFA_ADDRESS is that peer's.
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
  if (address?.length !== lengthIn(view.getUint8(0))) return undefined
  const flags = numberOf(attributes.get(IFA_FLAGS)) ?? view.getUint8(2)
  return {
    index: view.getUint32(4, true),
    address: toHex(address),
    isGlobal: view.getUint8(3) < RT_SCOPE_LINK,
    isPassing: (flags & (IFA_F_SECONDARY | IFA_F_DADFAILED | IFA_F_TENTATIVE)) !== 0,
    isDeprecated: (flags & IFA_F_DEPRECATED) !== 0,
  }
}

/**
 * Parses an `rtmsg` with its attributes; `undefined` for what leads nowhere else: other families, routes that aren't for
 * unicast, entries of the route cache.
 */
export function parseRoute(body: Uint8Array): Route | undefined {
  if (body.length < 12) return undefined
  const view = viewOf(body)
  const family = familyOf(view.getUint8(0))
  if (family === undefined || view.getUint8(7) !== RTN_UNICAST || (view.getUint32(8, true) & RTM_F_CLONED) !== 0)
    return undefined
  const attributes = attributesOf(body, 12)
  const many = attributes.get(RTA_MULTIPATH)
  const hops = many === undefined ? [hopOf(numberOf(attributes.get(RTA_OIF)) ?? 0, attributes)] : hopsIn(many)
  const table = numberOf(attributes.get(RTA_TABLE)) ?? view.getUint8(4)
  return { family, table, isDefault: view.getUint8(1) === 0, hops }
}

/** Parses a row of `rtnexthop`s. */
function hopsIn(bytes: Uint8Array): NextHop[] {
  const view = viewOf(bytes)
  const hops: NextHop[] = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = view.getUint16(at, true)
    if (length < 8) break
    hops.push(hopOf(view.getInt32(at + 4, true), attributesOf(bytes.subarray(at, at + length), 8)))
    at += (length + 3) & ~3
  }
  return hops
}

function hopOf(index: number, attributes: ReadonlyMap<number, Uint8Array>): NextHop {
  const router = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)
  return { index, router: router === undefined ? '' : toHex(router) }
}

const numberOf = (value: Uint8Array | undefined): number | undefined =>
  value?.length === 4 ? viewOf(value).getUint32(0, true) : undefined

const familyOf = (af: number): 4 | 6 | undefined => (af === AF_INET ? 4 : af === AF_INET6 ? 6 : undefined)

/** How many bytes an address of that family has; -1 for families that are none of ours. */
const lengthIn = (af: number): number => (af === AF_INET ? 4 : af === AF_INET6 ? 16 : -1)

/** A new or changed link. */
export const RTM_NEWLINK = 16
/** A link that is gone. */
export const RTM_DELLINK = 17
/** Asks for all links. */
export const RTM_GETLINK = 18
/** A new or changed address. */
export const RTM_NEWADDR = 20
/** An address that is gone. */
export const RTM_DELADDR = 21
/** Asks for all addresses. */
export const RTM_GETADDR = 22
/** A new or changed route. */
export const RTM_NEWROUTE = 24
/** A route that is gone. */
export const RTM_DELROUTE = 25
/** Asks for all routes. */
export const RTM_GETROUTE = 26

const HEADER_LENGTH = 16
const AF_INET = 2
const AF_INET6 = 10
const IFF_UP = 1
const IFF_LOOPBACK = 8
const IFF_RUNNING = 0x40
const RT_SCOPE_LINK = 253
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_F_SECONDARY = 0x01 // called temporary where it is IPv6
const IFA_F_DADFAILED = 0x08
const IFA_F_DEPRECATED = 0x20
const IFA_F_TENTATIVE = 0x40
const RTN_UNICAST = 1
const RTM_F_CLONED = 0x200
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_MULTIPATH = 9
const RTA_TABLE = 15
const RTA_VIA = 18
