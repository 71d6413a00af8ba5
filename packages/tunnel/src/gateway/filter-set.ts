import { ICMP, ICMPV6, type PacketHeader, TCP, UDP } from '@sallyport/ip-packet'
import type { Filter } from '@sallyport/portal-protocol'

/**
 * Which traffic may pass, by protocol and by the port on the resource's side.
 *
 * No filters at all permit everything, every protocol. With an ICMP filter every ICMP message may pass.
 */
export class FilterSet {
  /** Permits everything. */
  static readonly EVERYTHING: FilterSet = new FilterSet([])

  readonly #permitsAll: boolean
  readonly #icmp: boolean
  /** First and last ports of ranges, alternating. */
  readonly #tcp: readonly number[]
  readonly #udp: readonly number[]

  constructor(filters: readonly Filter[]) {
    this.#permitsAll = filters.length === 0
    this.#icmp = filters.some(({ protocol }) => protocol === 'icmp')
    this.#tcp = rangesOf(filters, 'tcp')
    this.#udp = rangesOf(filters, 'udp')
  }

  /** Returns the set that permits what any of the lists permits: none of them may be empty without permitting all. */
  static union(lists: readonly (readonly Filter[])[]): FilterSet {
    if (lists.some(filters => filters.length === 0)) return FilterSet.EVERYTHING
    return new FilterSet(lists.flat())
  }

  /** Returns whether a packet may pass whose port on the resource's side is `port`. */
  permits(header: PacketHeader, port: number): boolean {
    if (this.#permitsAll) return true
    switch (header.protocol) {
      case TCP:
        return isInRanges(this.#tcp, port)
      case UDP:
        return isInRanges(this.#udp, port)
      case ICMP:
      case ICMPV6:
        return this.#icmp
      default:
        return false
    }
  }
}

function rangesOf(filters: readonly Filter[], protocol: 'tcp' | 'udp'): readonly number[] {
  return filters.flatMap(filter =>
    filter.protocol === protocol ? [filter.port_range_start, filter.port_range_end] : [],
  )
}

function isInRanges(ranges: readonly number[], port: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) if (port >= ranges[i]! && port <= ranges[i + 1]!) return true
  return false
}
