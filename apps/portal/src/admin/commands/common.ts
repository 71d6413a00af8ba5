import type { Admin, Portal, TableName, Tables } from '@sallyport/portal-core'
import type { Instant } from '@sallyport/sans-io'
import { type Command, options, UsageError } from '../command.ts'
import { accountOf, find, rowsOf } from '../find.ts'

/** The option that says which account is meant. */
export const ACCOUNT = 'account: name, slug or id; may be left out while there is only one'

/** Makes a command that lists a table; `view` says how a row is shown. */
export function listing<T extends Exclude<TableName, 'accounts' | 'relays'>>(
  group: string,
  table: T,
  description: string,
  view: (portal: Portal, row: Tables[T]) => object = (_, row) => row,
): Command {
  const run: Command['run'] = (portal, args) => rowsOf(portal, table, args).map(row => view(portal, row))
  return { group, name: 'list', description, options: options(ACCOUNT), run }
}

/** Makes a command that adds something that only has a name. */
export function creation(
  group: string,
  description: string,
  create: (admin: Admin, input: { accountId: string; name: string }, now: Instant) => object,
): Command {
  return {
    group,
    name: 'create',
    description,
    options: options(ACCOUNT, 'name!: name'),
    run: (portal, args, now) =>
      create(portal.admin, { accountId: accountOf(portal, args).id, name: args.text('name') }, now),
  }
}

/** Makes a command that renames something. */
export function renaming(
  group: string,
  table: TableName,
  rename: (admin: Admin, id: string, name: string, now: Instant) => object,
): Command {
  return {
    group,
    name: 'rename',
    description: `rename a ${group}`,
    options: options(`${group}!: name or id`, 'name!: new name'),
    run: (portal, args, now) => rename(portal.admin, find(portal, table, args.text(group)).id, args.text('name'), now),
  }
}

/** Makes a command that deletes something. */
export function deletion(
  group: string,
  table: TableName,
  description: string,
  remove: (admin: Admin, id: string, now: Instant) => void,
): Command {
  return {
    group,
    name: 'delete',
    description,
    options: options(`${group}!: name or id`),
    run(portal, args, now) {
      const { id } = find(portal, table, args.text(group))
      remove(portal.admin, id, now)
      return { id }
    },
  }
}

/** Returns `text` if it is one of `known`; throws a {@link UsageError} otherwise. */
export function oneOf<T extends string>(what: string, known: readonly T[], text: string): T {
  const found = known.find(item => item === text)
  if (found === undefined) throw new UsageError(`"${text}" is no ${what}: it is one of ${known.join(', ')}`)
  return found
}
