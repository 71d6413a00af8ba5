import {
  add,
  type Datagram,
  type Instant,
  type IpAddress,
  type IpFamily,
  type Logger,
  minutes,
  seconds,
  unreachable,
} from '@sallyport/sans-io'
import type { StunAttribute } from '@sallyport/stun'
import { chooseAddresses, type PublicAddresses } from './address-family.ts'
import { type Allocation, relayedAddress } from './allocation.ts'
import type { AllocationTable } from './allocation-table.ts'
import type { PeerPolicy } from './peer-policy.ts'
import type { PortPool } from './port-pool.ts'
import type { AllocateRequest, AuthenticatedRequest, ChannelBindRequest, CreatePermissionRequest } from './request.ts'
import { failure, type Response, success } from './response.ts'

/** The lifetime of an allocation whose client doesn't ask for one (RFC 8656 §3.2). */
export const DEFAULT_LIFETIME_SECONDS = 600

/** The longest lifetime that an allocation gets at a time (RFC 8656 §7.2). */
export const MAX_LIFETIME_SECONDS = 3600

/** Where a request comes from, and whose it is. */
export interface Origin {
  readonly datagram: Datagram
  readonly user: string
  readonly now: Instant
}

/** What a {@link Service} is made of. */
export interface ServiceOptions {
  readonly addresses: PublicAddresses
  readonly table: AllocationTable
  readonly ports: PortPool
  readonly policy: PeerPolicy
  readonly logger: Logger
  /** How many allocations there may be. */
  readonly maxAllocations: number
  /** How many allocations one user may have. */
  readonly maxAllocationsPerUser: number
}

