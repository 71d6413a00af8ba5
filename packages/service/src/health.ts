import { createServer } from 'node:http'
import type { Logger } from '@sallyport/sans-io'

/** A health endpoint that is up. */
export interface HealthServer {
  /** Where it listens, once it does; resolves to `undefined` if it can't. */
  readonly port: Promise<number | undefined>
  /** Stops answering. */
  close(): void
}

/**
 * Answers `GET /healthz` with 200 for as long as the process runs.
 *
 * @param address - `0.0.0.0:8080` or `[::]:8080`. That it can't be bound is logged and otherwise no matter.
 */
export function serveHealth(address: { readonly host: string; readonly port: number }, logger: Logger): HealthServer {
  const server = createServer((request, response) => {
    const isKnown = request.method === 'GET' && request.url?.split('?')[0] === '/healthz'
    response.writeHead(isKnown ? 200 : 404).end()
  })
  const port = new Promise<number | undefined>(resolve => {
    server.on('error', error => {
      logger.warn({ ...address, error: error.message }, 'health endpoint is not available')
      resolve(undefined)
    })
    server.listen(address, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' ? bound?.port : undefined)
    })
  })
  server.unref()
  return {
    port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
