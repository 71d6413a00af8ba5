#!/usr/bin/env node
import os from 'node:os'
import {
  nodeCrypto,
  OWN_MARK,
  openTun,
  openUdp,
  resolveHost,
  TunNetwork,
  wasmChecksum,
  watchNetwork,
} from '@sallyport/io-node'
import { CLIENT_VERSION, keyOf, loginUrl } from '@sallyport/portal-protocol'
import { type Logger, type Millis, unreachable } from '@sallyport/sans-io'
import {
  createLogger,
  deviceId,
  hostVersion,
  mayAdministrateNetwork,
  OperatorError,
  onShutdownSignal,
  raiseSocketBuffers,
  readTokenFile,
  runMain,
} from '@sallyport/service'
import { connect, describeSessionFailure, type EventStream } from '@sallyport/session'
import { controlDns, type DnsControl } from './dns-control.ts'
import { nodePorts } from './node-ports.ts'
import { readOptions } from './options.ts'

const TUN_NAME = 'tun-firezone'
/** How often the system's DNS servers are looked at. */
const SYSTEM_DNS_POLL_MS = 5000

const ID_FILE = '/var/lib/dev.firezone.client/config/firezone-id.json'

await runMain(async () => {
  const options = readOptions(process.argv, CLIENT_VERSION)
  if (!options.onlyChecks && !mayAdministrateNetwork()) throw new OperatorError('a client needs root or CAP_NET_ADMIN')
  const logger = createLogger({ filter: options.logFilter })
  let stop = (): void => process.exit(0) // until there is somebody to say goodbye to
  onShutdownSignal(
    signal => {
      logger.info({ signal }, 'shutting down')
      stop()
    },
    () => process.exit(1),
  )
  if (options.raisesBuffers) raiseSocketBuffers(logger)
  const firezoneId = options.id ?? deviceId({ path: ID_FILE, whenNotJson: 'refuse' })
  const token = options.token ?? readTokenFile(options.tokenPath)
  if (token === undefined || token === '')
    throw new OperatorError(`can't find the token in FIREZONE_TOKEN or in ${options.tokenPath}`)
  const login = { apiUrl: options.apiUrl, token, firezoneId, name: options.name ?? os.hostname() }
  const { origin, hostname } = loginUrl(
    { ...login, role: 'client', publicKey: keyOf(new Uint8Array(32)) }, // the key that counts is the session's
    nodeCrypto(),
  )
  if (options.onlyChecks) {
    logger.info({ portal: origin }, 'configuration is good')
    return
  }
  const portalAddresses = await resolveHost(hostname).catch(cause => {
    throw new OperatorError(`portal ${origin} can't be resolved`, { cause })
  })

  const tun = openTun({ name: TUN_NAME })
  const network = new TunNetwork(tun)
  const dns = controlDns(options.dnsControl, tun.name, logger)
  process.on('exit', () => {
    // Whatever brings the process down, these would outlive it.
    try {
      dns.restore()
    } finally {
      network.close()
    }
  })
  const sockets = await openUdp({ mark: OWN_MARK })
  logger.info({ portal: origin, tun: tun.name, version: CLIENT_VERSION }, 'starting')
  const { session, events } = connect({
    login,
    version: hostVersion(CLIENT_VERSION),
    maxPartitionTime: options.maxPartitionTime as Millis | undefined,
    ports: nodePorts({
      portalAddresses,
      sockets,
      logger,
      restore: () => {
        dns.restore()
        network.close()
      },
    }),
    logger,
    joinsUdp: tun.takesUdpTrains,
    checksum: wasmChecksum,
  })
  session.setSystemDns(dns.systemServers())
  session.setDevice(tun)
  const dnsWatch = setInterval(() => session.setSystemDns(dns.systemServers()), SYSTEM_DNS_POLL_MS)
  const watch = watchNetwork({ tunIndex: tun.index, onChange: () => session.reset('network has changed'), logger })
  process.on('SIGHUP', () => watch.demand())
  stop = () => void session.stop()
  try {
    await follow(events, { network, dns }, logger, options.exitsWhenUp)
  } finally {
    clearInterval(dnsWatch)
    watch.close()
  }
  logger.info({}, 'goodbye')
})

/** Does what a session's events ask for, until it has ended. */
async function follow(
  events: EventStream,
  { dns, network }: { readonly dns: DnsControl; readonly network: TunNetwork },
  logger: Logger,
  exitsWhenUp: boolean,
): Promise<void> {
  const start = performance.now()
  let isUp = false
  for await (const event of events) {
    switch (event.type) {
      case 'interface-changed': {
        const { ipv4, ipv6, routes } = event.config
        for (const { message } of network.configure({ addresses: [ipv4, ipv6], routes }))
          logger.warn({ refusal: message }, 'network is set up without a part')
        const servers = event.config.dnsServers.map(({ sentinel }) => sentinel)
        dns.set(servers, event.config.searchDomain)
        if (!isUp) logger.info({ servers: servers.join(' ') }, 'DNS servers of the tunnel')
        if (!isUp) logger.info({ ipv4, ipv6, afterMs: Math.round(performance.now() - start) }, 'interface configured')
        isUp = true
        if (exitsWhenUp) return // leaving the loop stops the session
        break
      }
      case 'resources-changed':
        logger.info({ count: event.resources.length }, 'resources have changed')
        for (const { resource, status } of event.resources)
          logger.debug({ name: resource.name, type: resource.type, status }, 'resource')
        break
      case 'disconnected':
        throw new OperatorError(`disconnected: ${describeSessionFailure(event.failure)}`)
      default:
        unreachable(event)
    }
  }
}
