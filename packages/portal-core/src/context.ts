import type { Instant, Logger, Random, TimerTable } from '@sallyport/sans-io'
import type { PortalCrypto } from './crypto.ts'
import type { PeerId } from './session.ts'
import type { SessionRegistry } from './session-registry.ts'
import type { WorkingSet } from './working-set.ts'

/** What the parts of the portal share. */
export interface PortalContext {
  readonly db: WorkingSet
  readonly sessions: SessionRegistry
  readonly timers: TimerTable<TimerName>
  readonly crypto: PortalCrypto
  readonly random: Random
  readonly logger: Logger
  /** Returns the calendar time at `now`, in Unix milliseconds. */
  wallClock(now: Instant): number
  /** Runs `work` in a transaction, and afterwards tells everybody what it changed. */
  write<R>(now: Instant, work: () => R): R
  /** Queues a message to a peer. */
  send(peer: PeerId, event: string, payload: unknown): void
}

/** The portal's timers. */
export type TimerName =
  /** When conditions are evaluated anew. */
  | 'refresh'
  /** When what has expired is deleted. */
  | 'sweep'
  /** When a session ends with its token. */
  | `session:${number}`
  /** When a gateway's answer counts as missing. */
  | `flow:${string}`
  /** When a relay counts as gone for one peer. */
  | `relay:${number}:${string}`

/** Returns `at`, in Unix milliseconds, as the whole Unix seconds that messages carry. */
export const unixSeconds = (at: number): number => Math.floor(at / 1000)
