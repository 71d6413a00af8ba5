import type { Logger } from '@sallyport/sans-io'
import { type DestinationStream, destination, type Level, pino } from 'pino'
import pretty from 'pino-pretty'

/** How to log. */
export interface LoggerOptions {
  /** Filter directives as in `RUST_LOG`: `info`, or `warn,snownet=debug`, of which the level alone counts. */
  readonly filter?: string | undefined
  /** How lines look on standard output: by default for people where that is a terminal, else JSON. */
  readonly format?: 'human' | 'json' | undefined
  /** Where to, as JSON lines; standard output if left out. */
  readonly stream?: DestinationStream
}

/** A logger whose level can be changed while the program runs. */
export interface ServiceLogger extends Logger {
  /** From which level on lines are written: `error`, `warn`, `info` or `debug`. */
  level: string
}

/** Returns a logger that writes one JSON object a line, with `time`, `severity` and `message`. */
export function createLogger(options: LoggerOptions = {}): ServiceLogger {
  return pino(
    {
      level: levelOf(options.filter),
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ severity: label.toUpperCase() }) },
      serializers: { error: pino.stdSerializers.err },
    },
    options.stream ?? standardOutput(options.format),
  )
}

function standardOutput(format: LoggerOptions['format']): DestinationStream {
  if ((format ?? (process.stdout.isTTY ? 'human' : 'json')) === 'json') return destination({ fd: 1, sync: true })
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
