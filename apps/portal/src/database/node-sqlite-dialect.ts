import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { SqliteDialect } from 'kysely'

/** Returns a dialect that runs Kysely's queries on the SQLite of Node.js. */
export function nodeSqliteDialect(database: DatabaseSync): SqliteDialect {
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare(sql: string) {
        const statement = database.prepare(sql)
        const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[]
        return {
          reader: statement.columns().length > 0,
          all: (parameters: readonly unknown[]) => statement.all(...values(parameters)),
          run(parameters: readonly unknown[]) {
            const { changes, lastInsertRowid } = statement.run(...values(parameters))
            return { changes, lastInsertRowid }
          },
          iterate: (parameters: readonly unknown[]) => statement.iterate(...values(parameters)),
        }
      },
    },
  })
}
