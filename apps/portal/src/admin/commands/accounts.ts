import { type Command, options } from '../command.ts'
import { accountOf, find } from '../find.ts'
import { ACCOUNT, deletion, listing, oneOf } from './common.ts'

/** Accounts, and the people and service accounts in them. */
export const ACCOUNT_COMMANDS: readonly Command[] = [
  {
    group: 'account',
    name: 'list',
    description: 'list accounts',
    options: [],
    run: portal => [...portal.rows('accounts')],
  },
  {
    group: 'account',
    name: 'update',
    description: 'change an account',
    options: options(
      ACCOUNT,
      'name: new name',
      'slug: new name in addresses',
      'search-domain: search domain of clients; empty for none',
      'dns*: DNS server of clients; give it once for each, or once empty for none',
      'disable?: end all access',
      'enable?: allow access again',
    ),
    run(portal, args, now) {
      const edit = {
        name: args.optional('name'),
        slug: args.optional('slug'),
        searchDomain: args.optional('search-domain'),
        upstreamDns: args.list('dns')?.filter(text => text !== ''),
        disabled: args.either('disable', 'enable'),
      }
      return portal.admin.updateAccount(accountOf(portal, args).id, edit, now)
    },
  },
  listing('actor', 'actors', 'list people and service accounts'),
  {
    group: 'actor',
    name: 'create',
    description: 'add a person or service account',
    options: options(
      ACCOUNT,
      'name!: name',
      'type: account_user, account_admin_user or service_account',
      'email: address',
    ),
    run: (portal, args, now) =>
      portal.admin.createActor(
        {
          accountId: accountOf(portal, args).id,
          type: actorType(args.optional('type') ?? 'account_user'),
          name: args.text('name'),
          email: args.optional('email'),
        },
        now,
      ),
  },
  {
    group: 'actor',
    name: 'update',
    description: 'change a person or service account',
    options: options(
      'actor!: name or id',
      'name: new name',
      'email: new address',
      'type: new type',
      'disable?: delete all tokens and refuse new ones',
      'enable?: allow tokens again',
    ),
    run(portal, args, now) {
      const type = args.optional('type')
      const edit = {
        name: args.optional('name'),
        email: args.optional('email'),
        type: type === undefined ? undefined : actorType(type),
        disabled: args.either('disable', 'enable'),
      }
      return portal.admin.updateActor(find(portal, 'actors', args.text('actor')).id, edit, now)
    },
  },
  deletion('actor', 'actors', 'delete a person or service account, with clients and tokens', (admin, id, now) =>
    admin.deleteActor(id, now),
  ),
]

const ACTOR_TYPES = ['account_user', 'account_admin_user', 'service_account'] as const
const actorType = (text: string): (typeof ACTOR_TYPES)[number] => oneOf('type of actor', ACTOR_TYPES, text)
