import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'

/** Packets, and bytes with IP headers. */
export interface Counter {
  readonly packets: number
  readonly bytes: number
}

/** Reads the named counters of a table of nftables. */
export async function readCounters(host: Namespace, table: string): Promise<ReadonlyMap<string, Counter>> {
  const output = await host.run(['nft', 'list', 'counters', 'table', 'inet', table])
  const counters = output.matchAll(/counter (\w+) \{\s+packets (\d+) bytes (\d+)/g)
  return new Map(
    [...counters].map(([, name, packets, bytes]) => [name!, { packets: Number(packets), bytes: Number(bytes) }]),
  )
}
