/** Prints what a command returned: as JSON for programs, else as lines of `name value` or as a table. */
export function printResult(result: unknown, asJson: boolean | undefined): void {
  if (asJson) console.log(JSON.stringify(result, null, 2))
  else if (Array.isArray(result)) console.log(formatTable(result))
  else console.log(formatObject(result as object))
}

/** Returns an object as one line for each of its values. */
export function formatObject(row: object): string {
  const entries = Object.entries(row)
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${formatValue(value)}`).join('\n')
}

/** Returns rows as a table, with the columns of the first. */
export function formatTable(rows: readonly object[]): string {
  if (rows.length === 0) return 'none'
  const columns = Object.keys(rows[0]!).filter(column => !HIDDEN.includes(column))
  const lines = [
    columns,
    ...rows.map(row => columns.map(column => formatValue((row as Record<string, unknown>)[column]))),
  ]
  const widths = columns.map((_, i) => Math.max(...lines.map(line => line[i]!.length)))
  return lines
    .map(line =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Columns that make tables too wide and that JSON has all the same. */
const HIDDEN = ['accountId', 'lastSeen', 'publicKey', 'externalId']

function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '-'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
