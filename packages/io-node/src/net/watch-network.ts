import type { Logger } from '@sallyport/sans-io'
import { monotonicNow } from '../clock.ts'
import { ENOBUFS } from '../native/errno.ts'
import { Later } from '../native/later.ts'
import { type Libc, libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import { isNative } from '../native/mode.ts'
import { watchReadable } from '../native/watch.ts'
import { NetlinkError, netlinkDump } from './netlink.ts'
import { NetworkChanges } from './network-changes.ts'
import { mayMatter, type NetworkState, networkStateOf, type OwnNetwork } from './network-state.ts'
import { TUNNEL_TABLE } from './route.ts'
import {
  parseLink,
  parseLinkAddress,
  parseRoute,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  routeMessagesIn,
} from './route-messages.ts'

/** What to watch a network for. */
export interface WatchNetworkOptions {
  /** The index of our own TUN device, which doesn't count. */
  readonly tunIndex?: number | undefined
  /** Learns that this machine reaches the world in another way than before, in an ordinary turn of the event loop. */
  onChange(): void
  readonly logger: Logger
}

/** A network under watch. */
export interface NetworkWatch {
  /** Has a change told without seeing one, at once unless one was told just before. */
  demand(): void
  /** Ends the watch. Harmless when called again. */
  close(): void
}

/**
 * Tells when this machine has other ways into the world than before: it has roamed, a cable was plugged, a router's
 * prefix has changed (rtnetlink multicast groups).
 *
 * Told are changes of ways out and their addresses, when they have settled and at growing distances: see
 * `NetworkChanges`. Nothing is told at the start. Where the kernel can't be asked, one line of the log says so, and
 * nothing is told ever. It doesn't keep the process running where packets don't go through native calls.
 */
export function watchNetwork(options: WatchNetworkOptions): NetworkWatch {
  const c = libc()
  try {
    if (c === undefined) throw new Error('no native code')
    return watch(c, options)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    options.logger.info({ reason }, 'changes of the network go unnoticed')
    return { demand: () => options.onChange(), close() {} }
  }
}

function watch(c: Libc, { tunIndex, onChange }: WatchNetworkOptions): NetworkWatch {
  const own: OwnNetwork = { interface: tunIndex, table: TUNNEL_TABLE }
  const fd = openSocket(c)
  let timer: NodeJS.Timeout | undefined
  let isOpen = true
  const later = new Later()
  const memory = new NativeMemory(BUFFER_LENGTH)

  const changes = new NetworkChanges(currentState(own)) // behind the socket's opening: nothing falls in between
  const arm = (): void => {
    clearTimeout(timer)
    if (!isOpen || changes.lookAt === undefined) return
    timer = setTimeout(look, Math.max(0, Math.ceil(changes.lookAt - monotonicNow())))
  }
  const look = (): void => {
    const state = attemptState(own)
    if (state === undefined) changes.stir(monotonicNow())
    else if (changes.look(state, monotonicNow())) onChange()
    arm()
  }
  const drain = (): void => {
    if (!isOpen || !readAll(c, fd, memory, own)) return
    later.run(() => {
      changes.stir(monotonicNow())
      arm()
    })
  }
  const readable = isNative() ? watchReadable(fd, drain) : pollEvery(POLL_INTERVAL_MS, drain)
  return {
    demand() {
      changes.demand(monotonicNow())
      arm()
    },
    close() {
      if (!isOpen) return
      isOpen = false
      clearTimeout(timer)
      readable.close()
      c.close(fd)
    },
  }
}

/** Opens a socket that hears of links, addresses and routes. */
function openSocket(c: Libc): number {
  const fd = c.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)
  if (fd < 0) throw new NetlinkError('open a netlink socket', c.errno())
  const address = new NativeMemory(12) // sockaddr_nl
  address.view.setUint16(0, AF_NETLINK, true)
  address.view.setUint32(8, GROUPS, true)
  if (c.bind(fd, address.address, 12) < 0) {
    const errno = c.errno()
    c.close(fd)
    throw new NetlinkError('hear of network changes', errno)
  }
  return fd
}

/** Reads what there is. Returns whether any of it might be a change. */
function readAll(c: Libc, fd: number, memory: NativeMemory, own: OwnNetwork): boolean {
  let matters = false
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const length = c.recv(fd, memory.address, BUFFER_LENGTH, 0)
    if (length < 0) {
      const errno = c.errno()
      if (errno === ENOBUFS)
        matters = true // some are lost: who knows what they said
      else if (errno !== EINTR) return matters
    } else if (!matters) {
      matters = routeMessagesIn(memory.bytes.subarray(0, length)).some(message => mayMatter(message, own))
    }
  }
  return matters
}

function currentState(own: OwnNetwork): NetworkState {
  const ask = <T>(type: number, headerLength: number, parse: (body: Uint8Array) => T | undefined): T[] =>
    netlinkDump('look at the network', type, new Uint8Array(headerLength))
      .map(parse)
      .filter(found => found !== undefined)
  const parts = {
    links: ask(RTM_GETLINK, 16, parseLink),
    addresses: ask(RTM_GETADDR, 8, parseLinkAddress),
    routes: ask(RTM_GETROUTE, 12, parseRoute),
  }
  return networkStateOf(parts, own)
}

/** Like {@link currentState}; `undefined` where the kernel has no time for us. */
function attemptState(own: OwnNetwork): NetworkState | undefined {
  try {
    return currentState(own)
  } catch (error) {
    if (error instanceof NetlinkError) return undefined
    throw error
  }
}

function pollEvery(ms: number, look: () => void): { close(): void } {
  const timer = setInterval(look, ms).unref()
  return { close: () => clearInterval(timer) }
}

const BUFFER_LENGTH = 32_768
const MAX_ROUNDS = 64
const POLL_INTERVAL_MS = 200
const EINTR = 4

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const SOCK_NONBLOCK = 0o4000
const NETLINK_ROUTE = 0
/** RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE. */
const GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
