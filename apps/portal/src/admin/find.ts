import type { Account, Portal, TableName, Tables } from '@sallyport/portal-core'
import { type Arguments, UsageError } from './command.ts'

/** Returns the row that an administrator means by an id or by a name, as long as the name is the only one. */
export function find<T extends TableName>(portal: Portal, table: T, text: string): Tables[T] {
  const rows = portal.rows(table)
  const byId = rows.find(row => row.id === text)
  if (byId !== undefined) return byId
  const named = rows.filter(row => ('slug' in row && row.slug === text) || ('name' in row && row.name === text))
  if (named.length === 1) return named[0]!
  throw new UsageError(
    named.length === 0
      ? `there is nothing called "${text}" in ${table}`
      : `there are ${named.length} called "${text}" in ${table}: use one of the ids ${named.map(row => row.id).join(', ')}`,
  )
}

/** Returns the account of `--account`, which may be left out while there is only one. */
export function accountOf(portal: Portal, args: Arguments): Account {
  const text = args.optional('account')
  if (text !== undefined) return find(portal, 'accounts', text)
  const accounts = portal.rows('accounts')
  if (accounts.length === 1) return accounts[0]!
  throw new UsageError(accounts.length === 0 ? 'there is no account: run bootstrap' : '--account is missing')
}

/** Returns the rows of the account of `--account`, or all rows where it is left out. */
export function rowsOf<T extends Exclude<TableName, 'accounts' | 'relays'>>(
  portal: Portal,
  table: T,
  args: Arguments,
): Tables[T][] {
  const text = args.optional('account')
  const rows: readonly Tables[T][] = portal.rows(table)
  if (text === undefined) return [...rows]
  const { id } = find(portal, 'accounts', text)
  return rows.filter(row => row.accountId === id)
}
