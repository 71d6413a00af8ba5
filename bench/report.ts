import { cpus, release, totalmem } from 'node:os'
import type { Scenario } from './scenarios.ts'
import { median, pairedRatio } from './statistics.ts'

/** What one scenario has measured. */
export interface Measurement {
  readonly scenario: Scenario
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
    readonly unit: string
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
    results: measurements.flatMap(({ scenario, values }) =>
      [...values].map(([peer, own]) => ({
        scenario: scenario.name,
        unit: scenario.unit,
        peer,
        median: median(own),
        values: own,
        ratios: Object.fromEntries(
          [...values]
            .filter(([other]) => other !== peer)
            .map(([other, theirs]) => [other, pairedRatio(own, theirs, scenario.isRate)]),
        ),
      })),
    ),
  }
}

/** Returns the report as a table for people. */
export function formatReport(report: Report): string {
  const rows = report.results.map(({ scenario, unit, peer, median: middle, values, ratios }) => [
    scenario,
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

/** A claim that a run has to fulfil: `tcp-1.wireguard-go>=2.0`, ours being the first peer. */
export interface Expectation {
  readonly text: string
  readonly scenario: string
  readonly peer: string
  readonly atLeast: number
}

/** Parses an {@link Expectation}; `undefined` if the text is none. */
export function parseExpectation(text: string): Expectation | undefined {
  const match = /^([\w-]+)\.([\w-]+)>=(\d+(?:\.\d+)?)$/.exec(text)
  return match === null ? undefined : { text, scenario: match[1]!, peer: match[2]!, atLeast: Number(match[3]) }
}

/** Returns the ratio that an expectation is about, or `undefined` if it wasn't measured. */
export const ratioOf = (report: Report, ours: string, { scenario, peer }: Expectation): number | undefined =>
  report.results.find(result => result.scenario === scenario && result.peer === ours)?.ratios[peer]
