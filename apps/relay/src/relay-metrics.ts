import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { TurnServer } from '@sallyport/turn-server'
import type { Health } from './health.ts'
import { formatMetrics } from './metrics.ts'

/** What a relay tells whoever watches it. */
export class RelayMetrics {
  readonly #server: TurnServer
  readonly #health: Health
  readonly #delay: ReturnType<typeof monitorEventLoopDelay> = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })

  constructor(server: TurnServer, health: Health) {
    this.#server = server
    this.#health = health
    this.#delay.enable()
  }

  /** Measures no more. */
  close(): void {
    this.#delay.disable()
  }

  /** Writes everything as it is. The event loop's delay is that since the last time. */
  format(): string {
    const { stats, allocations, boundChannels, permissions } = this.#server
    const lag = (nanoseconds: number): number =>
      Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - DELAY_RESOLUTION_MS / 1e3) : 0
    const delays = {
      p50: lag(this.#delay.percentile(50)),
      p99: lag(this.#delay.percentile(99)),
      max: lag(this.#delay.max),
    }
    this.#delay.reset()
    return formatMetrics([
      gauge('allocations', 'Allocations that there are.', allocations),
      gauge('channels', 'Channels that carry data.', boundChannels),
      gauge('permissions', 'Permissions that there are.', permissions),
      counter('relayed_bytes_total', 'Payload bytes relayed, both ways.', stats.relayedBytes),
      counter('relayed_datagrams_total', 'Datagrams relayed, both ways.', stats.relayedDatagrams),
      counter('dropped_datagrams_total', 'Datagrams that were not relayed.', { label: 'reason', of: stats.drops }),
      counter('success_responses_total', 'Requests that were served.', stats.successes),
      counter('error_responses_total', 'Requests that were refused.', { label: 'code', of: stats.errorsByCode }),
      counter('withheld_responses_total', 'Answers not given, lest they amplify.', stats.withheldResponses),
      counter('authentication_failures_total', 'Requests with wrong credentials.', stats.authenticationFailures),
      gauge('event_loop_delay_seconds', 'How late work starts, since the last look.', {
        label: 'quantile',
        of: delays,
      }),
      gauge('ready', 'Whether the portal knows this relay.', this.#health.isReady ? 1 : 0),
      gauge('resident_memory_bytes', 'Memory of the process.', process.memoryUsage.rss()),
    ])
  }
}

const DELAY_RESOLUTION_MS = 10

type Values = Parameters<typeof formatMetrics>[0][number]['values']

const gauge = (name: string, help: string, values: Values) =>
  ({ name: `sallyport_relay_${name}`, type: 'gauge', help, values }) as const

const counter = (name: string, help: string, values: Values) =>
  ({ name: `sallyport_relay_${name}`, type: 'counter', help, values }) as const
