/** How the text says what it is. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Something that is counted or measured, with all its values of this moment. */
export interface Metric {
  /** Lower-case letters and underscores; a counter's ends in `_total`. */
  readonly name: string
  /** A counter only grows, except when the process starts; a gauge goes up and down. */
  readonly type: 'counter' | 'gauge'
  /** What it is, in one line. */
  readonly help: string
  /** One value, or one for each value of a label. */
  readonly values: number | { readonly label: string; readonly of: Readonly<Record<string, number>> }
}

/** Writes metrics in the text format that Prometheus reads (exposition format 0.0.4). */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.map(formatMetric).join('')
}

function formatMetric({ name, type, help, values }: Metric): string {
  const samples =
    typeof values === 'number'
      ? `${name} ${values}\n`
      : Object.entries(values.of)
          .map(([value, count]) => `${name}{${values.label}="${value}"} ${count}\n`)
          .join('')
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples}`
}
