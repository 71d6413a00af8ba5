/** Which traffic of a resource is let through, as stored. Without ports: all of the protocol. */
export interface Filter {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  /** `"80"` or `"8000 - 8100"`; empty means all ports. */
  readonly ports: readonly string[]
}

/** A filter as peers get it: one a port range. */
export type FilterView =
  | { protocol: 'tcp' | 'udp'; port_range_start: number; port_range_end: number }
  | { protocol: 'tcp' | 'udp' }
  | { protocol: 'icmp' }

/** Returns the filters as peers get them; an empty list lets everything through. */
export function viewFilters(filters: readonly Filter[]): FilterView[] {
  return filters.flatMap((filter): FilterView[] => {
    const { protocol } = filter
    if (protocol === 'icmp') return [{ protocol }]
    if (filter.ports.length === 0) return [{ protocol }]
    return filter.ports.map(text => {
      const range = parsePortRange(text)!
      return { protocol, port_range_start: range.start, port_range_end: range.end }
    })
  })
}

/** Returns the filter with its ports in canonical text, or the sentence that says what is wrong with it. */
export function parseFilter(input: {
  readonly protocol: string
  readonly ports?: readonly string[] | undefined
}): Filter | string {
  const { protocol, ports = [] } = input
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'icmp') return `protocol "${protocol}" is unknown`
  if (protocol === 'icmp') return ports.length === 0 ? { protocol, ports: [] } : 'icmp has no ports'
  const texts: string[] = []
  for (const text of ports) {
    const range = parsePortRange(text)
    if (range === undefined) return `"${text}" is no port or range of ports`
    texts.push(range.start === range.end ? `${range.start}` : `${range.start} - ${range.end}`)
  }
  return { protocol, ports: texts }
}

function parsePortRange(text: string): { start: number; end: number } | undefined {
  const match = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(text)
  if (match === null) return undefined
  const start = Number(match[1])
  const end = Number(match[2] ?? match[1])
  return start <= end && end <= 65_535 ? { start, end } : undefined
}
