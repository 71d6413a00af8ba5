import type { IpAddress } from '@sallyport/sans-io'
import { EADDRNOTAVAIL, EAFNOSUPPORT, EEXIST, EINVAL, ENODEV, EOPNOTSUPP } from '../native/errno.ts'
import { TUNNEL_OVERHEAD } from '../run/packet-memory.ts'
import { MAX_RUN_BYTES } from '../udp/send-run.ts'
import { afOf } from '../udp/sockaddr.ts'
import {
  type Attribute,
  attributesOf,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  nested,
  netlinkDump,
  netlinkRequest,
  u32,
} from './netlink.ts'

/** Brings an interface up with this MTU, and a queue that holds a burst. Throws a `NetlinkError`. */
export function bringUp(index: number, mtu: number): void {
  netlinkRequest('set the MTU', RTM_NEWLINK, 0, linkHeader(index, 0), [[IFLA_MTU, u32(mtu)]])
  netlinkRequest('bring the link up', RTM_NEWLINK, 0, linkHeader(index, IFF_UP), [[IFLA_TXQLEN, u32(QUEUE_LENGTH)]])
  // A train should become one send: one that is a little longer costs a second send for a few datagrams.
  const segments = Math.max(1, Math.floor(MAX_RUN_BYTES / (mtu + TUNNEL_OVERHEAD)))
  netlinkRequest(
    'limit trains',
    RTM_NEWLINK,
    0,
    linkHeader(index, 0),
    [[IFLA_GSO_MAX_SEGS, u32(segments)]],
    [EOPNOTSUPP],
  )
}

/** Removes an interface, if it is still there. Throws a `NetlinkError`. */
export function removeLink(index: number): void {
  netlinkRequest('remove the link', RTM_DELLINK, 0, linkHeader(index, 0), [], [ENODEV])
}

/** A network interface, as the kernel lists it. */
export interface Link {
  readonly index: number
  readonly name: string
  /** What made it, such as `tun` or `veth`; empty for hardware. */
  readonly kind: string
  /** The interface that it is tied to: the other end of a `veth`; 0: none. */
  readonly peerIndex: number
}

/** Lists the network interfaces. Throws a `NetlinkError`. */
export function listLinks(): Link[] {
  return netlinkDump('list links', RTM_GETLINK, linkHeader(0, 0)).map(entry => {
    const attributes = attributesOf(entry, LINK_HEADER_LENGTH)
    const info = attributesOf(attributes.get(IFLA_LINKINFO) ?? new Uint8Array(0), 0)
    return {
      index: number32(entry, 4),
      name: text(attributes.get(IFLA_IFNAME)),
      kind: text(info.get(IFLA_INFO_KIND)),
      peerIndex: number32(attributes.get(IFLA_LINK) ?? new Uint8Array(4), 0),
    }
  })
}

/** One end of a pair that {@link createVeth} makes. */
export interface VethEnd {
  readonly name: string
  /** Its hardware address, 6 bytes. */
  readonly address: Uint8Array
  readonly mtu: number
}

/** Makes a pair of interfaces where what is sent into one comes out of the other. Throws a `NetlinkError`. */
export function createVeth(end: VethEnd, peer: VethEnd): void {
  const attributes = ({ name, address, mtu }: VethEnd): Attribute[] => [
    [IFLA_IFNAME, new TextEncoder().encode(`${name}\0`)],
    [IFLA_ADDRESS, address],
    [IFLA_MTU, u32(mtu)],
  ]
  const peerMessage = Uint8Array.of(...linkHeader(0, 0), ...nested(attributes(peer)))
  const info: Attribute[] = [
    [IFLA_INFO_KIND, new TextEncoder().encode('veth')],
    [IFLA_INFO_DATA, nested([[VETH_INFO_PEER, peerMessage]])],
  ]
  netlinkRequest('create the veth pair', RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, linkHeader(0, 0), [
    ...attributes(end),
    [IFLA_LINKINFO, nested(info)],
  ])
}

/**
 * Keeps the kernel from talking on an interface by itself: no ARP, no neighbour discovery, no address of its own making.
 *
 * Every packet then goes to the interface's own hardware address. To be called while it is down, then it is brought up
 * where `isUp`. Throws a `NetlinkError`.
 */
export function silence(index: number, isUp: boolean): void {
  const spec = nested([[AF_INET6, nested([[IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE)]])]])
  // Refused where IPv6 is disabled: then nothing needs to be silenced.
  const refusals = [EAFNOSUPPORT, EINVAL, EOPNOTSUPP]
  netlinkRequest(
    'turn off IPv6 autoconfiguration',
    RTM_NEWLINK,
    0,
    linkHeader(index, 0),
    [[IFLA_AF_SPEC, spec]],
    refusals,
  )
  netlinkRequest('turn off ARP', RTM_NEWLINK, 0, linkHeader(index, isUp ? IFF_NOARP | IFF_UP : IFF_NOARP), [])
}

/** Gives an interface an address of its own, without a subnet. Throws a `NetlinkError`. */
export function addAddress(index: number, address: IpAddress): void {
  netlinkRequest(
    `add the address ${address.text}`,
    RTM_NEWADDR,
    NLM_F_CREATE | NLM_F_REPLACE,
    addressHeader(index, address.family === 4 ? 32 : 128, afOf(address.family)),
    [
      [IFA_LOCAL, address.bytes],
      [IFA_ADDRESS, address.bytes],
    ],
    [EEXIST],
  )
}

/** Takes all addresses from an interface. Throws a `NetlinkError`. */
export function removeAddresses(index: number): void {
  for (const entry of netlinkDump('list addresses', RTM_GETADDR, addressHeader(0, 0, 0))) {
    const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength)
    if (view.getUint32(4, true) !== index) continue
    const attributes = attributesOf(entry, ADDRESS_HEADER_LENGTH)
    const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
    if (address === undefined) continue
    const header = addressHeader(index, entry[1]!, entry[0]!)
    netlinkRequest('remove an address', RTM_DELADDR, 0, header, [[IFA_LOCAL, address]], [EADDRNOTAVAIL])
  }
}

/** Writes an `ifinfomsg` that sets `flags`, and leaves other flags as they are. */
function linkHeader(index: number, flags: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(LINK_HEADER_LENGTH))
  view.setInt32(4, index, true)
  view.setUint32(8, flags, true)
  view.setUint32(12, flags, true) // which flags change
  return new Uint8Array(view.buffer)
}

/** Writes an `ifaddrmsg`. */
function addressHeader(index: number, prefixLength: number, family: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(ADDRESS_HEADER_LENGTH))
  view.setUint8(0, family)
  view.setUint8(1, prefixLength)
  view.setUint32(4, index, true)
  return new Uint8Array(view.buffer)
}

const number32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true)

/** Reads a name, with or without a zero byte at its end. */
const text = (bytes: Uint8Array = new Uint8Array(0)): string => new TextDecoder().decode(bytes).replace(/\0.*$/s, '')

const LINK_HEADER_LENGTH = 16
const ADDRESS_HEADER_LENGTH = 8
const QUEUE_LENGTH = 10_000

const AF_INET6 = 10
const IFF_UP = 1
const IFF_NOARP = 0x80
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_LINK = 5
const IFLA_TXQLEN = 13
const IFLA_LINKINFO = 18
const IFLA_AF_SPEC = 26
const IFLA_GSO_MAX_SEGS = 40
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const VETH_INFO_PEER = 1
const IFLA_INET6_ADDR_GEN_MODE = 8
const IN6_ADDR_GEN_MODE_NONE = 1
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
