import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/** One line of the audit log, for people. */
export interface RecentChange {
  /** Unix milliseconds. */
  readonly at: number
  readonly op: 'insert' | 'update' | 'delete'
  readonly table: string
  /** What is called like that, or its id where it has no name. */
  readonly name: string
}

/** Returns the latest changes, the very latest first. */
export async function recentChanges(queries: Kysely<Schema>, limit: number): Promise<RecentChange[]> {
  const rows = await queries
    .selectFrom('changes')
    .selectAll()
    .where('table', 'not in', LINKS)
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute()
  return rows.map(({ at, op, table, old, new: row }) => {
    const { name, id } = JSON.parse(row ?? old ?? '{}') as { name?: string | null; id?: string }
    return { at, op, table, name: name || (id ?? '') }
  })
}

/** Rows that link two others and have no name: what they belong to tells more. */
const LINKS = ['connections', 'memberships']
