import { REFERENCES, TABLE_NAMES, type TableName, type Tables } from './row.ts'
import type { Change, PortalStore } from './store.ts'

/**
 * All rows in memory, with an index for each column that names another row.
 *
 * Writes happen in a transaction: they are visible at once, are stored when it ends, and are taken back where anything
 * fails, the storage included.
 */
export class WorkingSet {
  readonly #store: PortalStore
  readonly #tables: { readonly [T in TableName]: Table<Tables[T]> }
  #changes: Change[] | undefined

  constructor(store: PortalStore) {
    this.#store = store
    const snapshot = store.load()
    this.#tables = Object.fromEntries(
      TABLE_NAMES.map(name => [name, new Table<Row>(Object.keys(REFERENCES[name]), snapshot[name])]),
    ) as unknown as { [T in TableName]: Table<Tables[T]> }
  }

  /** Returns the row, or `undefined` if there is none. */
  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.#tables[table].get(id)
  }

  /** Returns all rows of a table. */
  all<T extends TableName>(table: T): Tables[T][] {
    return this.#tables[table].all()
  }

  /** Returns the rows whose `column`, one of the table's {@link REFERENCES}, is `id`. */
  by<T extends TableName>(table: T, column: keyof Tables[T] & string, id: string): Tables[T][] {
    return this.#tables[table].by(column, id)
  }

  /** Runs `work` and stores what it changed; takes it back and throws on where either fails. Not to be nested. */
  transact<R>(at: number, work: () => R): { result: R; changes: readonly Change[] } {
    if (this.#changes !== undefined) throw new Error('transactions are not nested')
    const changes: Change[] = []
    this.#changes = changes
    try {
      const result = work()
      if (changes.length > 0) this.#store.commit(changes, at)
      return { result, changes }
    } catch (error) {
      for (const change of changes.reverse()) this.#revert(change)
      throw error
    } finally {
      this.#changes = undefined
    }
  }

  /** The changes of the running transaction so far. */
  get pendingChanges(): readonly Change[] {
    return this.#changes ?? []
  }

  /** Adds a row and returns it. */
  insert<T extends TableName>(table: T, row: Tables[T]): Tables[T] {
    this.#tables[table].set(row)
    this.#record({ table, old: undefined, new: row } as unknown as Change)
    return row
  }

  /** Changes columns of a row, which must exist, and returns it. Nothing is recorded where nothing is different. */
  update<T extends TableName>(table: T, id: string, columns: Partial<Tables[T]>): Tables[T] {
    const old = this.#tables[table].get(id)
    if (old === undefined) throw new Error(`no row ${id} in ${table}`)
    const row = { ...old, ...columns }
    if (JSON.stringify(row) === JSON.stringify(old)) return old
    this.#tables[table].set(row)
    this.#record({ table, old, new: row } as unknown as Change)
    return row
  }

  /** Deletes a row, if there is one, after all that refer to it. */
  remove(table: TableName, id: string): void {
    const row = this.#tables[table].get(id)
    if (row === undefined) return
    for (const child of TABLE_NAMES) {
      for (const [column, parent] of Object.entries(REFERENCES[child])) {
        if (parent !== table) continue
        for (const { id: childId } of this.#tables[child].by(column, id)) this.remove(child, childId)
      }
    }
    this.#tables[table].delete(id)
    this.#record({ table, old: row, new: undefined } as unknown as Change)
  }

  #record(change: Change): void {
    if (this.#changes === undefined) throw new Error('rows are only written in a transaction')
    this.#changes.push(change)
  }

  #revert(change: Change): void {
    const table = this.#tables[change.table] as unknown as Table<Row>
    if (change.old === undefined) table.delete(change.new!.id)
    else table.set(change.old)
  }
}

interface Row {
  readonly id: string
}

class Table<R extends Row> {
  readonly #rows = new Map<string, R>()
  readonly #indexes: ReadonlyMap<string, Map<string, Set<string>>>

  constructor(indexed: readonly string[], rows: readonly R[]) {
    this.#indexes = new Map(indexed.map(column => [column, new Map<string, Set<string>>()]))
    for (const row of rows) this.set(row)
  }

  get(id: string): R | undefined {
    return this.#rows.get(id)
  }

  all(): R[] {
    return [...this.#rows.values()]
  }

  by(column: string, id: string): R[] {
    const index = this.#indexes.get(column)
    if (index === undefined) throw new Error(`column ${column} has no index`)
    return [...(index.get(id) ?? [])].map(rowId => this.#rows.get(rowId)!)
  }

  /** Adds a row, or puts it in the place of the one with its id. */
  set(row: R): void {
    this.#unindex(row.id)
    this.#rows.set(row.id, row)
    for (const [column, index] of this.#indexes) {
      const value = columnOf(row, column)
      if (value === null) continue
      const ids = index.get(value)
      if (ids) ids.add(row.id)
      else index.set(value, new Set([row.id]))
    }
  }

  delete(id: string): void {
    this.#unindex(id)
    this.#rows.delete(id)
  }

  #unindex(id: string): void {
    const row = this.#rows.get(id)
    if (row === undefined) return
    for (const [column, index] of this.#indexes) {
      const value = columnOf(row, column)
      if (value === null) continue
      const ids = index.get(value)
      ids?.delete(id)
      if (ids?.size === 0) index.delete(value)
    }
  }
}

const columnOf = (row: Row, column: string): string | null =>
  (row as unknown as Record<string, string | null>)[column] ?? null
