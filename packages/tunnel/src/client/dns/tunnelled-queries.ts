import type { PacketHeader } from '@sallyport/ip-packet'
import { add, type Instant, IpAddress, type Millis, SocketAddress, seconds } from '@sallyport/sans-io'

/** How long the answer to a query that went through the tunnel is waited for. */
const LIFETIME: Millis = seconds(60)

/** How many are waited for: beyond that the oldest are given up. */
const MAX_QUERIES = 4096

/** Queries that were sent on through the tunnel, so that their answers come back from the address that was asked. */
export class TunnelledQueries {
  /** In the order of expiry. */
  readonly #queries = new Map<string, { readonly sentinel: IpAddress; readonly expiresAt: Instant }>()

  /** How many answers are waited for. */
  get size(): number {
    return this.#queries.size
  }

  /** Notes a query: its id alone may collide, hence the asker's port. */
  add(server: SocketAddress, port: number, id: number, sentinel: IpAddress, now: Instant): void {
    const key = keyOf(server, port, id)
    this.#queries.delete(key)
    this.#queries.set(key, { sentinel, expiresAt: add(now, LIFETIME) })
    if (this.#queries.size > MAX_QUERIES) this.#queries.delete(this.#queries.keys().next().value!)
  }

  /** Returns which address of ours was asked, if a UDP packet answers a query; that one is then forgotten. */
  take(header: PacketHeader, bytes: Uint8Array): IpAddress | undefined {
    if (this.#queries.size === 0 || header.payloadLength < 2) return undefined
    const { sourceOffset, addressLength, payloadOffset } = header
    const ip = IpAddress.fromBytes(bytes.subarray(sourceOffset, sourceOffset + addressLength))
    const id = (bytes[payloadOffset]! << 8) | bytes[payloadOffset + 1]!
    const key = keyOf(new SocketAddress(ip, header.sourcePort), header.destinationPort, id)
    const query = this.#queries.get(key)
    this.#queries.delete(key)
    return query?.sentinel
  }

  /** Gives up what is too old. */
  expire(now: Instant): void {
    for (const [key, { expiresAt }] of this.#queries) {
      if (expiresAt > now) return
      this.#queries.delete(key)
    }
  }

  /** When {@link expire} is next due. */
  get nextExpiry(): Instant | undefined {
    return this.#queries.values().next().value?.expiresAt
  }
}

const keyOf = (server: SocketAddress, port: number, id: number): string => `${server.key} ${port} ${id}`
