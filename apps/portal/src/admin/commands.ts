import type { IpStack, Portal, ResourceType } from '@sallyport/portal-core'
import { type Command, options, UsageError } from './command.ts'
import { accountOf, find, rowsOf } from './find.ts'
import { parseConditionText, parseExpiry, parseFilterText } from './text-forms.ts'

const ACCOUNT = 'account: name, slug or id; may be left out while there is only one'

/** Everything that an administrator can do at the command line. */
export const COMMANDS: readonly Command[] = [
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
  {
    group: 'actor',
    name: 'list',
    description: 'list people and service accounts',
    options: options(ACCOUNT),
    run: (portal, args) => rowsOf(portal, 'actors', args),
  },
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
  {
    group: 'actor',
    name: 'delete',
    description: 'delete a person or service account, with clients and tokens',
    options: options('actor!: name or id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'actors', args.text('actor')), id => portal.admin.deleteActor(id, now)),
  },
  {
    group: 'group',
    name: 'list',
    description: 'list groups with their members',
    options: options(ACCOUNT),
    run: (portal, args) =>
      rowsOf(portal, 'groups', args).map(group => ({
        ...group,
        members: portal
          .rows('memberships')
          .filter(({ groupId }) => groupId === group.id)
          .map(({ actorId }) => find(portal, 'actors', actorId).name),
      })),
  },
  {
    group: 'group',
    name: 'create',
    description: 'add a group',
    options: options(ACCOUNT, 'name!: name'),
    run: (portal, args, now) =>
      portal.admin.createGroup({ accountId: accountOf(portal, args).id, name: args.text('name') }, now),
  },
  {
    group: 'group',
    name: 'rename',
    description: 'rename a group',
    options: options('group!: name or id', 'name!: new name'),
    run: (portal, args, now) =>
      portal.admin.renameGroup(find(portal, 'groups', args.text('group')).id, args.text('name'), now),
  },
  {
    group: 'group',
    name: 'delete',
    description: 'delete a group with its policies',
    options: options('group!: name or id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'groups', args.text('group')), id => portal.admin.deleteGroup(id, now)),
  },
  {
    group: 'member',
    name: 'add',
    description: 'put an actor into a group',
    options: options('group!: name or id', 'actor!: name or id'),
    run: (portal, args, now) => {
      const [group, actor] = [find(portal, 'groups', args.text('group')), find(portal, 'actors', args.text('actor'))]
      return portal.admin.addMember(group.id, actor.id, now)
    },
  },
  {
    group: 'member',
    name: 'remove',
    description: 'take an actor out of a group',
    options: options('group!: name or id', 'actor!: name or id'),
    run: (portal, args, now) => {
      const [group, actor] = [find(portal, 'groups', args.text('group')), find(portal, 'actors', args.text('actor'))]
      portal.admin.removeMember(group.id, actor.id, now)
      return { groupId: group.id, actorId: actor.id }
    },
  },
  {
    group: 'site',
    name: 'list',
    description: 'list sites with their gateways online',
    options: options(ACCOUNT),
    run: (portal, args) =>
      rowsOf(portal, 'sites', args).map(site => ({
        ...site,
        online: portal.rows('gateways').filter(({ siteId, id }) => siteId === site.id && portal.isOnline(id)).length,
      })),
  },
  {
    group: 'site',
    name: 'create',
    description: 'add a site',
    options: options(ACCOUNT, 'name!: name'),
    run: (portal, args, now) =>
      portal.admin.createSite({ accountId: accountOf(portal, args).id, name: args.text('name') }, now),
  },
  {
    group: 'site',
    name: 'rename',
    description: 'rename a site',
    options: options('site!: name or id', 'name!: new name'),
    run: (portal, args, now) =>
      portal.admin.renameSite(find(portal, 'sites', args.text('site')).id, args.text('name'), now),
  },
  {
    group: 'site',
    name: 'delete',
    description: 'delete a site with its gateways and tokens',
    options: options('site!: name or id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'sites', args.text('site')), id => portal.admin.deleteSite(id, now)),
  },
  {
    group: 'resource',
    name: 'list',
    description: 'list resources with their sites',
    options: options(ACCOUNT),
    run: (portal, args) => rowsOf(portal, 'resources', args).map(resource => withSites(portal, resource)),
  },
  {
    group: 'resource',
    name: 'create',
    description: 'add a resource',
    options: options(
      ACCOUNT,
      'name!: name',
      'address!: DNS pattern, network or IP address',
      'type: dns, cidr or ip; told from the address where it is left out',
      'site*!: name or id; several are possible',
      'description: shown instead of the address',
      'ip-stack: dual, ipv4_only or ipv6_only',
      'filter*: tcp, tcp/443, udp/8000-8100 or icmp; several are possible, none lets everything through',
    ),
    run(portal, args, now) {
      const address = args.text('address')
      const type = args.optional('type')
      const input = {
        accountId: accountOf(portal, args).id,
        name: args.text('name'),
        type: type === undefined ? guessType(address) : resourceType(type),
        address,
        addressDescription: args.optional('description'),
        ipStack: ipStack(args.optional('ip-stack')),
        filters: args.list('filter')?.map(parseFilterText),
        siteIds: args.list('site')!.map(text => find(portal, 'sites', text).id),
      }
      return withSites(portal, portal.admin.createResource(input, now))
    },
  },
  {
    group: 'resource',
    name: 'update',
    description: 'change a resource',
    options: options(
      'resource!: name or id',
      'name: new name',
      'address: new address',
      'type: new type',
      'site*: the sites from here on',
      'description: new description',
      'ip-stack: new IP stack',
      'filter*: the filters from here on; give it once empty for none',
    ),
    run(portal, args, now) {
      const type = args.optional('type')
      const edit = {
        name: args.optional('name'),
        type: type === undefined ? undefined : resourceType(type),
        address: args.optional('address'),
        addressDescription: args.optional('description'),
        ipStack: ipStack(args.optional('ip-stack')),
        filters: args
          .list('filter')
          ?.filter(text => text !== '')
          .map(parseFilterText),
        siteIds: args.list('site')?.map(text => find(portal, 'sites', text).id),
      }
      const { id } = find(portal, 'resources', args.text('resource'))
      return withSites(portal, portal.admin.updateResource(id, edit, now))
    },
  },
  {
    group: 'resource',
    name: 'delete',
    description: 'delete a resource with its policies',
    options: options('resource!: name or id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'resources', args.text('resource')), id => portal.admin.deleteResource(id, now)),
  },
  {
    group: 'policy',
    name: 'list',
    description: 'list policies',
    options: options(ACCOUNT),
    run: (portal, args) =>
      rowsOf(portal, 'policies', args).map(policy => ({
        ...policy,
        group: find(portal, 'groups', policy.groupId).name,
        resource: find(portal, 'resources', policy.resourceId).name,
      })),
  },
  {
    group: 'policy',
    name: 'create',
    description: 'let a group reach a resource',
    options: options(
      ACCOUNT,
      'group!: name or id',
      'resource!: name or id',
      'description: why',
      'condition*: such as remote_ip:is_in_cidr:203.0.113.0/24; several are possible, all must hold',
    ),
    run(portal, args, now) {
      const group = find(portal, 'groups', args.text('group'))
      const input = {
        accountId: group.accountId,
        groupId: group.id,
        resourceId: find(portal, 'resources', args.text('resource')).id,
        description: args.optional('description'),
        conditions: args.list('condition')?.map(parseConditionText),
      }
      return portal.admin.createPolicy(input, now)
    },
  },
  {
    group: 'policy',
    name: 'update',
    description: 'change a policy',
    options: options(
      'policy!: id',
      'group: new group',
      'resource: new resource',
      'description: new description',
      'condition*: the conditions from here on; give it once empty for none',
      'disable?: suspend it',
      'enable?: make it hold again',
    ),
    run(portal, args, now) {
      const [group, resource] = [args.optional('group'), args.optional('resource')]
      const edit = {
        groupId: group === undefined ? undefined : find(portal, 'groups', group).id,
        resourceId: resource === undefined ? undefined : find(portal, 'resources', resource).id,
        description: args.optional('description'),
        conditions: args
          .list('condition')
          ?.filter(text => text !== '')
          .map(parseConditionText),
        disabled: args.either('disable', 'enable'),
      }
      return portal.admin.updatePolicy(args.text('policy'), edit, now)
    },
  },
  {
    group: 'policy',
    name: 'delete',
    description: 'delete a policy',
    options: options('policy!: id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'policies', args.text('policy')), id => portal.admin.deletePolicy(id, now)),
  },
  {
    group: 'token',
    name: 'list',
    description: 'list tokens, without their texts, which nobody knows',
    options: options(ACCOUNT),
    run: (portal, args) =>
      rowsOf(portal, 'tokens', args).map(
        ({ salt: _salt, hash: _hash, remainingAttempts: _attempts, ...token }) => token,
      ),
  },
  {
    group: 'token',
    name: 'create-client',
    description: 'make a token for the clients of an actor; it is shown once',
    options: options('actor!: name or id', 'expires!: date or length of time, such as 2026-01-31 or 7d', 'name: name'),
    run: (portal, args, now) =>
      portal.admin.createClientToken(
        {
          actorId: find(portal, 'actors', args.text('actor')).id,
          name: args.optional('name') ?? 'client',
          expiresAt: parseExpiry(args.text('expires'), Date.now()),
        },
        now,
      ),
  },
  {
    group: 'token',
    name: 'create-gateway',
    description: 'make a token for the gateways of a site; it is shown once',
    options: options('site!: name or id', 'expires: date or length of time; never if left out', 'name: name'),
    run: (portal, args, now) =>
      portal.admin.createGatewayToken(
        {
          siteId: find(portal, 'sites', args.text('site')).id,
          name: args.optional('name') ?? 'gateways',
          expiresAt: optionalExpiry(args.optional('expires')),
        },
        now,
      ),
  },
  {
    group: 'token',
    name: 'create-relay',
    description: 'make a token for relays; it is shown once',
    options: options('expires: date or length of time; never if left out', 'name: name'),
    run: (portal, args, now) =>
      portal.admin.createRelayToken(
        { name: args.optional('name') ?? 'relays', expiresAt: optionalExpiry(args.optional('expires')) },
        now,
      ),
  },
  {
    group: 'token',
    name: 'delete',
    description: 'delete a token; who is connected with it is cut off',
    options: options('token!: id'),
    run: (portal, args, now) => deleted({ id: args.text('token') }, id => portal.admin.deleteToken(id, now)),
  },
  {
    group: 'client',
    name: 'list',
    description: 'list clients',
    options: options(ACCOUNT),
    run: (portal, args) => rowsOf(portal, 'clients', args).map(device => withPresence(portal, device)),
  },
  {
    group: 'client',
    name: 'update',
    description: 'rename a client, or vouch for it',
    options: options('client!: name or id', 'name: new name', 'verify?: vouch for it', 'unverify?: take that back'),
    run(portal, args, now) {
      const { id } = find(portal, 'clients', args.text('client'))
      const [name, verified] = [args.optional('name'), args.either('verify', 'unverify')]
      if (name !== undefined) portal.admin.renameClient(id, name, now)
      if (verified !== undefined) portal.admin.setClientVerified(id, verified, now)
      return withPresence(portal, find(portal, 'clients', id))
    },
  },
  {
    group: 'client',
    name: 'delete',
    description: 'delete a client; the device is a new one when it comes back',
    options: options('client!: name or id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'clients', args.text('client')), id => portal.admin.deleteClient(id, now)),
  },
  {
    group: 'gateway',
    name: 'list',
    description: 'list gateways',
    options: options(ACCOUNT),
    run: (portal, args) => rowsOf(portal, 'gateways', args).map(device => withPresence(portal, device)),
  },
  {
    group: 'gateway',
    name: 'delete',
    description: 'delete a gateway; it is a new one when it comes back',
    options: options('gateway!: name or id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'gateways', args.text('gateway')), id => portal.admin.deleteGateway(id, now)),
  },
  {
    group: 'relay',
    name: 'list',
    description: 'list relays',
    options: [],
    run: portal => portal.rows('relays').map(relay => ({ ...relay, online: portal.isOnline(relay.id) })),
  },
  {
    group: 'relay',
    name: 'delete',
    description: 'cut off a relay',
    options: options('relay!: name or id'),
    run: (portal, args, now) =>
      deleted(find(portal, 'relays', args.text('relay')), id => portal.admin.deleteRelay(id, now)),
  },
]

function deleted({ id }: { readonly id: string }, remove: (id: string) => void): { id: string } {
  remove(id)
  return { id }
}

function withSites<R extends { readonly id: string }>(portal: Portal, resource: R): R & { sites: string[] } {
  const connections = portal.rows('connections').filter(({ resourceId }) => resourceId === resource.id)
  return { ...resource, sites: connections.map(({ siteId }) => find(portal, 'sites', siteId).name) }
}

function withPresence<D extends { readonly id: string; readonly pskBase: string }>(portal: Portal, device: D): object {
  const { pskBase: _secret, ...columns } = device
  return { ...columns, online: portal.isOnline(device.id) }
}

function oneOf<T extends string>(what: string, known: readonly T[], text: string): T {
  const found = known.find(item => item === text)
  if (found === undefined) throw new UsageError(`"${text}" is no ${what}: it is one of ${known.join(', ')}`)
  return found
}

const ACTOR_TYPES = ['account_user', 'account_admin_user', 'service_account'] as const
const actorType = (text: string): (typeof ACTOR_TYPES)[number] => oneOf('type of actor', ACTOR_TYPES, text)

const RESOURCE_TYPES = ['dns', 'cidr', 'ip'] as const
const resourceType = (text: string): (typeof RESOURCE_TYPES)[number] => oneOf('type of resource', RESOURCE_TYPES, text)

const IP_STACKS: readonly IpStack[] = ['dual', 'ipv4_only', 'ipv6_only']
const ipStack = (text: string | undefined): IpStack | undefined =>
  text === undefined ? undefined : oneOf('IP stack', IP_STACKS, text)

const optionalExpiry = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseExpiry(text, Date.now())

/** Returns the kind of resource that an address without a kind stands for. */
export function guessType(address: string): Exclude<ResourceType, 'internet'> {
  if (address.includes('/')) return 'cidr'
  return address.includes(':') || /^[\d.]+$/.test(address) ? 'ip' : 'dns'
}
