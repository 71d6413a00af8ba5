import { IpPrefix } from '@sallyport/ip-packet'
import { IpAddress, type Millis } from '@sallyport/sans-io'
import {
  createProgram,
  OperatorError,
  parseApiUrl,
  parseDurationOption,
  parseListenAddress,
  parseProgram,
  takeTokenVariable,
} from '@sallyport/service'
import { type PeerRules, PRIVATE_PREFIXES } from '@sallyport/turn-server'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Endpoint } from './http.ts'
import { type LogLevel, parseLogFilter } from './log-filter.ts'

/** What a relay is told by flags and environment. */
export interface Configuration {
  /** The addresses under which others reach it; at least one. */
  readonly publicAddresses: { readonly v4: IpAddress | undefined; readonly v6: IpAddress | undefined }
  /** The addresses of this machine to listen on; `undefined`: all. */
  readonly bindAddresses: { readonly v4: IpAddress | undefined; readonly v6: IpAddress | undefined }
  readonly listenPort: number
  readonly ports: { readonly lowest: number; readonly highest: number }
  /** Which peers clients may have, beyond what is always denied. */
  readonly peers: PeerRules
  /** How many allocations one user may have. */
  readonly userQuota: number
  /** How many allocations there may be; `undefined`: as many as ports. */
  readonly totalQuota: number | undefined
  /** How long clients may go on after the first signal; 0: not at all. */
  readonly drain: Millis
  /** Where to register; `undefined`: nowhere. */
  readonly portal: { readonly apiUrl: string; readonly token: string; readonly name: string | undefined } | undefined
  /** What passwords are derived from; `undefined`: drawn at the start. */
  readonly authSecret: string | undefined
  /** Makes all that is random predictable: for tests. */
  readonly rngSeed: number | undefined
  /** By default for people on a terminal, else JSON. */
  readonly logFormat: LogFormat | undefined
  readonly logLevel: LogLevel
  readonly healthCheck: Endpoint
  readonly control: Endpoint
  /** What was set although it isn't supported: names of environment variables. */
  readonly ignored: readonly string[]
}

/** How log lines look. */
type LogFormat = 'human' | 'json' | 'google-cloud'

/**
 * Reads the configuration from the command line and the environment, from which the token is taken away.
 *
 * Throws a `CommanderError`, or an `OperatorError` that says what is missing.
 */
export function readConfiguration(argv: readonly string[], version: string): Configuration {
  const program = newProgram(version)
  parseProgram(program, argv)
  const [token, name] = program.processedArgs as (string | undefined)[]
  const fromEnvironment = takeTokenVariable()
  const ignored = UNSUPPORTED.filter(([flag]) => program.getOptionValueSource(attributeName(flag)) !== undefined)
  return {
    ...judge(program.opts<Flags>(), token || fromEnvironment, name || process.env['FIREZONE_NAME'] || undefined),
    ignored: ignored.map(([, environment]) => environment),
  }
}

interface Flags {
  readonly publicIp4Addr?: IpAddress
  readonly publicIp6Addr?: IpAddress
  readonly bindIp4Addr?: IpAddress
  readonly bindIp6Addr?: IpAddress
  readonly listenPort: number
  readonly lowestPort: number
  readonly highestPort: number
  readonly allowPeer: readonly IpPrefix[]
  readonly denyPeer: readonly IpPrefix[]
  readonly userQuota: number
  readonly totalQuota?: number
  readonly drain: number
  readonly apiUrl?: string
  readonly authSecret?: string
  readonly rngSeed?: number
  readonly logFormat?: LogFormat
  readonly logFilter: LogLevel
  readonly healthCheckAddr: Endpoint
  readonly controlEndpoint: Endpoint
}

