import {
  destinationPortOffset,
  ICMP,
  ICMPV6,
  IpPrefix,
  type PacketHeader,
  PrefixTable,
  rewriteEndpoint,
  sourcePortOffset,
  TCP,
  TCP_RST,
  UDP,
} from '@sallyport/ip-packet'
import type { ResourceId } from '@sallyport/portal-protocol'
import { elapsed, type Instant, type IpAddress, type IpFamily, type Millis, seconds } from '@sallyport/sans-io'
import { isInRange, PROXY_RANGE } from '../ranges.ts'

/** An address that a client uses for a name. */
export interface ProxyAddress {
  readonly ip: IpAddress
  readonly resource: ResourceId
  /** The name, as for comparing. */
  readonly domain: string
  /** Where new sessions go; `undefined`: the name has no address of this family. */
  target: Target | undefined
  /** By protocol and the port (or identifier) that the client uses. */
  readonly sessions: Map<number, NatSession>
}

/** An address that a name really has. */
export interface Target {
  readonly ip: IpAddress
  /** By protocol and the port (or identifier) that the target sees. */
  readonly sessions: Map<number, NatSession>
}

/** A client's port, translated: to one address behind one proxy, whatever the ports there. */
export interface NatSession {
  readonly proxy: ProxyAddress
  readonly target: Target
  /** {@link insideKey} and {@link outsideKey} begin with it. */
  readonly kind: number
  readonly insidePort: number
  readonly outsidePort: number
  lastSeen: Instant
  isEnded: boolean
  /** The port that was spoken to first; 0 for ICMP. */
  readonly remotePort: number
  /** More ports that were spoken to. */
  remotePorts: Set<number> | undefined
}

/** What becomes of a packet from a target: 0 none of ours, 1 translated, 2 too late. */
export type NatVerdict = typeof NOT_TRANSLATED | typeof TRANSLATED | typeof EXPIRED
export const NOT_TRANSLATED = 0
const TRANSLATED = 1
export const EXPIRED = 2

const TTL: readonly Millis[] = [seconds(7200), seconds(120), seconds(120)]

/** How long late packets of an ended session are told from those of none. */
const EXPIRED_MARK: Millis = seconds(120)

const MAX_SESSIONS = 65_536
const MAX_PROXIES = 65_536
/** Ports that are tried before one counts as exhausted; and remote ports of one session before any is taken. */
const MAX_TRIES = 4096
const MAX_REMOTE_PORTS = 1024

/**
 * The address translation of one client: between addresses that stand for names and those that names have.
 *
 * ```text
 * inside:  client port, proxy address  ◀──▶  outside: client port or another, real address
 * ```
 *
 * The client's own address stays; hiding it is the kernel's part. Ports have to change where several proxy addresses lead
 * to one real address. Nothing is allocated for packets of a known session.
 */
export class Nat {
  readonly #proxies = new PrefixTable<ProxyAddress>()
  readonly #targets = new PrefixTable<Target>()
  #sessionCount = 0

