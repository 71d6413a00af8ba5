/** From which level on lines are written. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/**
 * Parses a log filter in the notation of the original: `level` or `module=level`, separated by commas.
 *
 * There are no modules here, so that only levels without one count.
 *
 * @returns the level, `info` if the filter speaks of modules only, or `undefined` if it is none.
 */
export function parseLogFilter(text: string): LogLevel | undefined {
  let found: LogLevel = 'info'
  for (const directive of text.split(',')) {
    const match = /^\s*(?:([\w:.\-[\]{}]+)=)?(off|error|warn|info|debug|trace)\s*$/i.exec(directive)
    if (match === null) return undefined
    if (match[1] === undefined) found = LEVELS[match[2]!.toLowerCase()]!
  }
  return found
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  off: 'error',
  error: 'error',
  warn: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
}
