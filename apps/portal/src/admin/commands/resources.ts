import type { IpStack, Portal, ResourceType } from '@sallyport/portal-core'
import { type Command, options } from '../command.ts'
import { accountOf, find } from '../find.ts'
import { parseConditionText, parseFilterText } from '../text-forms.ts'
import { ACCOUNT, deletion, listing, oneOf } from './common.ts'

/** Resources, and the policies that open them. */
export const RESOURCE_COMMANDS: readonly Command[] = [
  listing('resource', 'resources', 'list resources with their sites', withSites),
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
  deletion('resource', 'resources', 'delete a resource with its policies', (admin, id, now) =>
    admin.deleteResource(id, now),
  ),
  listing('policy', 'policies', 'list policies', (portal, policy) => ({
    ...policy,
    group: find(portal, 'groups', policy.groupId).name,
    resource: find(portal, 'resources', policy.resourceId).name,
  })),
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
  deletion('policy', 'policies', 'delete a policy', (admin, id, now) => admin.deletePolicy(id, now)),
]

function withSites<R extends { readonly id: string }>(portal: Portal, resource: R): R & { sites: string[] } {
  const connections = portal.rows('connections').filter(({ resourceId }) => resourceId === resource.id)
  return { ...resource, sites: connections.map(({ siteId }) => find(portal, 'sites', siteId).name) }
}

const RESOURCE_TYPES = ['dns', 'cidr', 'ip'] as const
const resourceType = (text: string): (typeof RESOURCE_TYPES)[number] => oneOf('type of resource', RESOURCE_TYPES, text)

const IP_STACKS: readonly IpStack[] = ['dual', 'ipv4_only', 'ipv6_only']
const ipStack = (text: string | undefined): IpStack | undefined =>
  text === undefined ? undefined : oneOf('IP stack', IP_STACKS, text)

/** Returns the kind of resource that an address without a kind stands for. */
export function guessType(address: string): Exclude<ResourceType, 'internet'> {
  if (address.includes('/')) return 'cidr'
  return address.includes(':') || /^[\d.]+$/.test(address) ? 'ip' : 'dns'
}
