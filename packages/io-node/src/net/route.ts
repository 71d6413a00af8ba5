import type { IpPrefix } from '@sallyport/ip-packet'
import type { IpFamily } from '@sallyport/sans-io'
import { EEXIST, ENOENT, EOPNOTSUPP, ESRCH } from '../native/errno.ts'
import { afOf } from '../udp/sockaddr.ts'
import { NLM_F_CREATE, NLM_F_EXCL, netlinkRequest, u32 } from './netlink.ts'

/** The firewall mark of all of our own sockets: what carries it never enters our tunnel. */
export const OWN_MARK = 0xfd002021

/** The routing table with the tunnel's routes. */
export const TUNNEL_TABLE = 0x2021fd00

/**
 * Has all traffic except that of our own sockets look into the tunnel's table first. Throws a `NetlinkError`.
 *
 * A default route in that table doesn't capture what carries {@link OWN_MARK}.
 */
export function addTunnelRule(family: IpFamily): void {
  removeTunnelRule(family) // a killed run may have left it, and the kernel takes an equal one as another
  netlinkRequest('add the rule', RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, ruleHeader(family), RULE_ATTRIBUTES, [EEXIST])
}

/** Undoes {@link addTunnelRule}; harmless if it isn't there. */
export function removeTunnelRule(family: IpFamily): void {
  netlinkRequest('remove the rule', RTM_DELRULE, 0, ruleHeader(family), RULE_ATTRIBUTES, [ENOENT])
}

/** Routes `prefix` into interface `index`, in the tunnel's table. Throws a `NetlinkError`. */
export function addRoute(index: number, prefix: IpPrefix): void {
  const flags = NLM_F_CREATE | NLM_F_EXCL
  netlinkRequest(`add the route ${prefix.text}`, RTM_NEWROUTE, flags, ...route(index, prefix), [EEXIST, EOPNOTSUPP])
}

/** Undoes {@link addRoute}; harmless if it isn't there. */
export function removeRoute(index: number, prefix: IpPrefix): void {
  netlinkRequest(`remove the route ${prefix.text}`, RTM_DELROUTE, 0, ...route(index, prefix), [ENOENT, ESRCH])
}

type RouteParts = readonly [header: Uint8Array, attributes: readonly (readonly [number, Uint8Array])[]]

/** Writes an `rtmsg` and its attributes. */
function route(index: number, prefix: IpPrefix): RouteParts {
  const header = new Uint8Array(12)
  header[0] = afOf(prefix.address.family)
  header[1] = prefix.length
  header[4] = RT_TABLE_UNSPEC // its number is too large for this field
  header[5] = RTPROT_STATIC
  header[7] = RTN_UNICAST
  const attributes: (readonly [number, Uint8Array])[] = [
    [RTA_TABLE, u32(TUNNEL_TABLE)],
    [RTA_OIF, u32(index)],
  ]
  if (prefix.length > 0) attributes.push([RTA_DST, prefix.address.bytes])
  return [header, attributes]
}

/** Writes a `fib_rule_hdr`. */
function ruleHeader(family: IpFamily): Uint8Array {
  const view = new DataView(new ArrayBuffer(12))
  view.setUint8(0, afOf(family))
  view.setUint8(4, RT_TABLE_UNSPEC)
  view.setUint8(7, FR_ACT_TO_TBL)
  view.setUint32(8, FIB_RULE_INVERT, true)
  return new Uint8Array(view.buffer)
}

const FRA_FWMARK = 10
const FRA_TABLE = 15
const FRA_PROTOCOL = 21
const RTPROT_KERNEL = 2

const RULE_ATTRIBUTES: readonly (readonly [number, Uint8Array])[] = [
  [FRA_FWMARK, u32(OWN_MARK)],
  [FRA_TABLE, u32(TUNNEL_TABLE)],
  [FRA_PROTOCOL, Uint8Array.of(RTPROT_KERNEL)],
]

const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const RTM_NEWRULE = 32
const RTM_DELRULE = 33
const RT_TABLE_UNSPEC = 0
const RTPROT_STATIC = 4
const RTN_UNICAST = 1
const RTA_DST = 1
const RTA_OIF = 4
const RTA_TABLE = 15
const FR_ACT_TO_TBL = 1
const FIB_RULE_INVERT = 2
