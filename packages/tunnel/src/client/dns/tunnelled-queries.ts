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

  /** Where answers may come from: tells most packets without a look at anything else. */
  readonly #serverPorts = new Set<number>()

  /** Returns whether a UDP packet from that port may be an answer. Allocates nothing. */
  mayAnswer(sourcePort: number): boolean {
    return this.#serverPorts.has(sourcePort)
  }

  /** Notes a query: its id alone may collide, hence the asker's port. */
  add(server: SocketAddress, port: number, id: number, sentinel: IpAddress, now: Instant): void {
    const key = keyOf(server, port, id)
    this.#serverPorts.add(server.port)
    this.#queries.delete(key)
    this.#queries.set(key, { sentinel, expiresAt: add(now, LIFETIME) })
    if (this.#queries.size > MAX_QUERIES) this.#queries.delete(this.#queries.keys().next().value!)
  }

  /** Returns which address of ours was asked, if a UDP packet answers a query; that one is then forgotten. */
  take(header: PacketHeader, bytes: Uint8Array): IpAddress | undefined {
    if (header.payloadLength < 2) return undefined
    const { sourceOffset, addressLength, payloadOffset } = header
    const ip = IpAddress.fromBytes(bytes.subarray(sourceOffset, sourceOffset + addressLength))
    const id = (bytes[payloadOffset]! << 8) | bytes[payloadOffset + 1]!
    const key = keyOf(new SocketAddress(ip, header.sourcePort), header.destinationPort, id)
    const query = this.#queries.get(key)
    this.#queries.delete(key)
    this.#forgetPorts()
    return query?.sentinel
  }

  /** Gives up what is too old. */
  expire(now: Instant): void {
    for (const [key, { expiresAt }] of this.#queries) {
      if (expiresAt > now) break
      this.#queries.delete(key)
    }
    this.#forgetPorts()
  }

  /** When {@link expire} is next due. */
  get nextExpiry(): Instant | undefined {
    return this.#queries.values().next().value?.expiresAt
  }

  #forgetPorts(): void {
    if (this.#queries.size === 0) this.#serverPorts.clear()
  }
}

const keyOf = (server: SocketAddress, port: number, id: number): string => `${server.key} ${port} ${id}`
