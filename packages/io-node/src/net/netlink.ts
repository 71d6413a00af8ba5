import { errnoName } from '../native/errno.ts'
import { type Libc, libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'

/** The kernel refused a request to set up addresses, routes or links. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError'
  readonly code = 'NETLINK_REFUSED'
  /** The error number that the kernel answered with. */
  readonly errno: number

  constructor(what: string, errno: number) {
    super(`${what}: ${errnoName(errno)}`)
    this.errno = errno
  }
}

/** One attribute of a request: its type and its bytes. */
export type Attribute = readonly [type: number, value: Uint8Array]

/** A message of a dump: its fixed part and attributes. */
export type DumpEntry = Uint8Array

/**
 * Asks the kernel to set up links, addresses, routes or rules (rtnetlink), and waits for its answer.
 *
 * The kernel answers within the call, so nothing ever waits here. Takes CAP_NET_ADMIN.
 *
 * @param header - The fixed part of the message: `ifinfomsg`, `ifaddrmsg`, `rtmsg` or `fib_rule_hdr`.
 * @param ignored - Error numbers that are as good as success.
 */
export function netlinkRequest(
  what: string,
  type: number,
  flags: number,
  header: Uint8Array,
  attributes: readonly Attribute[],
  ignored: readonly number[] = [],
): void {
  const body = encodeMessage(type, flags | NLM_F_REQUEST | NLM_F_ACK, header, attributes)
  exchange(what, body, (kind, payload) => {
    if (kind !== NLMSG_ERROR) return false
    const failed = -payload.getInt32(0, true)
    if (failed !== 0 && !ignored.includes(failed)) throw new NetlinkError(what, failed)
    return true
  })
}

/** Returns the messages that the kernel answers a dump request with. */
export function netlinkDump(what: string, type: number, header: Uint8Array): DumpEntry[] {
  const entries: DumpEntry[] = []
  exchange(what, encodeMessage(type, NLM_F_REQUEST | NLM_F_DUMP, header, []), (kind, payload) => {
    if (kind === NLMSG_DONE) return true
    if (kind === NLMSG_ERROR) throw new NetlinkError(what, -payload.getInt32(0, true))
    entries.push(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength).slice())
    return false
  })
  return entries
}

/** Returns the attributes behind the fixed part of a dumped message. */
export function attributesOf(entry: DumpEntry, headerLength: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>()
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength)
  for (let at = headerLength; at + 4 <= entry.length; ) {
    const length = view.getUint16(at, true)
    if (length < 4) break
    found.set(view.getUint16(at + 2, true), entry.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return found
}

/** Returns a 32-bit number as an attribute's value. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

/** Returns attributes as the value of an attribute that contains them. */
export function nested(attributes: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(attributesLength(attributes))
  writeAttributes(bytes, 0, attributes)
  return bytes
}

/** Sends `request` and hands each message of the answer to `take` until that returns true. */
function exchange(what: string, request: Uint8Array, take: (type: number, payload: DataView) => boolean): void {
  const c = libc()
  if (c === undefined) throw new Error('there is no netlink without native code')
  const fd = c.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)
  if (fd < 0) throw new NetlinkError(what, c.errno())
  try {
    const memory = new NativeMemory(BUFFER_LENGTH)
    memory.bytes.set(request)
    if (c.send(fd, memory.address, request.length, 0) < 0) throw new NetlinkError(what, c.errno())
    while (!receiveOnce(c, fd, memory, what, take));
  } finally {
    c.close(fd)
  }
}

function receiveOnce(
  c: Libc,
  fd: number,
  memory: NativeMemory,
  what: string,
  take: (type: number, payload: DataView) => boolean,
): boolean {
  const received = c.recv(fd, memory.address, BUFFER_LENGTH, 0)
  if (received < 0) throw new NetlinkError(what, c.errno())
  for (let at = 0; at + NLMSG_HEADER_LENGTH <= received; ) {
    const length = memory.view.getUint32(at, true)
    if (length < NLMSG_HEADER_LENGTH) break
    const payload = new DataView(memory.view.buffer, at + NLMSG_HEADER_LENGTH, length - NLMSG_HEADER_LENGTH)
    if (take(memory.view.getUint16(at + 4, true), payload)) return true
    at += (length + 3) & ~3
  }
  return false
}

function encodeMessage(type: number, flags: number, header: Uint8Array, attributes: readonly Attribute[]): Uint8Array {
  const start = NLMSG_HEADER_LENGTH + padded(header.length)
  const message = new Uint8Array(start + attributesLength(attributes))
  const view = new DataView(message.buffer)
  view.setUint32(0, message.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, flags, true)
  view.setUint32(8, 1, true) // sequence number
  message.set(header, NLMSG_HEADER_LENGTH)
  writeAttributes(message, start, attributes)
  return message
}

function attributesLength(attributes: readonly Attribute[]): number {
  let length = 0
  for (const [, value] of attributes) length += padded(4 + value.length)
  return length
}

function writeAttributes(into: Uint8Array, start: number, attributes: readonly Attribute[]): void {
  const view = new DataView(into.buffer)
  let at = start
  for (const [attribute, value] of attributes) {
    view.setUint16(at, 4 + value.length, true)
    view.setUint16(at + 2, attribute, true)
    into.set(value, at + 4)
    at += padded(4 + value.length)
  }
}

const padded = (length: number): number => (length + 3) & ~3

/** Flag: creates what isn't there. */
export const NLM_F_CREATE = 0x400
/** Flag: takes the place of what is there. */
export const NLM_F_REPLACE = 0x100
/** Flag: fails where it is there already. */
export const NLM_F_EXCL = 0x200

const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_DUMP = 0x300
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLMSG_HEADER_LENGTH = 16
const BUFFER_LENGTH = 65_536

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const NETLINK_ROUTE = 0
