import type { PacketHeader } from '@sallyport/ip-packet'
import type { SocketAddress } from '@sallyport/sans-io'

/** What is found by a pair of addresses. */
export interface TableEntry {
  readonly local: SocketAddress
  readonly remote: SocketAddress
}

/** Connections by the four numbers that name them; looks one up for a packet without making anything. */
export class ConnectionTable<Entry extends TableEntry> {
  readonly #seed: number
  readonly #buckets = new Map<number, Entry[]>()
  readonly #entries = new Set<Entry>()

  /** @param seed - Random 32 bits, so that nobody can choose addresses that all meet in one bucket. */
  constructor(seed: number) {
    this.#seed = seed
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size
  }

  /** All of them, oldest first. */
  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values()
  }

  /** Adds one. There must be none with its addresses yet. */
  add(entry: Entry): void {
    const hash = this.#hashOf(entry)
    const bucket = this.#buckets.get(hash)
    if (bucket === undefined) this.#buckets.set(hash, [entry])
    else bucket.push(entry)
    this.#entries.add(entry)
  }

  /** Removes one, if it's there. */
  delete(entry: Entry): void {
    if (!this.#entries.delete(entry)) return
    const hash = this.#hashOf(entry)
    const rest = this.#buckets.get(hash)!.filter(other => other !== entry)
    if (rest.length === 0) this.#buckets.delete(hash)
    else this.#buckets.set(hash, rest)
  }

  /** Returns the one between two addresses. */
  get(local: SocketAddress, remote: SocketAddress): Entry | undefined {
    const bucket = this.#buckets.get(this.#hashOf({ local, remote }))
    return bucket?.find(entry => entry.local.equals(local) && entry.remote.equals(remote))
  }

  /** Returns the one that a received packet belongs to. */
  find(packet: Uint8Array, header: PacketHeader): Entry | undefined {
    const { sourceOffset, destinationOffset, addressLength, transportOffset } = header
    let hash = hashBytes(this.#seed, packet, sourceOffset, addressLength)
    hash = hashBytes(hash, packet, destinationOffset, addressLength)
    hash = hashBytes(hash, packet, transportOffset, 4)
    const bucket = this.#buckets.get(hash)
    if (bucket === undefined) return undefined
    for (const entry of bucket) if (matches(entry, packet, header)) return entry
    return undefined
  }

  #hashOf({ local, remote }: TableEntry): number {
    const { length } = remote.ip.bytes
    let hash = hashBytes(this.#seed, remote.ip.bytes, 0, length)
    hash = hashBytes(hash, local.ip.bytes, 0, length)
    const ports = Uint8Array.of(remote.port >> 8, remote.port, local.port >> 8, local.port)
    return hashBytes(hash, ports, 0, 4)
  }
}

function matches({ local, remote }: TableEntry, packet: Uint8Array, header: PacketHeader): boolean {
  if (remote.port !== header.sourcePort || local.port !== header.destinationPort) return false
  const { addressLength } = header
  const [source, destination] = [remote.ip.bytes, local.ip.bytes]
  if (source.length !== addressLength) return false
  for (let i = 0; i < addressLength; i++) {
    if (packet[header.sourceOffset + i] !== source[i]) return false
    if (packet[header.destinationOffset + i] !== destination[i]) return false
  }
  return true
}

/** FNV-1a with a last mixing, which carries the seed into every bit. */
function hashBytes(hash: number, bytes: Uint8Array, offset: number, length: number): number {
  for (let i = offset; i < offset + length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return (hash ^ (hash >>> 15)) | 0
}
