import { pino } from 'pino'
import pinoPretty from 'pino-pretty'

/** How log lines look. */
export type LogFormat = 'human' | 'json'

/** Makes the logger of the process: JSON lines with `time`, `severity` and `message`, or pretty ones for a terminal. */
export function makeLogger(format: LogFormat, level: string): pino.Logger {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ severity: label.toUpperCase() }) },
    serializers: { error: pino.stdSerializers.err },
  }
  if (format === 'json') return pino(options)
  const stream = pinoPretty({ messageKey: 'message', levelKey: 'severity', colorize: process.stdout.isTTY, sync: true })
  return pino(options, stream)
}
