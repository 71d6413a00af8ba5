import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Change, PortalStore, Snapshot, TableName, Tables } from '@sallyport/portal-core'
import { TABLE_NAMES } from '@sallyport/portal-core'
import { COLUMNS, columnName, fromStored, toStored } from './columns.ts'

/**
 * Keeps the portal's rows in SQLite, and a log of what administrators would want to know later.
 *
 * Statements are prepared once and run at once: a portal's transaction ends before anything else happens.
 */
export class SqliteStore implements PortalStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** @param database - Has the latest shape. */
  constructor(database: DatabaseSync) {
    this.#database = database
  }

  load(): Snapshot {
    return Object.fromEntries(TABLE_NAMES.map(table => [table, this.#all(table)])) as unknown as Snapshot
  }

  commit(changes: readonly Change[], at: number): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const change of changes) {
        this.#apply(change)
        if (isWorthLogging(change)) this.#log(change, at)
      }
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #all<T extends TableName>(table: T): Tables[T][] {
    const rows = this.#statement(`SELECT * FROM "${table}"`).all()
    return rows.map(row => fromStored(table, row))
  }

  #apply({ table, old, new: row }: Change): void {
    if (row === undefined) {
      this.#statement(`DELETE FROM "${table}" WHERE id = ?`).run(old!.id)
      return
    }
    const columns = Object.keys(COLUMNS[table]).map(columnName)
    const values = Object.values(toStored(table, row))
    if (old === undefined) {
      const places = columns.map(() => '?').join(', ')
      this.#statement(`INSERT INTO "${table}" (${quoted(columns).join(', ')}) VALUES (${places})`).run(...values)
    } else {
      const places = quoted(columns).map(column => `${column} = ?`)
      this.#statement(`UPDATE "${table}" SET ${places.join(', ')} WHERE id = ?`).run(...values, row.id)
    }
  }

  #log(change: Change, at: number): void {
    const { table, old, new: row } = change
    const op = old === undefined ? 'insert' : row === undefined ? 'delete' : 'update'
    this.#statement('INSERT INTO "changes" (at, account_id, "table", op, old, new) VALUES (?, ?, ?, ?, ?, ?)').run(
      at,
      accountOf(change),
      table,
      op,
      masked(old),
      masked(row),
    )
  }

  #statement(text: string): StatementSync {
    let statement = this.#statements.get(text)
    if (statement === undefined) this.#statements.set(text, (statement = this.#database.prepare(text)))
    return statement
  }
}

const quoted = (columns: readonly string[]): string[] => columns.map(column => `"${column}"`)

/** Columns that change whenever a peer connects. */
const PASSING = ['lastSeen', 'lastUsedAt', 'publicKey', 'remainingAttempts']

/** Columns that nobody should find in a log. */
const SECRET = ['pskBase', 'salt', 'hash']

/** Flows come and go with each use, and devices are seen all the time: neither is an administrator's business. */
function isWorthLogging({ table, old, new: row }: Change): boolean {
  if (table === 'flows' || table === 'revocations') return false
  if (old === undefined || row === undefined) return true
  const [before, after] = [old, row] as unknown as [Record<string, unknown>, Record<string, unknown>]
  return Object.keys(after).some(
    column => !PASSING.includes(column) && JSON.stringify(before[column]) !== JSON.stringify(after[column]),
  )
}

function accountOf({ table, old, new: row }: Change): string | null {
  if (table === 'accounts') return (row ?? old)!.id
  const columns = (row ?? old) as { readonly accountId?: string | null }
  return columns.accountId ?? null
}

function masked(row: object | undefined): string | null {
  return row === undefined ? null : JSON.stringify(row, (key, value) => (SECRET.includes(key) ? '***' : value))
}
