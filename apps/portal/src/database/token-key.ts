import { randomBytes } from 'node:crypto'
import type { TokenKey } from '@sallyport/portal-core'
import type { OpenDatabase } from './database.ts'

/**
 * Returns the key that signs tokens: made once and kept in the database, unless the environment sets `TOKENS_KEY_BASE`
 * and `TOKENS_SALT`, with which tokens of a Firezone installation stay valid.
 */
export async function tokenKeyOf(
  { queries }: OpenDatabase,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<TokenKey> {
  const { TOKENS_KEY_BASE: keyBase, TOKENS_SALT: salt } = environment
  if (keyBase && salt) return { keyBase, salt }
  const fresh = { keyBase: randomBytes(48).toString('base64'), salt: randomBytes(24).toString('base64') }
  await queries
    .insertInto('settings')
    .values({ name: 'token_key', value: JSON.stringify(fresh) })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  const stored = await queries
    .selectFrom('settings')
    .select('value')
    .where('name', '=', 'token_key')
    .executeTakeFirstOrThrow()
  return JSON.parse(stored.value) as TokenKey
}
