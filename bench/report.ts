import { cpus, release, totalmem } from 'node:os'
import { median, pairedRatio } from './statistics.ts'

/** What one scenario has measured of one kind. */
export interface Measurement {
  /** The scenario's name. */
  readonly scenario: string
  /** What was measured, where a scenario measures several things. */
  readonly metric?: string
  readonly unit: string
  /** Whether more is better. */
  readonly isRate: boolean
  /** By the peer's name: one value for each round. */
  readonly values: ReadonlyMap<string, readonly number[]>
}

/** The results of a run, for programs. */
export interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly settings: Readonly<Record<string, string | number>>
  readonly peers: Readonly<Record<string, string>>
  readonly results: readonly {
    readonly scenario: string
    readonly metric?: string
    readonly unit: string
    readonly isRate: boolean
    readonly peer: string
    readonly median: number
    readonly values: readonly number[]
    /** How often it is as good as each other peer: the median of the ratios of rounds. */
    readonly ratios: Readonly<Record<string, number>>
  }[]
}

/** Puts a report together. */
export function makeReport(
  measurements: readonly Measurement[],
  peers: Readonly<Record<string, string>>,
  settings: Report['settings'],
): Report {
  return {
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    settings,
    peers,
    results: measurements.flatMap(({ values, ...what }) =>
      [...values].map(([peer, own]) => ({
        ...what,
        peer,
        median: median(own),
        values: own,
        ratios: Object.fromEntries(
          [...values]
            .filter(([other]) => other !== peer)
            .map(([other, theirs]) => [other, pairedRatio(own, theirs, what.isRate)]),
        ),
      })),
    ),
  }
}

/** Returns the report as a table for people. */
export function formatReport(report: Report): string {
  const rows = report.results.map(({ scenario, metric, unit, peer, median: middle, values, ratios }) => [
    metric === undefined ? scenario : `${scenario} ${metric}`,
    peer,
    `${middle.toFixed(2)} ${unit}`,
    `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`,
    Object.entries(ratios)
      .map(([other, ratio]) => `${ratio.toFixed(2)} × ${other}`)
      .join(', '),
  ])
  const table = [['scenario', 'peer', 'median', 'range', 'as good as'], ...rows]
  const widths = table[0]!.map((_, column) => Math.max(...table.map(row => row[column]!.length)))
  const lines = table.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  const facts = Object.entries(report.machine).map(([key, value]) => `${key} ${value}`)
  return [facts.join(' · '), '', ...lines].join('\n')
}

/**
 * A claim that a run has to fulfil, about the first peer, which is ours.
 *
 * `tcp-1.wireguard-go>=2.0`: as good as that many of another peer. `relay-1.coturn-cpu<=0.5`: a metric as a multiple of
 * what it is with another peer. `relay-flood.loss<=1`: a metric in its own unit.
 */
export interface Expectation {
  readonly text: string
  readonly scenario: string
  /** A peer, a peer and a metric, or a metric. */
  readonly subject: string
  readonly comparison: '>=' | '<='
  readonly bound: number
}

/** Parses an {@link Expectation}; `undefined` if the text is none. */
export function parseExpectation(text: string): Expectation | undefined {
  const match = /^([\w-]+)\.([\w-]+)(>=|<=)(\d+(?:\.\d+)?)$/.exec(text)
  if (match === null) return undefined
  const [, scenario, subject, comparison, bound] = match
  return { text, scenario: scenario!, subject: subject!, comparison: comparison as '>=' | '<=', bound: Number(bound) }
}

/** Returns the number that an expectation is about, or `undefined` if it wasn't measured. */
export function measuredValue(
  report: Report,
  ours: string,
  { scenario, subject, comparison }: Expectation,
): number | undefined {
  for (const result of report.results) {
    if (result.scenario !== scenario || result.peer !== ours) continue
    if (result.metric === subject) return result.median
    for (const [peer, ratio] of Object.entries(result.ratios))
      if (subject === (result.metric === undefined ? peer : `${peer}-${result.metric}`))
        return !result.isRate && comparison === '<=' ? 1 / ratio : ratio
  }
  return undefined
}

/** Returns whether that number fulfils the expectation. */
export const isMet = ({ comparison, bound }: Expectation, value: number | undefined): boolean =>
  value !== undefined && (comparison === '>=' ? value >= bound : value <= bound)
