import {
  createProgram,
  OperatorError,
  parseListenAddress,
  parseProgram,
  peerOptions,
  takeTokenVariable,
} from '@sallyport/service'
import { Option } from 'commander'

/** What an operator has decided. */
export interface GatewayOptions {
  readonly apiUrl: string
  /** Secret. */
  readonly token: string
  readonly name: string | undefined
  readonly id: string | undefined
  /** Whether to look for the permissions that we need, instead of failing later. */
  readonly checksPermissions: boolean
  readonly health: { readonly host: string; readonly port: number }
  /** Whether to raise the kernel's limit of socket buffers. */
  readonly raisesBuffers: boolean
  /** Whether to forward and masquerade what comes out of the tunnel. */
  readonly masquerades: boolean
  /** As in `RUST_LOG`. */
  readonly logFilter: string
}

/** Reads command line and environment, from which the token is taken away. Throws a `CommanderError`. */
export function readOptions(argv: readonly string[], version: string): GatewayOptions {
  const program = createProgram('sallyport-gateway', 'Lets clients in to a private network.', version)
    .argument('[token]', 'token of a site (env: FIREZONE_TOKEN)')
    .addOption(new Option('--no-check', 'start without the permissions that are needed'))
    .addOption(
      new Option('--health-check-addr <address>', 'where to answer GET /healthz')
        .env('HEALTH_CHECK_ADDR')
        .argParser(parseListenAddress)
        .default(parseListenAddress('0.0.0.0:8080'), '0.0.0.0:8080'),
    )
    .addOption(
      new Option('--masquerade', 'forward packets of clients and hide them behind this machine’s addresses').env(
        'SALLYPORT_MASQUERADE',
      ),
    )
    .addOption(
      new Option('--no-inc-buf', 'leave net.core.rmem_max and wmem_max as they are').env('FIREZONE_NO_INC_BUF'),
    )
    .addOption(
      new Option('--validate-checksums', 'accepted; checksums are not validated')
        .env('FIREZONE_VALIDATE_CHECKSUMS')
        .hideHelp(),
    )
  for (const option of peerOptions()) program.addOption(option)
  parseProgram(program, argv)
  const fromEnvironment = takeTokenVariable()
  const token = program.args[0] ?? fromEnvironment
  if (token === undefined || token === '')
    throw new OperatorError('a token is wanted, as TOKEN or in FIREZONE_TOKEN', { exitCode: 2 })
  const options = program.opts()
  return {
    apiUrl: options['apiUrl'],
    token,
    name: options['firezoneName'],
    id: options['firezoneId'] || undefined,
    checksPermissions: options['check'],
    health: options['healthCheckAddr'],
    raisesBuffers: options['incBuf'],
    masquerades: options['masquerade'] ?? false,
    logFilter: options['logFilter'],
  }
}
