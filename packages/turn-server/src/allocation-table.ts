import { add, type Instant, type IpAddress, type Millis, minutes, SocketAddress } from '@sallyport/sans-io'
import { type Allocation, type Channel, newAllocation } from './allocation.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import type { TurnServerEvent } from './turn-server-event.ts'

/** How long a channel binding lives that isn't refreshed (RFC 8656 §12). */
export const CHANNEL_LIFETIME: Millis = minutes(10)

/** How long number and peer of an expired channel binding are barred from any other (RFC 8656 §12). */
export const CHANNEL_COOL_DOWN: Millis = minutes(5)

/** Why a channel can't be bound. */
export type ChannelConflict =
  /** The peer has another number. */
  | 'peer-has-channel'
  /** The number has another peer. */
  | 'channel-has-peer'
  /** The server has as many channels as it may have. */
  | 'too-many-channels'

/**
 * All allocations with their channels, found in one step from either side, and when each of them ends.
 *
 * ```
 *           bind / refresh             10 min                     5 min
 *  (none) ─────────────────▶ bound ──────────────▶ cooling down ─────────▶ (none)
 *                              ▲                        │
 *                              └── same number, peer ───┘       any other combination is refused
 * ```
 */
export class AllocationTable {
  readonly #byClient = new Map<string, Allocation>()
  readonly #byPort = new Map<number, Allocation>()
  readonly #deadlines = new DeadlineHeap<Allocation | Channel>()
  readonly #publicAddresses: readonly IpAddress[]
  readonly #maxChannels: number
  readonly #tell: (event: TurnServerEvent) => void
  #channels = 0
  #boundChannels = 0

  /**
   * @param publicAddresses - The addresses on which relayed ports are reached.
   * @param maxChannels - How many channels, cooling ones included, all allocations together may have.
   * @param tell - Told of ports and channels that come and go.
   */
  constructor(publicAddresses: readonly IpAddress[], maxChannels: number, tell: (event: TurnServerEvent) => void) {
    this.#publicAddresses = publicAddresses
    this.#maxChannels = maxChannels
    this.#tell = tell
  }

  /** How many allocations there are. */
  get size(): number {
    return this.#byClient.size
  }

  /** How many channels carry data. */
  get boundChannels(): number {
    return this.#boundChannels
  }

  /** How many channels there are, cooling ones included. */
  get channels(): number {
    return this.#channels
  }

  /** When {@link expire} is next due. */
  get next(): Instant | undefined {
    return this.#deadlines.next
  }

  /** Returns the allocation of `client`. */
  of(client: SocketAddress): Allocation | undefined {
    return this.#byClient.get(client.key)
  }

  /** Returns the allocation with that relayed port. */
  withPort(port: number): Allocation | undefined {
    return this.#byPort.get(port)
  }

  /** Makes an allocation. `client` has none and `port` is free. */
  create(
    client: SocketAddress,
    local: SocketAddress,
    port: number,
    ips: readonly IpAddress[],
    expiresAt: Instant,
  ): Allocation {
    const relayed = ips.map(ip => new SocketAddress(ip, port))
    const allocation = newAllocation({ client, local, port, relayed }, expiresAt)
    this.#byClient.set(client.key, allocation)
    this.#byPort.set(port, allocation)
    this.#deadlines.set(allocation, expiresAt)
    for (const { family } of relayed) this.#tell({ type: 'open-port', port, family })
    return allocation
  }

  /** Lets an allocation live until then. */
  extend(allocation: Allocation, expiresAt: Instant): void {
    this.#deadlines.set(allocation, expiresAt)
  }

  /** Ends an allocation with all its channels, which leave no cool-down. */
  delete(allocation: Allocation): void {
    for (const channel of allocation.channels.values()) this.#remove(channel)
    this.#deadlines.remove(allocation)
    this.#byClient.delete(allocation.client.key)
    this.#byPort.delete(allocation.port)
    for (const { family } of allocation.relayed) this.#tell({ type: 'close-port', port: allocation.port, family })
  }

  /** Binds or refreshes a channel; returns why not, if not. */
  bind(allocation: Allocation, number: number, peer: SocketAddress, now: Instant): ChannelConflict | undefined {
    const known = allocation.channelsByPeer.get(peer.key)
    if (known !== undefined && known.number !== number) return 'peer-has-channel'
    if (known === undefined && allocation.channels.has(number)) return 'channel-has-peer'
    if (known === undefined && this.#channels >= this.#maxChannels) return 'too-many-channels'
    const channel = known ?? this.#newChannel(allocation, number, peer, now)
    if (!channel.isBound) this.#boundChannels++
    channel.isBound = true
    this.#deadlines.set(channel, add(now, CHANNEL_LIFETIME))
    this.#tell({ type: 'channel-bound', client: allocation.client, channel: number, peer, port: allocation.port })
    return undefined
  }

  /** Ends what is due at `now`. Returns the ports that are free thereby. */
  expire(now: Instant): number[] {
    const ports: number[] = []
    for (let due = this.#deadlines.due(now); due !== undefined; due = this.#deadlines.due(now)) {
      if (due.type === 'allocation') {
        this.delete(due)
        ports.push(due.port)
      } else if (due.isBound) {
        this.#unbind(due)
        this.#deadlines.set(due, add(due.deadline, CHANNEL_COOL_DOWN))
      } else {
        this.#remove(due)
      }
    }
    return ports
  }

  #newChannel(allocation: Allocation, number: number, peer: SocketAddress, now: Instant): Channel {
    const isLocal = this.#publicAddresses.some(ip => ip.equals(peer.ip))
    const channel: Channel = {
      type: 'channel',
      allocation,
      number,
      peer,
      isBound: false,
      isLocal,
      deadline: now,
      heapIndex: -1,
    }
    allocation.channels.set(number, channel)
    allocation.channelsByPeer.set(peer.key, channel)
    this.#channels++
    return channel
  }

  #unbind(channel: Channel): void {
    const { allocation, number, peer } = channel
    channel.isBound = false
    this.#boundChannels--
    this.#tell({ type: 'channel-unbound', client: allocation.client, channel: number, peer, port: allocation.port })
  }

  #remove(channel: Channel): void {
    if (channel.isBound) this.#unbind(channel)
    this.#deadlines.remove(channel)
    channel.allocation.channels.delete(channel.number)
    channel.allocation.channelsByPeer.delete(channel.peer.key)
    this.#channels--
  }
}
