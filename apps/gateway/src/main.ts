#!/usr/bin/env node
import os from 'node:os'
import {
  monotonicNow,
  nodeCrypto,
  nodeRandom,
  OWN_MARK,
  openTun,
  openUdp,
  resolveHost,
  runChannel,
  runDataPlane,
  TunNetwork,
  wallClock,
  wasmChecksum,
  watchNetwork,
} from '@sallyport/io-node'
import { PhoenixChannel } from '@sallyport/phoenix-channel'
import { GATEWAY_VERSION, keyOf, loginUrl, peerUserAgent } from '@sallyport/portal-protocol'
import {
  createLogger,
  deviceId,
  hostVersion,
  mayAdministrateNetwork,
  OperatorError,
  onShutdownSignal,
  raiseSocketBuffers,
  runMain,
  serveHealth,
} from '@sallyport/service'
import { Node } from '@sallyport/snownet'
import { GatewayTunnel } from '@sallyport/tunnel'
import { Gateway } from './gateway.ts'
import { startMasquerading, stopMasquerading } from './masquerade.ts'
import { NameResolver } from './name-resolver.ts'
import { readOptions } from './options.ts'
import { SiteDns } from './site-dns.ts'

const TUN_NAME = 'tun-firezone'
const ID_FILE = '/var/lib/firezone/gateway_id'

await runMain(async () => {
  const options = readOptions(process.argv, GATEWAY_VERSION)
  if (options.checksPermissions && !mayAdministrateNetwork())
    throw new OperatorError('a gateway needs root or CAP_NET_ADMIN; --no-check starts it without')
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
  const id = options.id ?? deviceId({ path: ID_FILE, whenNotJson: 'take-text' })

  const crypto = nodeCrypto()
  const now = monotonicNow()
  const calendar = { instant: now, wallClock: wallClock() }

  const node = new Node({ role: 'gateway', crypto, random: nodeRandom, calendar, logger, checksum: wasmChecksum }, now)
  const { url, origin, hostname } = loginUrl(
    {
      role: 'gateway',
      apiUrl: options.apiUrl,
      token: options.token,
      firezoneId: id,
      name: options.name ?? os.hostname(),
      publicKey: keyOf(node.publicKey),
    },
    crypto,
  )
  const addresses = await resolveHost(hostname).catch(cause => {
    throw new OperatorError(`portal ${origin} can't be resolved`, { cause })
  })

  const tun = openTun({ name: TUN_NAME })
  const network = new TunNetwork(tun)
  process.on('exit', () => {
    // Whatever brings the process down, these would outlive it.
    network.close()
    if (options.masquerades) stopMasquerading()
  })
  if (options.masquerades) startMasquerading(tun.name, logger)
  else stopMasquerading() // what a run before this one may have left

  const tunnel = new GatewayTunnel({ node, calendar, logger, joinsUdp: tun.takesUdpTrains })
  const channel = new PhoenixChannel({
    topic: 'gateway',
    joinPayload: null,
    userAgent: peerUserAgent(hostVersion(GATEWAY_VERSION)),
    random: nodeRandom,
    logger,
  })
  const sockets = await openUdp({ mark: OWN_MARK })
  serveHealth(options.health, logger)
  logger.info({ portal: origin, tun: tun.name, version: GATEWAY_VERSION }, 'starting')
  const resolver = new NameResolver(logger)
  const siteDns = new SiteDns(logger)
  const gateway = new Gateway({
    tunnel,
    channel,
    logger,
    loginUrl: url,
    ports: {
      now: monotonicNow,
      runChannel: (channel, onEvent) => runChannel(channel, { addresses, mark: OWN_MARK, onEvent }),
      runTunnel: onEvent => {
        const running = runDataPlane({ machine: tunnel, tun, sockets, onEvent })
        return {
          drain: () => running.drain(),
          async flush() {
            running.drain()
            await new Promise(resolve => setImmediate(resolve)) // what is sent without native code leaves in this turn
            running.stop()
            return true
          },
        }
      },
      resolve: name => resolver.resolve(name),
      configure: config => {
        const refusals = network.configure({ addresses: [config.ipv4, config.ipv6], routes: config.routes })
        for (const { message } of refusals) logger.warn({ refusal: message }, 'network is set up without a part')
        siteDns.listen([config.ipv4, config.ipv6])
      },
    },
  })
  const watch = watchNetwork({ tunIndex: tun.index, onChange: () => gateway.relocate(), logger })
  stop = () => gateway.stop()
  try {
    await gateway.done
  } finally {
    watch.close()
    siteDns.close()
  }
})
