import type { IpAddress } from '@sallyport/sans-io'
import { EADDRNOTAVAIL, EEXIST, ENODEV, EOPNOTSUPP } from '../native/errno.ts'
import { TUNNEL_OVERHEAD } from '../run/packet-memory.ts'
import { MAX_RUN_BYTES } from '../udp/send-run.ts'
import { afOf } from '../udp/sockaddr.ts'
import { attributesOf, NLM_F_CREATE, NLM_F_REPLACE, netlinkDump, netlinkRequest, u32 } from './netlink.ts'

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

/** Writes an `ifinfomsg`; `up` is {@link IFF_UP} or 0. */
function linkHeader(index: number, up: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16))
  view.setInt32(4, index, true)
  view.setUint32(8, up, true)
  view.setUint32(12, up, true) // which flags change
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

const ADDRESS_HEADER_LENGTH = 8
const QUEUE_LENGTH = 10_000

const IFF_UP = 1
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const IFLA_MTU = 4
const IFLA_TXQLEN = 13
const IFLA_GSO_MAX_SEGS = 40
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
