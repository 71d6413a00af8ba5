import {
  exchangeDns,
  monotonicNow,
  nodeCrypto,
  nodeRandom,
  OWN_MARK,
  openUdp,
  type RunningDataPlane,
  runChannel,
  runDataPlane,
  type TunDevice,
  type UdpSocket,
  wallClock,
} from '@sallyport/io-node'
import type { IpAddress, Logger } from '@sallyport/sans-io'
import type { SessionPorts } from '@sallyport/session'

/** What a session runs on here. */
export interface NodePortsOptions {
  /** The portal's addresses: names can't be resolved once the tunnel is up. */
  readonly portalAddresses: readonly IpAddress[]
  /** Open UDP sockets, which the session takes over. */
  readonly sockets: readonly UdpSocket[]
  /** Takes routes back. Called before the device is closed. */
  restore(): void
  readonly logger: Logger
}

/** Returns the world of a session as Node.js and Linux offer it. */
export function nodePorts(options: NodePortsOptions): SessionPorts<TunDevice> {
  const { logger, portalAddresses } = options
  return {
    now: monotonicNow,
    wallClock,
    random: nodeRandom,
    crypto: nodeCrypto(),
    runChannel: (channel, onEvent) => runChannel(channel, { addresses: portalAddresses, mark: OWN_MARK, onEvent }),
    runTunnel(tunnel, onEvent) {
      let running: RunningDataPlane | undefined
      let isClosed = false
      const rebind = async (): Promise<void> => {
        const sockets = await openUdp({ mark: OWN_MARK })
        if (running === undefined || isClosed) for (const socket of sockets) socket.close()
        else running.replaceSockets(sockets)
      }
      return {
        drain: () => running?.drain(),
        setDevice(tun) {
          running = runDataPlane({ machine: tunnel, tun, sockets: options.sockets, onEvent })
        },
        rebind() {
          rebind().catch(error => logger.error({ error }, 'no UDP socket can be opened: waiting for another network'))
        },
        async flush() {
          running?.drain()
          await new Promise(resolve => setImmediate(resolve)) // what is sent without native code leaves in this turn
          return true
        },
        async close() {
          isClosed = true
          running?.stop()
        },
      }
    },
    queryDns: (message, servers) => exchangeDns(message, servers, { mark: OWN_MARK }),
    restore: options.restore,
  }
}
