import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from './duration.ts'

/** Where the portal is unless somebody says otherwise. */
export const DEFAULT_API_URL = 'wss://api.firezone.dev'

/** Returns a program whose mistakes of usage end in {@link runMain} instead of the middle of somewhere. */
export function createProgram(name: string, description: string, version: string): Command {
  return new Command(name)
    .description(description)
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text) })
}

/** Parses command line and environment as {@link forgetEmptyVariables} leaves it. Throws a `CommanderError`. */
export function parseProgram(program: Command, argv: readonly string[]): void {
  forgetEmptyVariables(program)
  program.parse(argv)
}

/**
 * Deletes the variables of a program and its commands that say nothing.
 *
 * An empty variable is none: compose files set those that they have no value for. A variable that says no (`false`,
 * `0`) doesn't switch an option on that is either there or not.
 */
export function forgetEmptyVariables(program: Command): void {
  for (const { envVar, required, optional } of program.options) {
    if (envVar === undefined) continue
    const saysNo = required || optional ? [''] : ['', '0', 'false', 'no', 'off']
    if (saysNo.includes(process.env[envVar]?.toLowerCase() ?? '')) delete process.env[envVar]
  }
  for (const command of program.commands) forgetEmptyVariables(command)
}

/** Returns the options that clients and gateways have in common. */
export function peerOptions(): readonly Option[] {
  return [
    new Option('-u, --api-url <url>', 'address of the portal')
      .env('FIREZONE_API_URL')
      .argParser(parseApiUrl)
      .default(DEFAULT_API_URL),
    new Option('--log-filter <filter>', 'error, warn, info or debug')
      .env('RUST_LOG')
      .argParser(parseLogFilterOption)
      .default('info'),
    new Option('-n, --firezone-name <name>', 'name of this machine for administrators (default: host name)').env(
      'FIREZONE_NAME',
    ),
    new Option('-i, --firezone-id <id>', 'id of this machine (default: generated and stored)').env('FIREZONE_ID'),
    new Option('--no-telemetry', 'accepted; there is no telemetry').env('FIREZONE_NO_TELEMETRY'),
    new Option('--metrics <exporter>', 'accepted; metrics are not exported').env('FIREZONE_METRICS').hideHelp(),
    new Option('--otlp-grpc-endpoint <address>', 'accepted; metrics are not exported')
      .env('OTLP_GRPC_ENDPOINT')
      .hideHelp(),
  ]
}

/** Parses the value of an option such as `0.0.0.0:8080` or `[::]:8080`. */
export function parseListenAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 0xffff) throw new InvalidArgumentError('an address and a port are wanted: 0.0.0.0:8080')
  return { host: match[1] ?? match[2]!, port }
}

/** Checks the value of an option that is a portal's address, such as `wss://api.example.com`. */
export function parseApiUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || url.hostname === '' || !/^(wss?|https?):$/.test(url.protocol))
    throw new InvalidArgumentError('the address of a portal is wanted: wss://api.example.com')
  return text
}

/** Checks the value of an option with directives as in `RUST_LOG`: `info`, or `warn,snownet=debug`. */
export function parseLogFilterOption(text: string): string {
  const isDirective = (part: string): boolean =>
    /^\s*(?:[\w:.\-[\]{}]+=)?(?:off|error|warn|info|debug|trace)\s*$/i.test(part)
  if (!text.split(',').every(isDirective)) throw new InvalidArgumentError('a log level is wanted: info')
  return text
}

/** Parses the value of an option such as `5m` or `30d`. */
export function parseDurationOption(text: string): number {
  const length = parseDuration(text)
  if (length === undefined) throw new InvalidArgumentError('a duration is wanted: 5m, 1h, 30d')
  return length
}
