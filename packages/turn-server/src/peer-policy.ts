import { IpPrefix, PrefixTable } from '@sallyport/ip-packet'
import { IpAddress, type SocketAddress } from '@sallyport/sans-io'
import type { PublicAddresses } from './address-family.ts'

/** Which peers clients may have, beyond what is always so. Of two prefixes that hold an address the longer decides. */
export interface PeerRules {
  /** Peers that clients may reach although they lie in a prefix that is denied. */
  readonly allow?: readonly IpPrefix[]
  /** Peers that clients may not reach. Relayed ports of this server stay reachable. */
  readonly deny?: readonly IpPrefix[]
}

/**
 * What a client may do with a peer.
 *
 * - `allowed`: anything.
 * - `relayed-port`: it is a port of this very server, reached if another client has it.
 * - `denied`: nothing (403, RFC 8656 §21.1.4).
 */
export type PeerJudgement = 'allowed' | 'relayed-port' | 'denied'

/** The prefixes that RFC 1918, RFC 6598 and RFC 4193 set aside: what an operator denies where inside isn't outside. */
export const PRIVATE_PREFIXES: readonly IpPrefix[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
].map(text => IpPrefix.of(text))

/**
 * Says which peers are out of reach: whoever has credentials must not get where only the relay's own machine should.
 *
 * This machine, the link, everybody at once and the cloud's metadata are denied unless they are allowed by a prefix that
 * is as long; this relay's own addresses, except for its relayed ports, unless they are allowed one by one.
 */
export class PeerPolicy {
  readonly #table = new PrefixTable<'allow' | 'deny' | 'own'>()
  readonly #ports: { readonly lowest: number; readonly highest: number }

  constructor(own: PublicAddresses, ports: { readonly lowest: number; readonly highest: number }, rules: PeerRules) {
    this.#ports = ports
    for (const text of ALWAYS_DENIED) this.#table.set(IpPrefix.of(text), 'deny')
    for (const ip of [own.v4, own.v6]) if (ip !== undefined) this.#table.set(IpPrefix.host(ip), 'own')
    for (const prefix of rules.deny ?? []) if (this.#table.at(prefix) !== 'own') this.#table.set(prefix, 'deny')
    for (const prefix of rules.allow ?? []) this.#table.set(prefix, 'allow')
  }

  /** Returns what a client may do with `peer`. */
  judge({ ip, port }: SocketAddress): PeerJudgement {
    if (port === 0) return 'denied'
    const rule = this.judgeAddress(ip)
    if (rule !== 'relayed-port') return rule
    return port >= this.#ports.lowest && port <= this.#ports.highest ? rule : 'denied'
  }

  /** Returns what a client may do with peers of that address, whatever their port. */
  judgeAddress(ip: IpAddress): PeerJudgement {
    const rule = this.#table.get(ip)
    if (rule === 'own') return 'relayed-port'
    if (rule === 'deny') return 'denied'
    return rule === undefined && NAT64.contains(ip) ? this.judgeAddress(embedded(ip)) : 'allowed'
  }
}

/** RFC 6052 §2.1: addresses that a translator turns into the IPv4 addresses at their end. */
const NAT64 = IpPrefix.of('64:ff9b::/96')
const embedded = (ip: IpAddress): IpAddress => IpAddress.fromBytes(ip.bytes.subarray(12))

const ALWAYS_DENIED = [
  '0.0.0.0/8', // this host (RFC 1122 §3.2.1.3): Linux takes it for loopback
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local
  '169.254.169.254/32', // where clouds tell machines their secrets
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  '::/96', // unspecified, loopback, and IPv4 in disguise
  '::ffff:0:0/96', // IPv4 in disguise
  'fe80::/10', // link-local
  'ff00::/8', // multicast
  'fd00:ec2::254/128', // metadata, as above
] as const
