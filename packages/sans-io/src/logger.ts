/** Structured fields of a log line. Addresses and names belong here, and only at `debug`. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Where a machine tells what it does. `pino` fits as it is; the default is {@link silentLogger}.
 *
 * `debug` for a turn taken, `info` for what a user would notice, `warn` for what an operator should look at,
 * `error` when we stop. Nothing is logged per packet.
 */
export interface Logger {
  /** A turn taken. */
  debug(fields: LogFields, message: string): void
  /** What a user would notice. */
  info(fields: LogFields, message: string): void
  /** What an operator should look at. */
  warn(fields: LogFields, message: string): void
  /** Why something stops. */
  error(fields: LogFields, message: string): void
}

/** A logger that drops everything. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
