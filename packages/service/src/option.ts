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
    .showHelpAfterError('(see --help)')
}

/**
 * Parses command line and environment. Throws a `CommanderError`.
 *
 * An empty variable is none: compose files set those that they have no value for. A variable that says no (`false`,
 * `0`) doesn't switch an option on that is either there or not.
 */
export function parseProgram(program: Command, argv: readonly string[]): void {
  for (const { envVar, required, optional } of program.options) {
    if (envVar === undefined) continue
    const saysNo = required || optional ? [''] : ['', '0', 'false', 'no', 'off']
    if (saysNo.includes(process.env[envVar]?.toLowerCase() ?? '')) delete process.env[envVar]
  }
  program.parse(argv)
}

/** Returns the options that clients and gateways have in common. */
export function peerOptions(): readonly Option[] {
  return [
    new Option('-u, --api-url <url>', 'address of the portal').env('FIREZONE_API_URL').default(DEFAULT_API_URL),
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

/** Parses the value of an option such as `5m` or `30d`. */
export function parseDurationOption(text: string): number {
  const length = parseDuration(text)
  if (length === undefined) throw new InvalidArgumentError('a duration is wanted: 5m, 1h, 30d')
  return length
}
