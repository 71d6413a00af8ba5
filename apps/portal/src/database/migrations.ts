import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * What was done to the database's shape, in order. A migration that was released never changes again; the next one
 * does.
 */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_initial': { up: initial },
}

type Table = CreateTableBuilder<string, string>

async function initial(db: Kysely<unknown>): Promise<void> {
  const table = (name: string, shape: (table: Table) => Table): Promise<void> =>
    shape(db.schema.createTable(name).addColumn('id', 'text', column => column.primaryKey()) as Table)
      .modifyEnd(sql`strict`)
      .execute()
  const text =
    (...names: string[]) =>
    (to: Table) =>
      names.reduce((t, n) => t.addColumn(n, 'text', c => c.notNull()), to)
  const optional =
    (type: 'text' | 'integer', ...names: string[]) =>
    (to: Table) =>
      names.reduce((t, n) => t.addColumn(n, type), to)
  const integer =
    (...names: string[]) =>
    (to: Table) =>
      names.reduce((t, n) => t.addColumn(n, 'integer', c => c.notNull()), to)
  const parent = (name: string, parentTable: string) => (to: Table) =>
    to.addColumn(name, 'text', c => c.notNull().references(`${parentTable}.id`).onDelete('cascade'))
  const optionalParent = (name: string, parentTable: string) => (to: Table) =>
    to.addColumn(name, 'text', c => c.references(`${parentTable}.id`).onDelete('cascade'))
  const all =
    (...parts: ((to: Table) => Table)[]) =>
    (to: Table) =>
      parts.reduce((t, part) => part(t), to)
  const account = parent('account_id', 'accounts')

  await table(
    'accounts',
    all(
      text('name', 'slug', 'upstream_dns'),
      optional('text', 'search_domain'),
      optional('integer', 'disabled_at'),
      t => t.addUniqueConstraint('accounts_slug', ['slug']),
    ),
  )
  await table(
    'actors',
    all(account, text('type', 'name'), optional('text', 'email'), optional('integer', 'disabled_at')),
  )
  await table(
    'groups',
    all(account, text('name'), integer('managed'), t => t.addUniqueConstraint('groups_name', ['account_id', 'name'])),
  )
  await table(
    'memberships',
    all(account, parent('group_id', 'groups'), parent('actor_id', 'actors'), t =>
      t.addUniqueConstraint('memberships_pair', ['group_id', 'actor_id']),
    ),
  )
  await table(
    'sites',
    all(account, text('name'), integer('system'), t => t.addUniqueConstraint('sites_name', ['account_id', 'name'])),
  )
  const device = all(account, text('external_id', 'name', 'public_key', 'psk_base', 'ipv4', 'ipv6', 'last_seen'))
  await table(
    'clients',
    all(
      device,
      parent('actor_id', 'actors'),
      optional('text', 'device_serial', 'device_uuid', 'identifier_for_vendor', 'firebase_installation_id'),
      optional('integer', 'verified_at'),
      t => t.addUniqueConstraint('clients_external_id', ['actor_id', 'external_id']),
    ),
  )
  await table(
    'gateways',
    all(device, parent('site_id', 'sites'), t =>
      t.addUniqueConstraint('gateways_external_id', ['site_id', 'external_id']),
    ),
  )
  await table(
    'resources',
    all(account, text('type', 'name', 'filters'), optional('text', 'address', 'address_description', 'ip_stack')),
  )
  await table(
    'connections',
    all(account, parent('resource_id', 'resources'), parent('site_id', 'sites'), t =>
      t.addUniqueConstraint('connections_pair', ['resource_id', 'site_id']),
    ),
  )
  await table(
    'policies',
    all(
      account,
      parent('group_id', 'groups'),
      parent('resource_id', 'resources'),
      text('conditions'),
      optional('text', 'description'),
      optional('integer', 'disabled_at'),
      t => t.addUniqueConstraint('policies_pair', ['group_id', 'resource_id']),
    ),
  )
  await table(
    'tokens',
    all(
      optionalParent('account_id', 'accounts'),
      optionalParent('actor_id', 'actors'),
      optionalParent('site_id', 'sites'),
      text('type', 'name', 'salt', 'hash'),
      integer('created_at'),
      optional('integer', 'expires_at', 'remaining_attempts', 'last_used_at'),
    ),
  )
  await table(
    'flows',
    all(
      account,
      parent('client_id', 'clients'),
      parent('gateway_id', 'gateways'),
      parent('resource_id', 'resources'),
      parent('policy_id', 'policies'),
      parent('membership_id', 'memberships'),
      parent('token_id', 'tokens'),
      text('client_remote_ip', 'client_user_agent', 'gateway_remote_ip'),
      integer('expires_at', 'inserted_at'),
    ),
  )
  await table(
    'revocations',
    // The client and the resource may be gone already, the gateway must be told all the same.
    all(account, parent('gateway_id', 'gateways'), text('client_id', 'resource_id'), integer('expires_at')),
  )
  await table('relays', all(text('last_seen'), integer('port'), optional('text', 'name', 'ipv4', 'ipv6')))
  await createChanges(db)
  await db.schema
    .createTable('settings')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('value', 'text', column => column.notNull())
    .execute()
  await indexReferences(db)
}

/** What was changed, when, from what to what: the audit log. */
async function createChanges(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('changes')
    .addColumn('seq', 'integer', column => column.primaryKey().autoIncrement())
    .addColumn('at', 'integer', column => column.notNull())
    .addColumn('account_id', 'text')
    .addColumn('table', 'text', column => column.notNull())
    .addColumn('op', 'text', column => column.notNull())
    .addColumn('old', 'text')
    .addColumn('new', 'text')
    .execute()
}

/** Without these, each deletion of a parent would read its children's whole tables. */
async function indexReferences(db: Kysely<unknown>): Promise<void> {
  const indexes: Record<string, string[]> = {
    actors: ['account_id'],
    memberships: ['account_id', 'actor_id'],
    clients: ['account_id'],
    gateways: ['account_id'],
    resources: ['account_id'],
    connections: ['account_id', 'site_id'],
    policies: ['account_id', 'resource_id'],
    tokens: ['account_id', 'actor_id', 'site_id'],
    flows: ['account_id', 'client_id', 'gateway_id', 'resource_id', 'policy_id', 'membership_id', 'token_id'],
    revocations: ['account_id', 'gateway_id'],
  }
  for (const [table, columns] of Object.entries(indexes)) {
    for (const column of columns) {
      await db.schema.createIndex(`${table}_by_${column}`).on(table).column(column).execute()
    }
  }
}
