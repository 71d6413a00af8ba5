import type { ResourceId } from '@sallyport/portal-protocol'
import { elapsed, type Instant, type Millis, seconds } from '@sallyport/sans-io'
import { UniquePackets } from './unique-packets.ts'

/** The least time between two intents for one resource. */
const INTENT_FLOOR: Millis = seconds(2)

/** How many packets wait for access to one resource. */
const PENDING_PACKETS = 128

interface PendingFlow {
  /** `undefined`: the portal has not been asked, or not in a way that counts. */
  lastIntentAt: Instant | undefined
  readonly packets: UniquePackets
  /** Queries for its name servers. */
  readonly queries: UniquePackets
}

/** What waits for a resource, to push to. */
export interface Waiting {
  readonly packets: UniquePackets
  /** Packets to DNS addresses of ours. */
  readonly queries: UniquePackets
  /** Whether the portal is to be asked (again). */
  readonly isIntentDue: boolean
}

/** What has waited for a resource, oldest first. */
export interface Waited {
  readonly packets: readonly Uint8Array[]
  readonly queries: readonly Uint8Array[]
}

const newFlow = (lastIntentAt: Instant | undefined): PendingFlow => ({
  lastIntentAt,
  packets: new UniquePackets(PENDING_PACKETS),
  queries: new UniquePackets(PENDING_PACKETS),
})

/**
 * Resources that were asked for, with the packets that wait for them.
 *
 * No timers: what repeats an intent is repeated traffic. Only after a reset it can't be waited for: who has nothing but
 * an answer to expect doesn't send.
 */
export class PendingFlows {
  readonly #flows = new Map<ResourceId, PendingFlow>()

  /** Returns the packets that wait for `resource`, to push to, and whether the portal is to be asked (again) at `now`. */
  want(resource: ResourceId, now: Instant): Waiting {
    const flow = this.#flows.get(resource)
    if (flow === undefined) {
      const started = newFlow(now)
      this.#flows.set(resource, started)
      return { packets: started.packets, queries: started.queries, isIntentDue: true }
    }
    const isIntentDue = flow.lastIntentAt === undefined || elapsed(flow.lastIntentAt, now) >= INTENT_FLOOR
    if (isIntentDue) flow.lastIntentAt = now
    return { packets: flow.packets, queries: flow.queries, isIntentDue }
  }

  /** Returns whether access to `resource` was asked for and not answered. */
  has(resource: ResourceId): boolean {
    return this.#flows.has(resource)
  }

  /** Notes that the portal has to be asked (again) for what waits, and for `resources`. */
  restart(resources: Iterable<ResourceId>): void {
    for (const flow of this.#flows.values()) flow.lastIntentAt = undefined
    for (const resource of resources) if (!this.#flows.has(resource)) this.#flows.set(resource, newFlow(undefined))
  }

  /** Returns what the portal has to be asked for since {@link restart} and hasn't been, as asked for at `now`. */
  takeUnasked(now: Instant): ResourceId[] {
    const unasked = [...this.#flows].filter(([, { lastIntentAt }]) => lastIntentAt === undefined)
    for (const [, flow] of unasked) flow.lastIntentAt = now
    return unasked.map(([resource]) => resource)
  }

  /** Ends the wait for `resource`. Returns what waited, oldest first; `undefined` if it wasn't asked for. */
  take(resource: ResourceId): Waited | undefined {
    const flow = this.#flows.get(resource)
    this.#flows.delete(resource)
    return flow && { packets: flow.packets.takeAll(), queries: flow.queries.takeAll() }
  }

  /** Undoes {@link take}, because nothing could be made of the access: the portal has to be asked again. */
  putBack(resource: ResourceId, waited: Waited): void {
    const flow = newFlow(undefined)
    for (const packet of waited.packets) flow.packets.push(packet, 0, packet.length)
    for (const query of waited.queries) flow.queries.push(query, 0, query.length)
    this.#flows.set(resource, flow)
  }

  /** Forgets everything. */
  clear(): void {
    this.#flows.clear()
  }
}
