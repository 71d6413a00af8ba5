import { IpAddress, type IpFamily, SocketAddress } from '@sallyport/sans-io'
import { candidatePriority, signalledLocalPreference } from './priority.ts'

/** How a candidate was found (RFC 8445 §5.1.1): host, server-reflexive, peer-reflexive, relayed. */
export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay'

/** The transports that a candidate's text can name. Only `udp` is ever used. */
export type CandidateProtocol = 'udp' | 'tcp' | 'ssltcp' | 'tls'

/** A transport address at which an agent may be reached (RFC 8445 §5.1). Immutable. */
export interface Candidate {
  readonly type: CandidateType
  /** Groups candidates of the same type, base and server (RFC 8445 §5.1.1.3). What receivers do with it: nothing. */
  readonly foundation: string
  /** Always 1 in candidates of ours: there is one component. */
  readonly component: number
  readonly protocol: CandidateProtocol
  /** Unsigned 32 bits; see {@link candidatePriority}. */
  readonly priority: number
  readonly address: SocketAddress
  /** The address from which this candidate's owner sends; of a remote candidate the same as {@link address}. */
  readonly base: SocketAddress
  /** What the text calls `raddr` and `rport`. Ours are unspecified: nobody has to know. */
  readonly relatedAddress: SocketAddress | undefined
  /** The username fragment of the agent that it belongs to. */
  readonly ufrag: string | undefined
  /** Our socket through which the relay is reached; only in local relayed candidates. */
  readonly via: SocketAddress | undefined
}

/** Why an address makes no candidate. */
export type CandidateDefect =
  | 'unspecified-address'
  | 'multicast-address'
  | 'broadcast-address'
  | 'link-local-address'
  | 'family-mismatch'

/** Makes a host candidate: an address of one of our interfaces. */
export function hostCandidate(address: SocketAddress): Candidate | CandidateDefect {
  return addressDefect(address.ip) ?? localCandidate('host', address, address)
}

/** Makes a server-reflexive candidate: what a STUN server saw of `base`, from which we send. */
export function serverReflexiveCandidate(address: SocketAddress, base: SocketAddress): Candidate | CandidateDefect {
  if (address.family !== base.family) return 'family-mismatch'
  return (
    addressDefect(address.ip) ?? localCandidate('srflx', address, base, { relatedAddress: unspecified(address.family) })
  )
}

/** Makes a relayed candidate: an address at a TURN server that is reached from our socket `via`. */
export function relayedCandidate(address: SocketAddress, via: SocketAddress): Candidate | CandidateDefect {
  const relatedAddress = unspecified(address.family)
  return addressDefect(address.ip) ?? localCandidate('relay', address, address, { relatedAddress, via })
}

/** Makes a peer-reflexive candidate: what a connectivity check showed of the sender's address (RFC 8445 §7.3.1.3). */
export function peerReflexiveCandidate(address: SocketAddress, base: SocketAddress, priority: number): Candidate {
  return localCandidate('prflx', address, base, { priority })
}

/**
 * Returns whether two candidates are the same one: by type, address, base and related address.
 *
 * Priority, foundation and ufrag do not count, because an invalidation may state others than the announcement did.
 */
export function isSameCandidate(a: Candidate, b: Candidate): boolean {
  return (
    a.type === b.type &&
    a.protocol === b.protocol &&
    a.address.equals(b.address) &&
    a.base.equals(b.base) &&
    a.relatedAddress?.key === b.relatedAddress?.key
  )
}

interface Extras {
  readonly relatedAddress?: SocketAddress
  readonly via?: SocketAddress
  readonly priority?: number
}

function localCandidate(
  type: CandidateType,
  address: SocketAddress,
  base: SocketAddress,
  extras: Extras = {},
): Candidate {
  return {
    type,
    foundation: foundationOf(type, base),
    component: 1,
    protocol: 'udp',
    priority: extras.priority ?? candidatePriority(type, signalledLocalPreference(address.family)),
    address,
    base,
    relatedAddress: extras.relatedAddress,
    ufrag: undefined,
    via: extras.via,
  }
}

function addressDefect({ family, bytes }: IpAddress): CandidateDefect | undefined {
  if (bytes.every(byte => byte === 0)) return 'unspecified-address'
  if (family === 6) return bytes[0] === 0xff ? 'multicast-address' : undefined // link-local ones are of use
  if (bytes.every(byte => byte === 0xff)) return 'broadcast-address'
  if (bytes[0]! >> 4 === 0xe) return 'multicast-address'
  return bytes[0] === 169 && bytes[1] === 254 ? 'link-local-address' : undefined
}

const UNSPECIFIED: Readonly<Record<IpFamily, SocketAddress>> = {
  4: new SocketAddress(IpAddress.of('0.0.0.0'), 0),
  6: new SocketAddress(IpAddress.of('::'), 0),
}
const unspecified = (family: IpFamily): SocketAddress => UNSPECIFIED[family]

/** A short token that is equal for candidates of one type and base: FNV-1a, where collisions harm nobody. */
function foundationOf(type: CandidateType, base: SocketAddress): string {
  let hash = 0x811c9dc5
  for (const character of `${type} ${base.ip.text}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