/** Serves the requests of users: what each does to the allocations (RFC 8656 §7 to §12), and what it is answered with. */
export class Service {
  readonly #options: ServiceOptions
  readonly #table: AllocationTable
  readonly #ports: PortPool
  /** Ports that couldn't be opened, until when they are left alone. */
  readonly #brokenPorts = new Map<number, Instant>()
  #isDraining = false

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#table = options.table
    this.#ports = options.ports
  }

  /** Serves one request. */
  serve(request: AuthenticatedRequest, origin: Origin): Response {
    const allocation = this.#table.of(origin.datagram.remote)
    if (request.type === 'allocate') return allocation === undefined ? this.#allocate(request, origin) : failure(437)
    if (allocation === undefined) return failure(437)
    const isFree = request.type === 'refresh' && request.lifetime === 0
    // RFC 8656 §5 wants 441 for that, too, but a process that got the socket of another one has to get rid of its leavings
    if (allocation.user.name !== origin.user && !isFree) return failure(441)
    switch (request.type) {
      case 'refresh':
        return this.#refresh(allocation, request.lifetime, origin)
      case 'channel-bind':
        return this.#bindChannel(allocation, request, origin)
      case 'create-permission':
        return this.#permit(allocation, request, origin)
      default:
        return unreachable(request)
    }
  }

  /** Ends what is due at `now`. */
  expire(now: Instant): void {
    for (const port of this.#table.expire(now)) this.#ports.release(port)
    for (const [port, until] of this.#brokenPorts) {
      if (until > now) break // in the order in which they broke
      this.#brokenPorts.delete(port)
      this.#ports.release(port)
    }
  }

  /** When a port that couldn't be opened is tried again. */
  get firstBroken(): Instant | undefined {
    const [first] = this.#brokenPorts.values()
    return first
  }

  /** Ends the allocation whose port couldn't be opened, and leaves the port alone for a while. */
  handlePortFailure(port: number, now: Instant): void {
    const allocation = this.#table.withPort(port)
    if (allocation === undefined) return
    this.#table.delete(allocation)
    this.#brokenPorts.set(port, add(now, BROKEN_PORT_PAUSE))
  }

  /** Allocates nothing from here on. */
  drain(): void {
    this.#isDraining = true
  }

  #allocate(request: AllocateRequest, { datagram, user, now }: Origin): Response {
    const { addresses, maxAllocations, maxAllocationsPerUser, logger } = this.#options
    const { local, remote } = datagram
    if (this.#isDraining || this.#ports.free === 0 || this.#table.size >= maxAllocations) return failure(508)
    if (request.transport !== UDP) return failure(442)
    if (request.hasReservation && request.evenPort !== 'any') return failure(400)
    if (request.hasReservation || request.evenPort === 'even-and-next') return failure(508) // nothing is ever reserved
    const ips = chooseAddresses(addresses, request.requestedFamily, request.additionalFamily)
    if (typeof ips === 'number') return failure(ips)
    if (this.#table.allocationsOf(user) >= maxAllocationsPerUser) return failure(486)
    const port = this.#ports.take(request.evenPort === 'even')
    if (port === undefined) return failure(508)
    const lifetime = grant(request.lifetime)
    const { relayed } = this.#table.create({ client: remote, local, port, user }, ips, add(now, seconds(lifetime)))
    logger.debug({ client: remote.key, port, lifetime }, 'allocated')
    return success([
      ...relayed.map(value => ({ type: 'xor-relayed-address', value }) as const),
      ...(request.additionalFamily === undefined ? [] : missingFamilies(ips)),
      { type: 'xor-mapped-address', value: remote },
      { type: 'lifetime', value: lifetime },
    ])
  }

  #refresh(allocation: Allocation, requested: number | undefined, { datagram, now }: Origin): Response {
    const { local, remote } = datagram
    const lifetime = grant(requested)
    if (lifetime === 0) {
      this.#table.delete(allocation)
      this.#ports.release(allocation.port)
      this.#options.logger.debug({ client: remote.key, port: allocation.port }, 'given back')
    } else {
      allocation.local = local
      this.#table.extend(allocation, add(now, seconds(lifetime)))
    }
    return success([{ type: 'lifetime', value: lifetime }])
  }

  #bindChannel(
    allocation: Allocation,
    { channel, peer }: ChannelBindRequest,
    { datagram: { local, remote }, now }: Origin,
  ): Response {
    if (relayedAddress(allocation, peer.family) === undefined) return failure(443)
    if (this.#options.policy.judge(peer) === 'denied') return failure(403)
    const conflict = this.#table.bind(allocation, channel, peer, now)
    if (conflict !== undefined) {
      this.#options.logger.debug({ client: remote.key, channel, peer: peer.key, conflict }, 'not binding a channel')
      return failure(conflict === 'too-many-channels' ? 508 : 400)
    }
    allocation.local = local
    return success()
  }

  /** All or none (RFC 8656 §10.2). */
  #permit(allocation: Allocation, { peers }: CreatePermissionRequest, { datagram: { local }, now }: Origin): Response {
    for (const { family } of peers) if (relayedAddress(allocation, family) === undefined) return failure(443)
    for (const { ip } of peers) if (this.#options.policy.judgeAddress(ip) === 'denied') return failure(403)
    for (const { ip } of peers) if (!this.#table.permit(allocation, ip, now)) return failure(508)
    allocation.takesIndications = true
    allocation.local = local
    return success()
  }
}

const UDP = 17

/** How long a port that couldn't be opened is left alone: somebody else on this machine has it. */
const BROKEN_PORT_PAUSE = minutes(1)

const grant = (lifetime: number | undefined): number =>
  Math.min(lifetime ?? DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS)

/** Says of which family there is no address although both were asked for (RFC 8656 §7.2). */
const missingFamilies = (ips: readonly IpAddress[]): StunAttribute[] =>
  ([4, 6] as const satisfies IpFamily[])
    .filter(family => !ips.some(ip => ip.family === family))
    .map(family => ({
      type: 'address-error-code',
      value: { family, code: 440, reason: 'Address Family not Supported' },
    }))
