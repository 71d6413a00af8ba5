import { createHash, timingSafeEqual } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import type { OpenDatabase } from '../database/database.ts'
import { recentChanges } from '../database/recent-changes.ts'
import type { PortalHost } from '../portal-host.ts'
import { statusPage } from './status-page.ts'

/** The environment of a request. */
type Environment = { Bindings: HttpBindings }

/**
 * Makes what the portal answers to ordinary requests: `/healthz`, and the status page at `/`.
 *
 * The page shows names and addresses, so it is for the machine's own users, or for those who know the password.
 */
export function makeWebApp(
  host: PortalHost,
  { queries }: OpenDatabase,
  statusPassword: string | undefined,
): Hono<Environment> {
  const app = new Hono<Environment>()
  app.get('/healthz', context => context.json({ status: 'ok' }))
  app.get('/', async context => {
    const isAllowed =
      statusPassword === undefined
        ? isLocal(context.env.incoming.socket.remoteAddress) && context.req.header('x-forwarded-for') === undefined
        : isPassword(context.req.header('authorization'), statusPassword)
    context.header('cache-control', 'no-store')
    context.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    if (isAllowed) {
      const changes = await recentChanges(queries, SHOWN_CHANGES)
      return context.html(statusPage(host.portal, changes, new Date()))
    }
    if (statusPassword === undefined) return context.text('The status page is for local users.\n', 403)
    context.header('www-authenticate', 'Basic realm="Sallyport portal", charset="UTF-8"')
    return context.text('Unauthorized\n', 401)
  })
  return app
}

/** How many lines of the audit log the status page shows. */
const SHOWN_CHANGES = 12

const isLocal = (address: string | undefined): boolean => /^(::1|(::ffff:)?127\.)/.test(address ?? '')

/** Any user name will do. Hashes have one length, which a comparison in constant time needs. */
function isPassword(header: string | undefined, password: string): boolean {
  const [scheme, credentials] = (header ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic') return false
  const given = Buffer.from(credentials ?? '', 'base64')
    .toString()
    .replace(/^[^:]*:/, '')
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(password))
}
