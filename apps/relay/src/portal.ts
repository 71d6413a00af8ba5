import { monotonicNow, type RunningChannel, resolveHost, runChannel } from '@sallyport/io-node'
import { describeFailure, PhoenixChannel, type PhoenixEvent } from '@sallyport/phoenix-channel'
import { loginUrl, type RelayJoin, type StampSecret } from '@sallyport/portal-protocol'
import { type Crypto, type Logger, type Random, unreachable } from '@sallyport/sans-io'
import { OperatorError } from '@sallyport/service'
import type { Configuration } from './configuration.ts'
import type { Health } from './health.ts'

/** What {@link registerAtPortal} needs. */
export interface PortalOptions {
  readonly configuration: Configuration
  readonly portal: NonNullable<Configuration['portal']>
  /** What the portal derives passwords from. */
  readonly secret: string
  readonly version: string
  readonly crypto: Crypto
  readonly random: Random
  readonly health: Health
  readonly logger: Logger
  /** The portal won't have us, or has been away for too long. */
  readonly onGivenUp: (reason: string) => void
}

/** Tells the portal of this relay for as long as it runs. Rejects if the portal's name can't be resolved. */
export async function registerAtPortal(options: PortalOptions): Promise<RunningChannel> {
  const { configuration, portal, secret, version, crypto, random, logger } = options
  const { publicAddresses, listenPort } = configuration
  const login = loginUrl(
    { role: 'relay', ...portal, ipv4: publicAddresses.v4, ipv6: publicAddresses.v6, port: listenPort },
    crypto,
  )
  const addresses = await resolveHost(login.hostname).catch(cause => {
    throw new OperatorError(`portal ${login.origin} can't be resolved`, { cause })
  })
  const join: RelayJoin = { stamp_secret: secret as StampSecret }
  const channel = new PhoenixChannel({
    topic: 'relay',
    joinPayload: join,
    userAgent: `relay/${version}`,
    random,
    logger,
  })
  const running = runChannel(channel, { addresses, onEvent: event => handle(event, options) })
  running.connect(login.url)
  logger.info({ portal: login.origin }, 'connecting to the portal')
  return running
}

function handle(event: PhoenixEvent, { health, logger, onGivenUp }: PortalOptions): void {
  switch (event.type) {
    case 'joined':
      health.isReady = true
      logger.info({}, 'connected to the portal')
      break
    case 'heartbeat':
      health.noteHeartbeat(monotonicNow())
      break
    case 'disconnected':
      health.isReady = false
      logger.warn(
        { reason: event.reason, retryInMs: Math.max(0, Math.round(event.retryAt - monotonicNow())) },
        'lost the portal',
      )
      break
    case 'failed':
      health.isReady = false
      onGivenUp(describeFailure(event.failure))
      break
    case 'reply':
      if (event.error !== undefined) logger.warn({ reason: event.error }, 'the portal refuses a message')
      break
    case 'message': // `init` is the only one, and has no effect
    case 'closed':
      break
    default:
      unreachable(event)
  }
}