function judge(flags: Flags, token: string | undefined, name: string | undefined): Omit<Configuration, 'ignored'> {
  const v4 = flags.publicIp4Addr
  const v6 = flags.publicIp6Addr
  if (v4 === undefined && v6 === undefined)
    throw wrong('set PUBLIC_IP4_ADDR or PUBLIC_IP6_ADDR: nobody could reach this relay')
  if (flags.lowestPort > flags.highestPort)
    throw wrong(`LOWEST_PORT ${flags.lowestPort} is above HIGHEST_PORT ${flags.highestPort}`)
  if (flags.apiUrl === undefined && flags.authSecret === undefined)
    throw wrong('set FIREZONE_API_URL and FIREZONE_TOKEN, or AUTH_SECRET for a relay without a portal')
  if (flags.apiUrl !== undefined && !token) throw wrong('set FIREZONE_TOKEN: the portal asks for it')
  return {
    publicAddresses: { v4, v6 },
    bindAddresses: { v4: flags.bindIp4Addr, v6: flags.bindIp6Addr },
    listenPort: flags.listenPort,
    ports: { lowest: flags.lowestPort, highest: flags.highestPort },
    peers: { allow: flags.allowPeer, deny: [...privatePrefixes({ v4, v6 }), ...flags.denyPeer] },
    userQuota: flags.userQuota,
    totalQuota: flags.totalQuota,
    drain: flags.drain as Millis,
    portal: flags.apiUrl === undefined ? undefined : { apiUrl: flags.apiUrl, token: token!, name },
    authSecret: flags.authSecret,
    rngSeed: flags.rngSeed,
    logFormat: flags.logFormat,
    logLevel: flags.logFilter,
    healthCheck: flags.healthCheckAddr,
    control: flags.controlEndpoint,
  }
}

/**
 * Returns the private prefixes that clients may not reach.
 *
 * A relay with a public address stands between the internet and a network of its operator, of which clients should see
 * nothing. One with a private address serves that network, and has to reach it.
 */
function privatePrefixes(own: Configuration['publicAddresses']): readonly IpPrefix[] {
  const inside = [own.v4, own.v6].some(
    ip => ip !== undefined && [...PRIVATE_PREFIXES, ...LOOPBACK].some(p => p.contains(ip)),
  )
  return inside ? [] : PRIVATE_PREFIXES
}

const LOOPBACK = [IpPrefix.of('127.0.0.0/8'), IpPrefix.of('::1/128')]

function newProgram(version: string): Command {
  const option = (flags: string, environment: string, text: string): Option => new Option(flags, text).env(environment)
  const program = createProgram('sallyport-relay', 'A STUN and TURN relay.', version)
    .argument('[TOKEN]', 'what the relay proves itself to the portal with (env: FIREZONE_TOKEN, which may name a file)')
    .argument('[NAME]', 'how the portal shows the relay (env: FIREZONE_NAME)')
    .addOption(
      option('--public-ip4-addr <ip>', 'PUBLIC_IP4_ADDR', 'IPv4 address under which others reach us').argParser(ip(4)),
    )
    .addOption(option('--public-ip6-addr <ip>', 'PUBLIC_IP6_ADDR', 'the same for IPv6').argParser(ip(6)))
    .addOption(
      option('--bind-ip4-addr <ip>', 'BIND_IP4_ADDR', 'IPv4 address to listen on (default: all)').argParser(ip(4)),
    )
    .addOption(option('--bind-ip6-addr <ip>', 'BIND_IP6_ADDR', 'the same for IPv6').argParser(ip(6)))
    .addOption(option('--listen-port <port>', 'LISTEN_PORT', 'where clients find us').argParser(port).default(3478))
    .addOption(option('--lowest-port <port>', 'LOWEST_PORT', 'the first relayed port').argParser(port).default(49152))
    .addOption(option('--highest-port <port>', 'HIGHEST_PORT', 'the last relayed port').argParser(port).default(65535))
    .addOption(
      option(
        '--allow-peer <prefixes>',
        'ALLOW_PEER',
        'prefixes that clients may reach all the same, with commas between',
      )
        .argParser(prefixes)
        .default([], 'none'),
    )
    .addOption(
      option('--deny-peer <prefixes>', 'DENY_PEER', 'prefixes that clients may not reach, beside private ones')
        .argParser(prefixes)
        .default([], 'none'),
    )
    .addOption(
      option('--user-quota <number>', 'USER_QUOTA', 'allocations that a user may have')
        .argParser(positive)
        .default(100),
    )
    .addOption(
      option('--total-quota <number>', 'TOTAL_QUOTA', 'allocations in all (default: as many as ports)').argParser(
        positive,
      ),
    )
    .addOption(
      option('--drain <duration>', 'DRAIN', 'how long clients may go on after SIGTERM, such as 30s')
        .argParser(text => (text === '0' ? 0 : parseDurationOption(text)))
        .default(0, 'not at all'),
    )
    .addOption(
      option('--api-url <url>', 'FIREZONE_API_URL', 'the portal, such as wss://api.example.com').argParser(parseApiUrl),
    )
    .addOption(
      option('--auth-secret <text>', 'AUTH_SECRET', 'what passwords are derived from (default: drawn at the start)'),
    )
    .addOption(option('--rng-seed <number>', 'RNG_SEED', 'makes all secrets predictable: for tests').argParser(seed))
    .addOption(
      option('--log-format <format>', 'LOG_FORMAT', 'how log lines look')
        .choices(['human', 'json', 'google-cloud'])
        .default(undefined, 'human on a terminal, else json'),
    )
    .addOption(
      option('--log-filter <filter>', 'RUST_LOG', 'error, warn, info or debug').argParser(logLevel).default('info'),
    )
    .addOption(
      option('--health-check-addr <endpoint>', 'HEALTH_CHECK_ADDR', 'where to answer /healthz, /readyz and /metrics')
        .argParser(parseListenAddress)
        .default(parseListenAddress('0.0.0.0:8080'), '0.0.0.0:8080'),
    )
    .addOption(
      option('--control-endpoint <endpoint>', 'CONTROL_ENDPOINT', 'where to take /log_filter')
        .argParser(parseListenAddress)
        .default(parseListenAddress('127.0.0.1:9999'), '127.0.0.1:9999'),
    )
  for (const [flag, environment] of UNSUPPORTED)
    program.addOption(option(flag, environment, 'not supported').hideHelp())
  return program
}

