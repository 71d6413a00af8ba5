import { createServer, type Server } from 'node:http'
import { monotonicNow } from '@sallyport/io-node'
import type { Logger } from '@sallyport/sans-io'
import type { Health } from './health.ts'
import { type LogLevel, parseLogFilter } from './log-filter.ts'
import { METRICS_CONTENT_TYPE } from './metrics.ts'

/** Where a small HTTP server listens. */
export interface Endpoint {
  /** A host name, or an address without brackets. */
  readonly host: string
  /** From 0 to 65535; 0: one that the system chooses. */
  readonly port: number
}

/**
 * Serves `GET /healthz` (200 or 400), `GET /readyz` (200 or 503) and `GET /metrics`, which `metrics` writes.
 *
 * A relay that can't open the port works without: that is a warning.
 */
export function serveHealth(
  at: Endpoint,
  health: Health,
  metrics: () => string,
  version: string,
  logger: Logger,
): Server {
  return serve(at, 'health check', logger, (method, path) => {
    if (method !== 'GET') return undefined
    if (path.pathname === '/healthz') return { status: health.isHealthy(monotonicNow()) ? 200 : 400, body: '' }
    if (path.pathname === '/readyz') return { status: health.isReady ? 200 : 503, body: version }
    if (path.pathname === '/metrics') return { status: 200, body: metrics(), contentType: METRICS_CONTENT_TYPE }
    return undefined
  })
}

/** Serves `POST /log_filter?directives=…` (200 or 400). */
export function serveControl(at: Endpoint, setLevel: (level: LogLevel) => void, logger: Logger): Server {
  return serve(at, 'control', logger, (method, path) => {
    if (method !== 'POST' || path.pathname !== '/log_filter') return undefined
    const level = parseLogFilter(path.searchParams.get('directives') ?? '')
    if (level === undefined) return { status: 400, body: 'not a log filter\n' }
    setLevel(level)
    return { status: 200, body: '' }
  })
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
}

function serve(
  { host, port }: Endpoint,
  purpose: string,
  logger: Logger,
  answer: (method: string, path: URL) => Answer | undefined,
): Server {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const url = URL.parse(request.url ?? '/', 'http://relay')
    const found = (url && answer(request.method ?? '', url)) ?? { status: 404, body: '' }
    request.resume()
    response.writeHead(found.status, { 'content-type': found.contentType ?? 'text/plain' }).end(found.body)
  })
  server.maxConnections = 64
  server.on('error', error => logger.warn({ host, port, error: error.message }, `no ${purpose} endpoint`))
  server.listen(port, host)
  return server
}