  /**
   * Lets the proxy addresses of a name lead to the addresses that it has, in turn. Sessions stay where they are.
   *
   * A client that uses an address for another name than before has started anew: everything of old is forgotten then.
   *
   * @returns whether there was room.
   */
  install(
    domain: string,
    resource: ResourceId,
    proxyIps: readonly IpAddress[],
    resolved: readonly IpAddress[],
  ): boolean {
    const ours = proxyIps.filter(ip => isInRange(PROXY_RANGE, ip.bytes, 0, ip.family))
    const isReassigned = ours.some(ip => {
      const known = this.#proxies.get(ip)
      return known !== undefined && (known.domain !== domain || known.resource !== resource)
    })
    if (isReassigned) this.#clear()
    if (this.#proxies.size + ours.length > MAX_PROXIES) return false
    for (const family of [4, 6] as const) {
      const targets = inOrder(resolved, family).map(ip => this.#targetOf(ip))
      for (const [i, ip] of inOrder(ours, family).entries()) {
        const known = this.#proxies.get(ip)
        const target = targets[i % targets.length]
        if (known === undefined)
          this.#proxies.set(IpPrefix.host(ip), { ip, resource, domain, target, sessions: new Map() })
        else known.target = target
      }
    }
    return true
  }

  /** Returns what the address with its bytes at `offset` is used for. */
  proxyOf(bytes: Uint8Array, offset: number, family: IpFamily): ProxyAddress | undefined {
    return this.#proxies.lookup(bytes, offset, family)
  }

  /** All proxy addresses. */
  proxies(): Iterable<readonly [IpPrefix, ProxyAddress]> {
    return this.#proxies.entries()
  }

  /**
   * Finds or makes the session of a packet from the client to `proxy`, which has a target.
   *
   * @returns `undefined` for a protocol without ports, or when all ports are in use.
   */
  outgoing(proxy: ProxyAddress, header: PacketHeader, now: Instant): NatSession | undefined {
    const kind = kindOf(header)
    if (kind < 0) return undefined
    const port = kind === KIND_ICMP ? header.icmpId : header.sourcePort
    let session = proxy.sessions.get(keyOf(kind, port))
    if (session === undefined || isOver(session, now)) {
      if (session !== undefined) this.#remove(session)
      session = this.#open(proxy, kind, port, header.destinationPort, now)
      if (session === undefined) return undefined
    } else if (session.remotePort !== header.destinationPort) noteRemotePort(session, header.destinationPort)
    session.lastSeen = now
    return session
  }

  /** Rewrites a packet from the client: where it goes, and from which port. A TCP reset ends the session behind it. */
  rewriteOutgoing(session: NatSession, bytes: Uint8Array, header: PacketHeader): void {
    const { target, outsidePort } = session
    const portOffset = sourcePortOffset(header)
    rewriteEndpoint(bytes, header, header.destinationOffset, target.ip.bytes, portOffset, outsidePort, false)
    if ((header.tcpFlags & TCP_RST) !== 0) session.isEnded = true
  }

  /** The session that {@link incoming} has found last. */
  found: NatSession | undefined

  /** Finds the session that a packet to the client belongs to. Answers in {@link found}. */
  incoming(bytes: Uint8Array, header: PacketHeader, now: Instant): NatVerdict {
    const target = this.#targets.lookup(bytes, header.sourceOffset, header.version === 4 ? 4 : 6)
    if (target === undefined) return NOT_TRANSLATED
    const kind = kindOf(header)
    if (kind < 0) return NOT_TRANSLATED
    const port = kind === KIND_ICMP ? header.icmpId : header.destinationPort
    const verdict = this.#find(target, kind, port, header.sourcePort, now)
    if (verdict === TRANSLATED) this.found!.lastSeen = now
    return verdict
  }

  /** Rewrites a packet to the client: from where it is, and to which port. A TCP reset ends the session behind it. */
  rewriteIncoming(session: NatSession, bytes: Uint8Array, header: PacketHeader, isChecksumPending: boolean): void {
    const { proxy, insidePort } = session
    const portOffset = destinationPortOffset(header)
    rewriteEndpoint(bytes, header, header.sourceOffset, proxy.ip.bytes, portOffset, insidePort, isChecksumPending)
    if ((header.tcpFlags & TCP_RST) !== 0) session.isEnded = true
  }

  /** Finds the session that an error is about, whose quoted packet was sent by us. Answers in {@link found}. */
  quoted(
    bytes: Uint8Array,
    destination: number,
    family: IpFamily,
    protocol: number,
    port: number,
    remotePort: number,
    now: Instant,
  ): NatVerdict {
    const target = this.#targets.lookup(bytes, destination, family)
    const kind = kindOfProtocol(protocol)
    return target === undefined || kind < 0 ? NOT_TRANSLATED : this.#find(target, kind, port, remotePort, now)
  }

  /** Forgets sessions that ended so long ago that nothing more comes, and addresses that nothing leads to. */
  sweep(now: Instant): void {
    const used = new Set<Target>()
    for (const [, { sessions, target }] of this.#proxies.entries()) {
      if (target !== undefined) used.add(target)
      for (const session of sessions.values())
        if (elapsed(session.lastSeen, now) >= TTL[session.kind]! + EXPIRED_MARK) this.#remove(session)
    }
    for (const [prefix, target] of [...this.#targets.entries()])
      if (target.sessions.size === 0 && !used.has(target)) this.#targets.delete(prefix)
  }

  #find(target: Target, kind: number, port: number, remotePort: number, now: Instant): NatVerdict {
    const session = target.sessions.get(keyOf(kind, port))
    if (session === undefined || !hasRemotePort(session, remotePort)) return NOT_TRANSLATED
    this.found = session
    if (!isOver(session, now)) return TRANSLATED
    return elapsed(session.lastSeen, now) < TTL[kind]! + EXPIRED_MARK ? EXPIRED : NOT_TRANSLATED
  }

  #open(proxy: ProxyAddress, kind: number, port: number, remotePort: number, now: Instant): NatSession | undefined {
    const target = proxy.target
    if (target === undefined) return undefined
    if (this.#sessionCount >= MAX_SESSIONS) this.sweep(now)
    if (this.#sessionCount >= MAX_SESSIONS) return undefined
    for (
      let i = 0, outsidePort = port;
      i < MAX_TRIES;
      i++, outsidePort = outsidePort === 0xffff ? 1 : outsidePort + 1
    ) {
      const holder = target.sessions.get(keyOf(kind, outsidePort))
      if (holder !== undefined && !isOver(holder, now)) continue
      if (holder !== undefined) this.#remove(holder)
      const session: NatSession = {
        proxy,
        target,
        kind,
        insidePort: port,
        outsidePort,
        lastSeen: now,
        isEnded: false,
        remotePort: kind === KIND_ICMP ? 0 : remotePort,
        remotePorts: undefined,
      }
      proxy.sessions.set(keyOf(kind, port), session)
      target.sessions.set(keyOf(kind, outsidePort), session)
      this.#sessionCount++
      return session
    }
    return undefined
  }

  #remove({ proxy, target, kind, insidePort, outsidePort }: NatSession): void {
    proxy.sessions.delete(keyOf(kind, insidePort))
    target.sessions.delete(keyOf(kind, outsidePort))
    this.#sessionCount--
  }

  #targetOf(ip: IpAddress): Target {
    const known = this.#targets.get(ip)
    if (known !== undefined) return known
    const target: Target = { ip, sessions: new Map() }
    this.#targets.set(IpPrefix.host(ip), target)
    return target
  }

  #clear(): void {
    this.#proxies.clear()
    this.#targets.clear()
    this.#sessionCount = 0
  }
}

const KIND_ICMP = 2

/** The first part of a session's key: TCP 0, UDP 1, echo 2; -1: a protocol that can't be translated. */
function kindOf(header: PacketHeader): number {
  const kind = kindOfProtocol(header.protocol)
  return kind === KIND_ICMP && header.icmpId < 0 ? -1 : kind
}

const kindOfProtocol = (protocol: number): number =>
  protocol === TCP ? 0 : protocol === UDP ? 1 : protocol === ICMP || protocol === ICMPV6 ? KIND_ICMP : -1

const keyOf = (kind: number, port: number): number => (kind << 16) | port

const isOver = (session: NatSession, now: Instant): boolean =>
  session.isEnded || elapsed(session.lastSeen, now) >= TTL[session.kind]!

/** Answers only come from ports that were spoken to: the rest may belong to another resource with the same address. */
function hasRemotePort(session: NatSession, port: number): boolean {
  if (session.kind === KIND_ICMP || session.remotePort === port) return true
  const more = session.remotePorts
  return more !== undefined && (more.size >= MAX_REMOTE_PORTS || more.has(port))
}

function noteRemotePort(session: NatSession, port: number): void {
  session.remotePorts ??= new Set()
  if (session.remotePorts.size < MAX_REMOTE_PORTS) session.remotePorts.add(port)
}

function inOrder(addresses: readonly IpAddress[], family: IpFamily): readonly IpAddress[] {
  return addresses.filter(ip => ip.family === family).sort((a, b) => compareBytes(a.bytes, b.bytes))
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}
