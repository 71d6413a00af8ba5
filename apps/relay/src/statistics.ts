import { elapsed, type Instant, type Logger } from '@sallyport/sans-io'
import type { TurnServer } from '@sallyport/turn-server'

/** How often a relay says what it does. */
export const STATISTICS_INTERVAL_MS = 10_000

/** Says from time to time how much is relayed, as one line. */
export class Statistics {
  readonly #server: TurnServer
  readonly #logger: Logger
  #bytes = 0
  #since: Instant

  constructor(server: TurnServer, logger: Logger, now: Instant) {
    this.#server = server
    this.#logger = logger
    this.#since = now
  }

  /** Writes the line. */
  report(now: Instant): void {
    const { stats, allocations, boundChannels } = this.#server
    const duration = elapsed(this.#since, now) / 1000
    const throughput = formatThroughput(duration > 0 ? (stats.relayedBytes - this.#bytes) / duration : 0)
    this.#bytes = stats.relayedBytes
    this.#since = now
    this.#logger.info({ allocations, channels: boundChannels, throughput }, 'relaying')
  }
}

/** Returns a number of bytes per second for people: `42.00 B/s`, `1.23 kB/s`, `955.33 MB/s`. */
export function formatThroughput(bytesPerSecond: number): string {
  let value = bytesPerSecond
  let unit = 0
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000
  return `${value.toFixed(2)} ${UNITS[unit]}/s`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const
