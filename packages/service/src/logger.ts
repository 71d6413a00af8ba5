import type { Logger } from '@sallyport/sans-io'
import { type DestinationStream, destination, type Level, pino } from 'pino'
import pretty from 'pino-pretty'

/** How to log. */
export interface LoggerOptions {
  /** Filter directives as in `RUST_LOG`: `info`, or `warn,snownet=debug`, of which the level alone counts. */
  readonly filter?: string | undefined
  /** Where to; standard output if left out: JSON lines, or coloured text where that is a terminal. */
  readonly stream?: DestinationStream
}

/** Returns a logger that writes one JSON object a line, with `time`, `severity` and `message`. */
export function createLogger(options: LoggerOptions = {}): Logger {
  return pino(
    {
      level: levelOf(options.filter),
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ severity: label.toUpperCase() }) },
      serializers: { error: pino.stdSerializers.err },
    },
    options.stream ?? standardOutput(),
  )
}

function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return destination({ fd: 1, sync: true })
  return pretty({ messageKey: 'message', levelKey: 'severity', timestampKey: 'time', sync: true })
}

const LEVELS: readonly Level[] = ['trace', 'debug', 'info', 'warn', 'error']

function levelOf(filter: string | undefined): Level | 'silent' {
  for (const directive of (filter ?? '').toLowerCase().split(',')) {
    if (directive.trim() === 'off') return 'silent'
    const level = LEVELS.find(level => level === directive.trim())
    if (level !== undefined) return level
  }
  return 'info'
}
