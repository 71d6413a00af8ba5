import { pino } from 'pino'
import { PinoPretty } from 'pino-pretty'

/** From which level on lines are written. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Makes the log, which goes to standard output. */
export function newLog(format: 'human' | 'json' | 'google-cloud', level: LogLevel): pino.Logger {
  if (format === 'human') {
    const pretty = PinoPretty({ colorize: process.stdout.isTTY, ignore: 'pid,hostname', translateTime: 'SYS:standard' })
    return pino({ level }, pretty)
  }
  return pino({
    level,
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ severity: SEVERITIES[label] ?? label.toUpperCase() }) },
  })
}

/** As Google Cloud and the original name them. */
const SEVERITIES: Readonly<Record<string, string>> = { warn: 'WARNING' }

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
