import { AdminError } from '@sallyport/portal-core'
import type { Logger } from '@sallyport/sans-io'
import { Hono } from 'hono'
import type { OpenDatabase } from '../database/database.ts'
import type { PortalHost } from '../portal-host.ts'
import { parseArguments, UsageError } from './command.ts'
import { COMMANDS } from './commands.ts'

/**
 * Makes the administrator's interface: `POST /GROUP/NAME` with the options as a JSON object runs a command of
 * {@link COMMANDS}; `GET /changes` reads the audit log. There is no password: who may open the socket may do anything.
 */
export function makeAdminApp(host: PortalHost, database: OpenDatabase, logger: Logger): Hono {
  const app = new Hono()
  for (const command of COMMANDS) {
    app.post(`/${command.group}/${command.name}`, async context => {
      const args = parseArguments(command, await context.req.json())
      const result = host.run((_, now) => command.run(host.portal, args, now))
      if (command.name !== 'list') logger.info({ command: `${command.group} ${command.name}` }, 'administered')
      return context.json({ result })
    })
  }
  app.get('/changes', async context => {
    const limit = Math.min(1000, Number(context.req.query('limit') ?? 50) || 50)
    const rows = await database.queries
      .selectFrom('changes')
      .selectAll()
      .where('seq', '>', Number(context.req.query('after') ?? 0) || 0)
      .orderBy('seq', 'desc')
      .limit(limit)
      .execute()
    const parse = (text: string | null): unknown => (text === null ? null : JSON.parse(text))
    return context.json({ result: rows.map(row => ({ ...row, old: parse(row.old), new: parse(row.new) })) })
  })
  app.notFound(context => context.json({ error: { code: 'PORTAL_USAGE', message: 'there is no such command' } }, 404))
  app.onError((error, context) => {
    if (error instanceof AdminError || error instanceof UsageError) {
      return context.json({ error: { code: error.code, message: error.message } }, 422)
    }
    logger.error({ error }, 'an administrator could not be served')
    return context.json({ error: { code: 'PORTAL_FAILED', message: error.message } }, 500)
  })
  return app
}
