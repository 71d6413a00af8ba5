import { add, type Instant, type IpAddress, type Millis, minutes, SocketAddress } from '@sallyport/sans-io'
import { type Allocation, type Channel, newAllocation, type Permission, type User, type Way } from './allocation.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import type { PeerPolicy } from './peer-policy.ts'
import type { TurnServerEvent } from './turn-server-event.ts'

/** How long a channel binding lives that isn't refreshed (RFC 8656 §12). */
export const CHANNEL_LIFETIME: Millis = minutes(10)

/** How long number and peer of an expired channel binding are barred from any other (RFC 8656 §12). */
export const CHANNEL_COOL_DOWN: Millis = minutes(5)

/** How long a permission lives that isn't refreshed (RFC 8656 §9). */
export const PERMISSION_LIFETIME: Millis = minutes(5)

/** Why a channel can't be bound. */
export type ChannelConflict =
  /** The peer has another number. */
  | 'peer-has-channel'
  /** The number has another peer. */
  | 'channel-has-peer'
  /** The server has as many channels as it may have, or this user as many as are left for others. */
  | 'too-many-channels'

/** How much an {@link AllocationTable} holds, all users together. */
export interface TableLimits {
  /** Channels, cooling ones included. */
  readonly maxChannels: number
  /** Permissions, those of channels included. */
  readonly maxPermissions: number
}

/**
 * All allocations with their channels and permissions, found in one step from either side, and when each of them ends.
 *
 * ```
 *           bind / refresh             10 min                     5 min
 *  (none) ─────────────────▶ bound ──────────────▶ cooling down ─────────▶ (none)
 *                              ▲                        │
 *                              └── same number, peer ───┘       any other combination is refused
 * ```
 *
 * No user gets more channels or permissions than are left for all others: one alone can take half of them, and whoever
 * comes then still finds some.
 */
export class AllocationTable {
  readonly #byClient = new Map<string, Allocation>()
  readonly #byPort = new Map<number, Allocation>()
  readonly #users = new Map<string, User>()
  readonly #deadlines = new DeadlineHeap<Allocation | Channel | Permission>()
  readonly #publicAddresses: readonly IpAddress[]
  readonly #policy: PeerPolicy
  readonly #limits: TableLimits
  readonly #tell: (event: TurnServerEvent) => void
  #channels = 0
  #permissions = 0
  #boundChannels = 0

  /**
   * @param publicAddresses - The addresses on which relayed ports are reached.
   * @param policy - Says which peers are to be looked for among this server's own ports only.
   * @param tell - Told of ports and channels that come and go.
   */
  constructor(
    publicAddresses: readonly IpAddress[],
    policy: PeerPolicy,
    limits: TableLimits,
    tell: (event: TurnServerEvent) => void,
  ) {
    this.#publicAddresses = publicAddresses
    this.#policy = policy
    this.#limits = limits
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

  /** How many permissions there are. */
  get permissions(): number {
    return this.#permissions
  }

  /** Returns how many allocations the user of that name has. */
  allocationsOf(user: string): number {
    return this.#users.get(user)?.allocations ?? 0
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
    parts: Pick<Allocation, 'client' | 'local' | 'port'> & { readonly user: string },
    ips: readonly IpAddress[],
    expiresAt: Instant,
  ): Allocation {
    const { client, port } = parts
    const relayed = ips.map(ip => new SocketAddress(ip, port))
    const user = this.#users.get(parts.user) ?? { name: parts.user, allocations: 0, channels: 0, permissions: 0 }
    this.#users.set(user.name, user)
    user.allocations++
    const allocation = newAllocation({ ...parts, user, relayed }, expiresAt)
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
    for (const permission of allocation.permissions.values()) this.#removePermission(permission)
    if (--allocation.user.allocations === 0) this.#users.delete(allocation.user.name)
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
    if (known === undefined && allocation.user.channels >= this.#limits.maxChannels - this.#channels)
      return 'too-many-channels'
    const channel = known ?? this.#newChannel(allocation, number, peer, now)
    if (!channel.isBound) this.#boundChannels++
    channel.isBound = true
    this.#deadlines.set(channel, add(now, CHANNEL_LIFETIME))
    this.#tell({ type: 'channel-bound', client: allocation.client, channel: number, peer, port: allocation.port })
    this.permit(allocation, peer.ip, now) // a table without room for it doesn't matter: the channel lets its peer in
    return undefined
  }

  /** Makes or refreshes a permission; returns whether there was room for it. */
  permit(allocation: Allocation, ip: IpAddress, now: Instant): boolean {
    let permission = allocation.permissions.get(ip.text)
    if (permission === undefined) {
      const { user } = allocation
      if (user.permissions >= this.#limits.maxPermissions - this.#permissions) return false
      const way = this.#wayTo(ip)
      permission = { type: 'permission', allocation, ip, way, deadline: now, heapIndex: -1 }
      allocation.permissions.set(ip.text, permission)
      user.permissions++
      this.#permissions++
    }
    this.#deadlines.set(permission, add(now, PERMISSION_LIFETIME))
    return true
  }

  /** Ends what is due at `now`. Returns the ports that are free thereby. */
  expire(now: Instant): number[] {
    const ports: number[] = []
    for (let due = this.#deadlines.due(now); due !== undefined; due = this.#deadlines.due(now)) {
      if (due.type === 'allocation') {
        this.delete(due)
        ports.push(due.port)
      } else if (due.type === 'permission') {
        this.#removePermission(due)
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
    const channel: Channel = {
      type: 'channel',
      allocation,
      number,
      peer,
      isBound: false,
      way: this.#wayTo(peer.ip),
      deadline: now,
      heapIndex: -1,
    }
    allocation.channels.set(number, channel)
    allocation.channelsByPeer.set(peer.key, channel)
    allocation.user.channels++
    this.#channels++
    return channel
  }

  #wayTo(ip: IpAddress): Way {
    if (!this.#publicAddresses.some(own => own.equals(ip))) return 'out'
    return this.#policy.judgeAddress(ip) === 'allowed' ? 'within-or-out' : 'within'
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
    channel.allocation.user.channels--
    this.#channels--
  }

  #removePermission(permission: Permission): void {
    const { allocation, ip } = permission
    this.#deadlines.remove(permission)
    allocation.permissions.delete(ip.text)
    allocation.user.permissions--
    this.#permissions--
  }
}
