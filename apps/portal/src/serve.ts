import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { type Cidr, parseCidr } from '@sallyport/portal-core'
import type { Logger } from '@sallyport/sans-io'
import { OperatorError } from '@sallyport/service'
import { makeAdminApp } from './admin/admin-app.ts'
import { serveAdminSocket } from './admin/admin-socket.ts'
import { openDatabase } from './database/database.ts'
import { listen, parseListenAddress } from './http/listen.ts'
import { PeerSockets } from './http/peer-sockets.ts'
import { makeWebApp } from './http/web-app.ts'
import { PortalHost } from './portal-host.ts'

/** How a portal is run. */
export interface ServeOptions {
  /** File of the database. */
  readonly database: string
  /** `[::]:8080`. */
  readonly listen: string
  /** Where the administrator's socket is made; none if left out. */
  readonly adminSocket?: string | undefined
  /** Networks of load balancers whose headers are believed. */
  readonly trustedProxies?: readonly string[] | undefined
  /** Opens the status page to those who know it; without it, the page is for local users. */
  readonly statusPassword?: string | undefined
  /** How many peers may be connected at once; more are told to come again later. Any number if left out. */
  readonly maxPeers?: number | undefined
  readonly logger: Logger
}

/** A portal that is running. */
export interface RunningPortal {
  /** The address it listens on. */
  readonly address: string
  readonly host: PortalHost
  /** Closes all connections, then the database. */
  close(): Promise<void>
}

/** Runs a portal until it is closed. Throws an {@link OperatorError} where it can't start; nothing is left open then. */
export async function serve(options: ServeOptions): Promise<RunningPortal> {
  const { logger } = options
  const where = parseListenAddress(options.listen)
  const trustedProxies = (options.trustedProxies ?? []).map(requireCidr)
  const database = await openDatabase(options.database)
  const host = await PortalHost.open(database, logger)
  const sockets = new PeerSockets({ host, logger, trustedProxies, maxPeers: options.maxPeers })
  const web = makeWebApp(host, database, options.statusPassword)
  const server = createAdaptorServer({ fetch: web.fetch }) as Server
  server.on('upgrade', (request, stream, head) => sockets.handleUpgrade(request, stream, head))
  let admin: Server | undefined
  try {
    if (options.adminSocket !== undefined) {
      admin = await serveAdminSocket(makeAdminApp(host, database, logger), options.adminSocket)
    }
    host.run(() => {}) // sets the first timer
    const address = await listen(server, where)
    return { address, host, close: () => close() }
  } catch (error) {
    await close()
    throw error
  }

  async function close(): Promise<void> {
    const closed = [server, admin].map(closeServer)
    await sockets.close()
    server.closeAllConnections()
    admin?.closeAllConnections()
    await Promise.all(closed)
    host.stop()
    await database.close()
  }
}

function requireCidr(text: string): Cidr {
  const cidr = parseCidr(text.trim())
  if (cidr === undefined)
    throw new OperatorError(`"${text}" is no network of trusted proxies, such as 10.0.0.0/8`, { exitCode: 2 })
  return cidr
}

const closeServer = (server: Server | undefined): Promise<void> =>
  new Promise(resolve => (server?.listening ? server.close(() => resolve()) : resolve()))
