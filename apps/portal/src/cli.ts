import { silentLogger } from '@sallyport/sans-io'
import { createLogger, createProgram, parseLogFilterOption } from '@sallyport/service'
import { Command, InvalidArgumentError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { callAdminSocket } from './admin/admin-socket.ts'
import type { Command as AdminCommand } from './admin/command.ts'
import { COMMANDS } from './admin/commands.ts'
import { parseExpiry } from './admin/text-forms.ts'
import { bootstrap } from './bootstrap.ts'
import { openDatabase } from './database/database.ts'
import { PortalHost } from './portal-host.ts'
import { printResult } from './print.ts'
import { serve } from './serve.ts'

const DATABASE = new Option('--database <file>', 'file of the database')
  .env('SALLYPORT_DATABASE')
  .default('/var/lib/sallyport/portal.sqlite')
const SOCKET = '/run/sallyport/portal.sock'

/** Makes the command line: `serve`, `bootstrap` and `admin …`. */
export function makeProgram(): Command {
  const program = createProgram(
    'sallyport-portal',
    'The Sallyport portal: knows who may reach what, and brings clients and gateways together.',
    manifest.version,
  )
  program.addCommand(serveCommand())
  program.addCommand(bootstrapCommand())
  program.addCommand(adminCommand())
  return program
}

function serveCommand(): Command {
  return new Command('serve')
    .description('run the portal')
    .exitOverride()
    .addOption(DATABASE)
    .addOption(new Option('--listen <address>', 'where peers connect').env('SALLYPORT_LISTEN').default('[::]:8080'))
    .addOption(
      new Option('--admin-socket <path>', 'where `admin` connects').env('SALLYPORT_ADMIN_SOCKET').default(SOCKET),
    )
    .addOption(
      new Option('--trusted-proxies <networks>', 'load balancers whose headers are believed, separated by commas').env(
        'PHOENIX_EXTERNAL_TRUSTED_PROXIES',
      ),
    )
    .addOption(
      new Option('--status-password <password>', 'opens the status page to others than local users').env(
        'SALLYPORT_STATUS_PASSWORD',
      ),
    )
    .addOption(
      new Option('--max-peers <count>', 'how many may be connected at once')
        .env('SALLYPORT_MAX_PEERS')
        .argParser(parseCount),
    )
    .addOption(new Option('--log-format <format>', 'how to log').choices(['human', 'json']).env('LOG_FORMAT'))
    .addOption(
      new Option('--log-level <level>', 'what to log: error, warn, info or debug')
        .env('LOG_LEVEL')
        .argParser(parseLogFilterOption)
        .default('info'),
    )
    .action(async options => {
      const logger = createLogger({ format: options.logFormat, filter: options.logLevel })
      const portal = await serve({ ...options, trustedProxies: options.trustedProxies?.split(','), logger })
      logger.info({ address: portal.address, adminSocket: options.adminSocket }, 'listening')
      const signal = await nextSignal()
      logger.info({ signal }, 'shutting down')
      await portal.close()
    })
}

function bootstrapCommand(): Command {
  return new Command('bootstrap')
    .description('make an account, an administrator, a site, resources with policies, and tokens, which are shown once')
    .exitOverride()
    .addOption(DATABASE)
    .option('--account <name>', 'name of the account', 'Sallyport')
    .option('--slug <slug>', 'name of the account in addresses', 'sallyport')
    .option('--admin <name>', 'name of the administrator', 'Admin')
    .option('--site <name>', 'name of the site', 'Main')
    .option('--resource <addresses...>', 'address of a resource that everyone may reach', ['10.0.0.0/24'])
    .option('--client-expires <when>', 'when the client token expires: a date or a length of time', '7d')
    .option('--json', 'print JSON')
    .action(async options => {
      const clientExpiresAt = parseExpiry(options.clientExpires, Date.now())
      const database = await openDatabase(options.database)
      const host = await PortalHost.open(database, silentLogger)
      try {
        const made = host.run((_, now) =>
          bootstrap(host.portal, { ...options, resources: options.resource, clientExpiresAt }, now),
        )
        printResult(made, options.json)
      } finally {
        host.stop()
        await database.close()
      }
    })
}

function adminCommand(): Command {
  const admin = new Command('admin')
    .description('administer a running portal; connected peers are told at once')
    .exitOverride()
    .addOption(new Option('--socket <path>', 'socket of the portal').env('SALLYPORT_ADMIN_SOCKET').default(SOCKET))
    .option('--json', 'print JSON')
  const groups = new Map<string, Command>()
  for (const command of COMMANDS) {
    let group = groups.get(command.group)
    if (group === undefined) {
      group = new Command(command.group).exitOverride()
      groups.set(command.group, group)
      admin.addCommand(group)
    }
    group.addCommand(adminSubcommand(command, admin))
  }
  admin.addCommand(
    new Command('changes')
      .description('show what was changed, latest first')
      .exitOverride()
      .option('--after <seq>', 'only later ones', '0')
      .option('--limit <count>', 'how many', '50')
      .action(async ({ after, limit }) => {
        const query = new URLSearchParams({ after, limit })
        printResult(await callAdminSocket(admin.opts()['socket'], 'GET', `/changes?${query}`), admin.opts()['json'])
      }),
  )
  return admin
}

function adminSubcommand(command: AdminCommand, admin: Command): Command {
  const subcommand = new Command(command.name).description(command.description).exitOverride()
  for (const { name, kind, description, isRequired } of command.options) {
    const flags = kind === 'flag' ? `--${name}` : `--${name} <${kind === 'list' ? 'texts...' : 'text'}>`
    const option = new Option(flags, description)
    subcommand.addOption(isRequired ? option.makeOptionMandatory() : option)
  }
  return subcommand.action(async () => {
    const values = subcommand.opts()
    const given = command.options.flatMap(option => {
      const value: unknown = values[camelCase(option.name)]
      return value === undefined ? [] : [[option.name, value]]
    })
    const url = `/${command.group}/${command.name}`
    const { socket, json } = admin.opts()
    printResult(await callAdminSocket(socket, 'POST', url, Object.fromEntries(given)), json)
  })
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a number from 1 is wanted.')
  return Number(text)
}

const camelCase = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

const nextSignal = (): Promise<string> =>
  new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve(signal)
        process.once(signal, () => process.exit(1)) // who asks twice wants it now
      })
    }
  })
