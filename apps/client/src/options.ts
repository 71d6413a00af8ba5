import { createProgram, parseDurationOption, parseProgram, peerOptions, takeTokenVariable } from '@sallyport/service'
import { Option } from 'commander'
import type { DnsMethod } from './dns-control.ts'

/** What a user has decided. */
export interface ClientOptions {
  readonly apiUrl: string
  /** Secret; `undefined`: look into the token file. */
  readonly token: string | undefined
  readonly tokenPath: string
  readonly name: string | undefined
  readonly id: string | undefined
  /** How long the portal may be out of reach, in milliseconds; `undefined`: for ever. */
  readonly maxPartitionTime: number | undefined
  /** How the system's DNS is led to us. */
  readonly dnsControl: DnsMethod
  /** Whether to end after the configuration has been looked at. */
  readonly onlyChecks: boolean
  /** Whether to end when the tunnel has been set up. */
  readonly exitsWhenUp: boolean
  /** Whether to raise the kernel's limit of socket buffers. */
  readonly raisesBuffers: boolean
  /** As in `RUST_LOG`. */
  readonly logFilter: string
}

/** Reads command line and environment, from which the token is taken away. Throws a `CommanderError`. */
export function readOptions(argv: readonly string[], version: string): ClientOptions {
  const program = createProgram('sallyport-client', 'Reaches private networks.', version)
    .argument('[command]', 'accepted: standalone')
    .addOption(
      new Option('--token-path <path>', 'file with the token, for root only; FIREZONE_TOKEN comes first')
        .env('FIREZONE_TOKEN_PATH')
        .default('/etc/dev.firezone.client/token'),
    )
    .addOption(
      new Option('-m, --max-partition-time <duration>', 'how long the portal may be out of reach (default: for ever)')
        .env('MAX_PARTITION_TIME')
        .argParser(parseDurationOption),
    )
    .addOption(
      new Option('--dns-control <method>', 'how the system’s DNS is led to us')
        .env('FIREZONE_DNS_CONTROL')
        .choices(['disabled', 'etc-resolv-conf', 'systemd-resolved'])
        .default('disabled'),
    )
    .addOption(new Option('--check', 'look at the configuration and end'))
    .addOption(new Option('--exit', 'end when the tunnel has been set up'))
    .addOption(new Option('--inc-buf', 'raise net.core.rmem_max and wmem_max').env('FIREZONE_INC_BUF'))
    .addOption(new Option('-l, --log-dir <path>', 'accepted; logs go to standard output').env('LOG_DIR').hideHelp())
  for (const option of peerOptions()) program.addOption(option)
  parseProgram(program, argv)
  if (program.args[0] !== undefined && program.args[0] !== 'standalone')
    program.error(`error: unknown command '${program.args[0]}'`)
  const options = program.opts()
  return {
    apiUrl: options['apiUrl'],
    token: takeTokenVariable(),
    tokenPath: options['tokenPath'],
    name: options['firezoneName'],
    id: options['firezoneId'] || undefined,
    maxPartitionTime: options['maxPartitionTime'],
    dnsControl: options['dnsControl'],
    onlyChecks: options['check'] ?? false,
    exitsWhenUp: options['exit'] ?? false,
    raisesBuffers: options['incBuf'] ?? false,
    logFilter: options['logFilter'],
  }
}
