import type { TableName, Tables } from '@sallyport/portal-core'

/** How a column of a row is kept in SQLite. */
type ColumnKind = 'text' | 'integer' | 'boolean' | 'json'

type Columns<T extends TableName> = { readonly [Column in keyof Tables[T] & string]: ColumnKind }

const id = 'text'
const accountId = 'text'
const device = {
  id,
  accountId,
  externalId: 'text',
  name: 'text',
  publicKey: 'text',
  pskBase: 'text',
  ipv4: 'text',
  ipv6: 'text',
  lastSeen: 'json',
} as const

/** The columns of all tables, in their order; named as in the rows, and with underscores in the database. */
export const COLUMNS: { readonly [T in TableName]: Columns<T> } = {
  accounts: { id, name: 'text', slug: 'text', searchDomain: 'text', upstreamDns: 'json', disabledAt: 'integer' },
  actors: { id, accountId, type: 'text', name: 'text', email: 'text', disabledAt: 'integer' },
  groups: { id, accountId, name: 'text', managed: 'boolean' },
  memberships: { id, accountId, groupId: 'text', actorId: 'text' },
  sites: { id, accountId, name: 'text', system: 'boolean' },
  clients: {
    ...device,
    actorId: 'text',
    deviceSerial: 'text',
    deviceUuid: 'text',
    identifierForVendor: 'text',
    firebaseInstallationId: 'text',
    verifiedAt: 'integer',
  },
  gateways: { ...device, siteId: 'text' },
  resources: {
    id,
    accountId,
    type: 'text',
    name: 'text',
    address: 'text',
    addressDescription: 'text',
    ipStack: 'text',
    filters: 'json',
  },
  connections: { id, accountId, resourceId: 'text', siteId: 'text' },
  policies: {
    id,
    accountId,
    groupId: 'text',
    resourceId: 'text',
    description: 'text',
    conditions: 'json',
    disabledAt: 'integer',
  },
  tokens: {
    id,
    accountId,
    type: 'text',
    actorId: 'text',
    siteId: 'text',
    name: 'text',
    salt: 'text',
    hash: 'text',
    expiresAt: 'integer',
    remainingAttempts: 'integer',
    lastUsedAt: 'integer',
    createdAt: 'integer',
  },
  flows: {
    id,
    accountId,
    clientId: 'text',
    gatewayId: 'text',
    resourceId: 'text',
    policyId: 'text',
    membershipId: 'text',
    tokenId: 'text',
    clientRemoteIp: 'text',
    clientUserAgent: 'text',
    gatewayRemoteIp: 'text',
    expiresAt: 'integer',
    insertedAt: 'integer',
  },
  revocations: {
    id,
    accountId,
    gatewayId: 'text',
    clientId: 'text',
    resourceId: 'text',
    expiresAt: 'integer',
  },
  relays: { id, name: 'text', ipv4: 'text', ipv6: 'text', port: 'integer', lastSeen: 'json' },
}

/** Returns the name of a column in the database: `account_id` for `accountId`. */
export const columnName = (column: string): string => column.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** Returns a row as SQLite keeps it. */
export function toStored(table: TableName, row: object): Record<string, string | number | null> {
  const values = row as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(COLUMNS[table]).map(([column, kind]) => [columnName(column), encode(kind, values[column])]),
  )
}

/** Returns a row as the portal knows it. */
export function fromStored<T extends TableName>(table: T, stored: Record<string, unknown>): Tables[T] {
  return Object.fromEntries(
    Object.entries(COLUMNS[table]).map(([column, kind]) => [column, decode(kind, stored[columnName(column)])]),
  ) as unknown as Tables[T]
}

function encode(kind: ColumnKind, value: unknown): string | number | null {
  if (value === null || value === undefined) return null
  if (kind === 'json') return JSON.stringify(value)
  if (kind === 'boolean') return value ? 1 : 0
  return value as string | number
}

function decode(kind: ColumnKind, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (kind === 'json') return JSON.parse(value as string)
  return kind === 'boolean' ? value === 1 : value
}
