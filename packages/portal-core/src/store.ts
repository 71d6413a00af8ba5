import type { TableName, Tables } from './row.ts'

/** One change of one row, in the order in which changes were made. */
export type Change = { [T in TableName]: ChangeOf<T> }[TableName]

/** One change of a row of table `T`. */
export interface ChangeOf<T extends TableName> {
  readonly table: T
  /** The row before; `undefined` where it was inserted. */
  readonly old: Tables[T] | undefined
  /** The row after; `undefined` where it was deleted. */
  readonly new: Tables[T] | undefined
}

/** Everything that is stored, in any order. */
export type Snapshot = { readonly [T in TableName]: readonly Tables[T][] }

/**
 * Where the portal keeps its rows: it loads them all at start and writes each transaction before anybody hears of it.
 */
export interface PortalStore {
  /** Returns all rows. Called once. */
  load(): Snapshot
  /**
   * Stores the changes of one transaction, all or none, and returns when they are durable. Children are deleted
   * before their parents. Where it throws, the portal takes the changes back.
   *
   * @param at - Unix milliseconds.
   */
  commit(changes: readonly Change[], at: number): void
}

/** A store that lives as long as it is referred to: for tests, simulations and demonstrations. */
export class MemoryStore implements PortalStore {
  readonly #tables = new Map<TableName, Map<string, Tables[TableName]>>()
  /** All changes ever made, oldest first. */
  readonly log: Change[] = []

  load(): Snapshot {
    const rows = <T extends TableName>(table: T): Tables[T][] =>
      [...(this.#tables.get(table)?.values() ?? [])] as Tables[T][]
    return {
      accounts: rows('accounts'),
      actors: rows('actors'),
      groups: rows('groups'),
      memberships: rows('memberships'),
      sites: rows('sites'),
      clients: rows('clients'),
      gateways: rows('gateways'),
      resources: rows('resources'),
      connections: rows('connections'),
      policies: rows('policies'),
      tokens: rows('tokens'),
      flows: rows('flows'),
      revocations: rows('revocations'),
      relays: rows('relays'),
    }
  }

  commit(changes: readonly Change[]): void {
    for (const change of changes) {
      let table = this.#tables.get(change.table)
      if (table === undefined) this.#tables.set(change.table, (table = new Map()))
      if (change.new === undefined) table.delete(change.old!.id)
      else table.set(change.new.id, change.new)
      this.log.push(change)
    }
  }
}
