import { chmodSync, closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeFolder, OperatorError } from '@sallyport/service'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { MIGRATIONS } from './migrations.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import type { Schema } from './schema.ts'

/** An open database: one connection, used both ways. */
export interface OpenDatabase {
  /** For what must be done at once: transactions of the portal. */
  readonly connection: DatabaseSync
  /** For everything else. */
  readonly queries: Kysely<Schema>
  close(): Promise<void>
}

/**
 * Opens a database, makes it where there is none, and brings its shape up to date.
 *
 * A transaction that was committed survives a crash of the machine. The file can be read by its owner only, because
 * the key that signs tokens is in it; only one process can have it open.
 *
 * @param path - A file, or `:memory:`.
 * @throws {@link OperatorError} where that can't be done.
 */
export async function openDatabase(path: string): Promise<OpenDatabase> {
  try {
    if (path !== ':memory:') makePrivateFile(path)
    const connection = new DatabaseSync(path, { timeout: 1000 })
    connection.exec('PRAGMA locking_mode = EXCLUSIVE')
    connection.exec('PRAGMA journal_mode = WAL')
    connection.exec('PRAGMA synchronous = FULL')
    connection.exec('PRAGMA foreign_keys = ON')
    connection.exec('BEGIN EXCLUSIVE; COMMIT') // takes the lock, or finds that another process has it
    const queries = new Kysely<Schema>({ dialect: nodeSqliteDialect(connection) })
    const provider = { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) }
    const { error } = await new Migrator({ db: queries, provider }).migrateToLatest()
    if (error !== undefined) throw error
    return { connection, queries, close: () => queries.destroy() }
  } catch (error) {
    throw new OperatorError(describe(path, error), { cause: error })
  }
}

function makePrivateFile(path: string): void {
  makeFolder(dirname(path), 0o700)
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}

function describe(path: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error)
  if (/database is locked/.test(reason)) return `the database ${path} is in use by another process`
  if (/file is not a database/.test(reason)) return `${path} is not a database`
  return `the database ${path} can't be opened: ${reason}`
}
