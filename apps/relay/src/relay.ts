import type { Server } from 'node:http'
import { calendarNow, monotonicNow, nodeCrypto, nodeRandom, type RunningChannel } from '@sallyport/io-node'
import { type IpAddress, type IpFamily, type Random, seededRandom } from '@sallyport/sans-io'
import { OperatorError, type ServiceLogger } from '@sallyport/service'
import { newStampSecret, TurnServer } from '@sallyport/turn-server'
import type { Configuration } from './configuration.ts'
import { Drain } from './drain.ts'
import { Health } from './health.ts'
import { serveControl, serveHealth } from './http.ts'
import { registerAtPortal } from './portal.ts'
import { RelayMetrics } from './relay-metrics.ts'
import { RelaySockets } from './relay-sockets.ts'
import { STATISTICS_INTERVAL_MS, Statistics } from './statistics.ts'

/** A relay that runs. */
export interface Relay {
  /** Closes everything: at once, or after the drain that was configured. A second call doesn't wait any more. */
  readonly stop: () => void
  /** Resolves when it is stopped; rejects with an `OperatorError` when the portal won't have it any more. */
  readonly done: Promise<void>
}

/** Starts a relay. Rejects where it can't listen, or doesn't find the portal. */
export async function startRelay(configuration: Configuration, version: string, log: ServiceLogger): Promise<Relay> {
  const random: Random = configuration.rngSeed === undefined ? nodeRandom : seededRandom(configuration.rngSeed)
  if (configuration.rngSeed !== undefined) log.warn({}, 'RNG_SEED is set: secrets are predictable')
  const crypto = nodeCrypto()
  const secret = configuration.authSecret ?? newStampSecret(random)
  const server = new TurnServer({
    addresses: configuration.publicAddresses,
    secret,
    crypto,
    random,
    calendar: calendarNow(),
    ports: configuration.ports,
    peers: configuration.peers,
    maxAllocationsPerUser: configuration.userQuota,
    ...(configuration.totalQuota !== undefined && { maxAllocations: configuration.totalQuota }),
    software: `sallyport-relay/${version}`,
    logger: log,
  })
  const health = new Health()
  const metrics = new RelayMetrics(server, health)
  const endpoints: Server[] = [
    serveHealth(configuration.healthCheck, health, () => metrics.format(), version, log),
    serveControl(configuration.control, level => (log.level = level), log),
  ]
  let sockets: RelaySockets | undefined
  let portal: RunningChannel | undefined
  const statistics = new Statistics(server, log, monotonicNow())
  const timer = setInterval(() => statistics.report(monotonicNow()), STATISTICS_INTERVAL_MS)
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const onGivenUp = (reason: string): void => reject(new OperatorError(reason))
  let drain: Drain | undefined
  const stopNow = (): void => {
    resolve()
    clearInterval(timer)
    drain?.stop()
    metrics.close()
    portal?.stop()
    sockets?.close()
    for (const endpoint of endpoints) endpoint.close()
  }
  const stop = (): void => {
    if (configuration.drain === 0 || sockets === undefined || drain !== undefined) {
      stopNow()
      return
    }
    health.isReady = false
    portal?.stop() // whose clients are sent elsewhere from here on
    portal = undefined
    log.info({ allocations: server.allocations, forMs: configuration.drain }, 'draining')
    drain = new Drain(server, configuration.drain, stopNow)
  }
  try {
    sockets = await RelaySockets.open(server, listening(configuration), log)
    log.info({ port: configuration.listenPort, ...configuration.publicAddresses }, 'listening')
    if (configuration.portal === undefined) health.isReady = true
    else {
      const options = { configuration, portal: configuration.portal, secret, version, crypto, random, health }
      portal = await registerAtPortal({ ...options, logger: log, onGivenUp })
    }
  } catch (error) {
    stopNow()
    throw error
  }
  return { stop, done }
}

/** A family is served if we have a public address in it. */
function listening({ publicAddresses, bindAddresses, listenPort }: Configuration): {
  readonly port: number
  readonly addresses: ReadonlyMap<IpFamily, IpAddress | undefined>
} {
  const addresses = new Map<IpFamily, IpAddress | undefined>()
  if (publicAddresses.v4 !== undefined) addresses.set(4, bindAddresses.v4)
  if (publicAddresses.v6 !== undefined) addresses.set(6, bindAddresses.v6)
  return { port: listenPort, addresses }
}
