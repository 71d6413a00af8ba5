import { add, type Instant, minutes, seconds } from '@sallyport/sans-io'
import type { TurnServer } from '@sallyport/turn-server'
import { describe, expect, test } from 'vitest'
import { Health } from './health.ts'
import { parseLogFilter } from './log-filter.ts'
import { formatMetrics } from './metrics.ts'
import { formatThroughput, Statistics } from './statistics.ts'

const now = 5_000 as Instant

describe('health', () => {
  test('is good without a heartbeat, and until 900 seconds after the last one', () => {
    const health = new Health()
    expect(health.isHealthy(now)).toBe(true)
    health.noteHeartbeat(now)

    expect(health.isHealthy(add(now, seconds(10)))).toBe(true)
    expect(health.isHealthy(add(now, seconds(899)))).toBe(true)
    expect(health.isHealthy(add(now, minutes(15)))).toBe(false)
  })
})

describe('throughput', () => {
  test.each([
    [0, '0.00 B/s'],
    [42, '42.00 B/s'],
    [1_234, '1.23 kB/s'],
    [955_333_000, '955.33 MB/s'],
    [100_000_000_000, '100.00 GB/s'],
    [5e15, '5000.00 TB/s'],
  ])('of %d bytes per second is %s', (bytes, text) => {
    expect(formatThroughput(bytes)).toBe(text)
  })

  test('is what was relayed since the last line', () => {
    const lines: unknown[] = []
    const server = { stats: { relayedBytes: 500 }, allocations: 2, boundChannels: 3 } as unknown as TurnServer
    const logger = { debug() {}, warn() {}, error() {}, info: (fields: unknown) => lines.push(fields) }
    const statistics = new Statistics(server, logger, now)
    statistics.report(add(now, seconds(10)))
    server.stats.relayedBytes = 20_500
    statistics.report(add(now, seconds(20)))

    expect(lines).toEqual([
      { allocations: 2, channels: 3, throughput: '50.00 B/s' },
      { allocations: 2, channels: 3, throughput: '2.00 kB/s' },
    ])
  })
})

describe('log filters', () => {
  test.each([
    ['info', 'info'],
    ['DEBUG', 'debug'],
    ['wire=trace,debug', 'debug'],
    ['relay=debug', 'info'],
    ['off', 'error'],
    ['', undefined],
    ['loud', undefined],
    ['a=loud', undefined],
  ])('%o means %s', (text, level) => {
    expect(parseLogFilter(text)).toBe(level)
  })
})

test('metrics are written as Prometheus reads them', () => {
  expect(
    formatMetrics([
      { name: 'a', type: 'gauge', help: 'How many.', values: 3 },
      { name: 'b_total', type: 'counter', help: 'Why.', values: { label: 'reason', of: { x: 1, 'no-room': 0 } } },
    ]),
  ).toBe(
    '# HELP a How many.\n# TYPE a gauge\na 3\n' +
      '# HELP b_total Why.\n# TYPE b_total counter\nb_total{reason="x"} 1\nb_total{reason="no-room"} 0\n',
  )
})
