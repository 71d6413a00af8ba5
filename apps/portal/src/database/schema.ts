import type { Generated } from 'kysely'

/** The tables that are read and written by queries; the portal's rows go through `columns.ts`. */
export interface Schema {
  changes: ChangesTable
  settings: SettingsTable
}

/** The audit log. */
interface ChangesTable {
  seq: Generated<number>
  /** Unix milliseconds. */
  at: number
  account_id: string | null
  table: string
  op: 'insert' | 'update' | 'delete'
  /** JSON of the row before, without what is secret. */
  old: string | null
  /** JSON of the row after, without what is secret. */
  new: string | null
}

/** What the installation remembers of itself. */
interface SettingsTable {
  name: string
  value: string
}
