import type { ChecksumKernel } from '@sallyport/ip-packet'
import { type BackoffOptions, PhoenixChannel } from '@sallyport/phoenix-channel'
import { keyOf, loginUrl, type PeerLogin, type PeerVersion, peerUserAgent } from '@sallyport/portal-protocol'
import { type Logger, type Millis, silentLogger } from '@sallyport/sans-io'
import { Node } from '@sallyport/snownet'
import { ClientTunnel, type DnsRecordAssignment } from '@sallyport/tunnel'
import type { EventStream } from './event-stream.ts'
import type { SessionPorts } from './ports.ts'
import { Session } from './session.ts'

/** What a client needs to sign in. */
export interface ConnectOptions<Device> {
  /** Where the portal is and who we are to it. */
  readonly login: Omit<PeerLogin, 'role' | 'publicKey'>
  /** What the portal is told about this program. */
  readonly version: PeerVersion
  /** How long the portal may be out of reach before the session ends; for ever if left out. */
  readonly maxPartitionTime?: Millis | undefined
  /** Which addresses stood for names in the session before ({@link Session.dnsRecords}): they still do. */
  readonly dnsRecords?: readonly DnsRecordAssignment[]
  readonly ports: SessionPorts<Device>
  readonly logger?: Logger
  /** Whether the TUN device takes UDP super-packets (USO). Default: no. */
  readonly joinsUdp?: boolean
  /** Sums payloads of packets; a portable one if left out. */
  readonly checksum?: ChecksumKernel
}

/**
 * Signs in and runs until the session is stopped or the portal doesn't want us any more.
 *
 * Throws a `PortalUrlError` if the portal's address can't be used.
 */
export function connect<Device>(options: ConnectOptions<Device>): {
  readonly session: Session<Device>
  readonly events: EventStream
} {
  const { login, maxPartitionTime, ports, version } = options
  const logger = options.logger ?? silentLogger
  const { crypto, random } = ports
  const now = ports.now()
  const calendar = { instant: now, wallClock: ports.wallClock() }
  const { joinsUdp = false, checksum, dnsRecords = [] } = options
  const summing = checksum === undefined ? {} : { checksum }
  const node = new Node({ role: 'client', crypto, random, calendar, logger, ...summing }, now)
  const tunnel = new ClientTunnel({ node, logger, joinsUdp, dnsRecords, ...summing })
  const backoff: BackoffOptions = { maxElapsed: maxPartitionTime }
  const session = new Session({
    tunnel,
    channel: new PhoenixChannel({
      topic: 'client',
      joinPayload: null,
      userAgent: peerUserAgent(version),
      random,
      backoff,
      logger,
    }),
    ports,
    logger,
    loginUrl: () => loginUrl({ ...login, role: 'client', publicKey: keyOf(tunnel.publicKey) }, crypto).url,
  })
  return { session, events: session.events }
}