/** What the original understands and we don't: named, so that an operator’s configuration is not refused. */
const UNSUPPORTED: readonly (readonly [string, string])[] = [
  ['--otlp-grpc-endpoint <endpoint>', 'OTLP_GRPC_ENDPOINT'],
  ['--google-cloud-project-id <id>', 'GOOGLE_CLOUD_PROJECT_ID'],
  ['--ebpf-offloading <interface>', 'EBPF_OFFLOADING'],
  ['--ebpf-attach-mode <mode>', 'EBPF_ATTACH_MODE'],
  ['--ebpf-int4-addr <ip>', 'EBPF_INT4_ADDR'],
  ['--ebpf-int6-addr <ip>', 'EBPF_INT6_ADDR'],
  ['--telemetry <flag>', 'FIREZONE_TELEMETRY'],
]

const attributeName = (flags: string): string => new Option(flags).attributeName()

const ip =
  (family: 4 | 6) =>
  (text: string): IpAddress => {
    const address = IpAddress.parse(text)
    if (address?.family !== family) throw new InvalidArgumentError(`That is no IPv${family} address.`)
    return address
  }

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535)
    throw new InvalidArgumentError('That is no port from 1 to 65535.')
  return Number(text)
}

function prefixes(text: string, before: readonly IpPrefix[]): readonly IpPrefix[] {
  const found = text.split(',').map(each => {
    const trimmed = each.trim()
    const address = IpAddress.parse(trimmed)
    const prefix = address === undefined ? IpPrefix.parse(trimmed) : IpPrefix.host(address)
    if (prefix === undefined) throw new InvalidArgumentError(`${trimmed} is no prefix, such as 10.0.0.0/8.`)
    return prefix
  })
  return [...before, ...found]
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('That is no number from 1 on.')
  return Number(text)
}

function seed(text: string): number {
  if (!/^\d{1,20}$/.test(text)) throw new InvalidArgumentError('That is no number.')
  return Number(BigInt(text) & 0xffff_ffffn)
}

function logLevel(text: string): LogLevel {
  const level = parseLogFilter(text)
  if (level === undefined) throw new InvalidArgumentError('That is no log filter, such as info.')
  return level
}

const wrong = (message: string): OperatorError => new OperatorError(message, { exitCode: 2 })
