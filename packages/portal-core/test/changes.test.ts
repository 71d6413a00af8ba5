// biome-ignore-all lint/suspicious/noExplicitAny: what peers are told is JSON, and each test looks at its own part of it
import { seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { World } from './world.ts'

const events = (messages: readonly [string, any][]): [string, string][] =>
  messages.map(([event, payload]) => [event, typeof payload === 'string' ? payload : payload.id])

describe('init of a client', () => {
  test('lists a resource once, however many policies grant it', () => {
    const world = new World()
    const resource = world.resource({
      type: 'dns',
      address: '*.git.corp.example',
      addressDescription: 'git',
      filters: [{ protocol: 'tcp', ports: ['80 - 443', '22'] }, { protocol: 'udp' }, { protocol: 'icmp' }],
    })
    world.policy(resource.id, { groupId: world.everyone.id })
    world.do((admin, now) =>
      admin.updateAccount(
        world.account.id,
        { searchDomain: 'corp.example', upstreamDns: ['1.1.1.1', '[2606:4700::1111]:5353'] },
        now,
      ),
    )
    const client = world.client()
    const row = world.portal.rows('clients')[0]!

    expect(client.takeOnly('init')).toEqual({
      interface: {
        ipv4: row.ipv4,
        ipv6: row.ipv6,
        search_domain: 'corp.example',
        upstream_dns: [
          { protocol: 'ip_port', address: '1.1.1.1:53' },
          { protocol: 'ip_port', address: '[2606:4700::1111]:5353' },
        ],
      },
      resources: [
        {
          id: resource.id,
          type: 'dns',
          name: 'Wiki',
          address: '*.git.corp.example',
          address_description: 'git',
          gateway_groups: [{ id: world.site.id, name: 'HQ' }],
          ip_stack: 'dual',
          filters: [
            { protocol: 'tcp', port_range_start: 80, port_range_end: 443 },
            { protocol: 'tcp', port_range_start: 22, port_range_end: 22 },
            { protocol: 'udp' },
            { protocol: 'icmp' },
          ],
        },
      ],
      relays: [],
    })
  })

  test('has the Internet resource only for versions that know it', () => {
    const world = new World()
    const internet = world.portal.rows('resources').find(row => row.type === 'internet')!
    const site = world.portal.rows('sites').find(row => row.system)!
    world.policy(internet.id)

    const listed = (version: string) => world.client({ name: version, version }).takeOnly('init').resources
    expect(listed('1.3.0')).toEqual([
      { id: internet.id, type: 'internet', can_be_disabled: true, gateway_groups: [{ id: site.id, name: 'Internet' }] },
    ])
    expect(listed('1.2.9')).toEqual([])
    expect(listed('unknown')).toEqual([])
  })

  test('rewrites patterns for versions before 1.2, or leaves them out', () => {
    const world = new World()
    for (const address of ['**.a.example', '*.b.example', 'c.example', 'd-*.example.com', '*.*.e.example']) {
      world.resource({ type: 'dns', address, name: address })
    }
    const addresses = (version: string) =>
      world
        .client({ name: version, version })
        .takeOnly('init')
        .resources.map((row: any) => row.address)

    expect(addresses('1.1.5')).toEqual(['*.a.example', '?.b.example', 'c.example'])
    expect(addresses('1.2.0')).toEqual(['**.a.example', '*.b.example', 'c.example', 'd-*.example.com', '*.*.e.example'])
  })

  test('shows an IP address as a network of one', () => {
    const world = new World()
    world.resource({ type: 'ip', address: '10.0.0.7' })
    world.resource({ type: 'ip', address: '2001:db8::7' })

    const { resources } = world.client().takeOnly('init')
    expect(resources.map((row: any) => [row.type, row.address])).toEqual([
      ['cidr', '10.0.0.7/32'],
      ['cidr', '2001:db8::7/128'],
    ])
  })
})

describe('a client is told', () => {
  test('of the account: its configuration, not its names', () => {
    const world = new World()
    const client = world.client()
    client.take()

    world.do((admin, now) => admin.updateAccount(world.account.id, { name: 'New name', slug: 'new_slug' }, now))
    expect(client.take()).toEqual([])
    world.do((admin, now) => admin.updateAccount(world.account.id, { upstreamDns: ['9.9.9.9'] }, now))
    expect(client.takeOnly('config_changed').interface.upstream_dns).toEqual([
      { protocol: 'ip_port', address: '9.9.9.9:53' },
    ])
  })

  test('of memberships that change what it may reach', () => {
    const world = new World()
    const resource = world.resource()
    const shared = world.resource({ name: 'Shared' })
    world.policy(shared.id, { groupId: world.everyone.id })
    const client = world.client()
    client.take()

    world.do((admin, now) => admin.removeMember(world.group.id, world.actor.id, now))
    expect(client.take()).toEqual([['resource_deleted', resource.id]])
    world.do((admin, now) => admin.addMember(world.group.id, world.actor.id, now))
    expect(events(client.take())).toEqual([['resource_created_or_updated', resource.id]])
  })

  test('of its verification, where a condition asks for it', () => {
    const world = new World()
    const resource = world.resource({
      conditions: [{ property: 'client_verified', operator: 'is', values: ['true'] }],
    })
    const client = world.client()
    expect(client.takeOnly('init').resources).toEqual([])

    world.do((admin, now) => admin.setClientVerified(client.id, true, now))
    expect(events(client.take())).toEqual([['resource_created_or_updated', resource.id]])
    world.do((admin, now) => admin.setClientVerified(client.id, false, now))
    expect(client.take()).toEqual([['resource_deleted', resource.id]])
  })

  test('of sites as resources that go and come, because it cannot move them', () => {
    const world = new World()
    const resource = world.resource()
    const client = world.client()
    client.take()
    const toggled = [
      ['resource_deleted', resource.id],
      ['resource_created_or_updated', resource.id],
    ]

    world.do((admin, now) => admin.renameSite(world.site.id, 'Headquarters', now))
    expect(events(client.take())).toEqual(toggled)
    const other = world.do((admin, now) => admin.createSite({ accountId: world.account.id, name: 'Other' }, now))
    expect(client.take()).toEqual([])
    world.do((admin, now) => admin.updateResource(resource.id, { siteIds: [world.site.id, other.id] }, now))
    expect(events(client.take())).toEqual(toggled)
    world.do((admin, now) => admin.deleteSite(other.id, now))
    expect(events(client.take())).toEqual(toggled)
    world.do((admin, now) => admin.deleteSite(world.site.id, now))
    expect(client.take()).toEqual([['resource_deleted', resource.id]])
  })

  test('of policies that begin, end and change', () => {
    const world = new World()
    const resource = world.resource({ policy: false })
    const client = world.client()
    client.take()
    const created = [['resource_created_or_updated', resource.id]]

    const policy = world.policy(resource.id)
    expect(events(client.take())).toEqual(created)
    world.do((admin, now) => admin.updatePolicy(policy, { description: 'because' }, now))
    expect(client.take()).toEqual([])
    const conditions = [{ property: 'remote_ip', operator: 'is_in_cidr', values: ['203.0.113.0/24'] }]
    world.do((admin, now) => admin.updatePolicy(policy, { conditions }, now))
    expect(events(client.take())).toEqual([['resource_deleted', resource.id], ...created])
    world.do((admin, now) => admin.updatePolicy(policy, { disabled: true }, now))
    expect(client.take()).toEqual([['resource_deleted', resource.id]])
    world.do((admin, now) => admin.updatePolicy(policy, { disabled: false }, now))
    expect(events(client.take())).toEqual(created)
    world.do((admin, now) => admin.deletePolicy(policy, now))
    expect(client.take()).toEqual([['resource_deleted', resource.id]])
  })

  test('nothing of a changed policy while another one grants the same', () => {
    const world = new World()
    const resource = world.resource()
    const second = world.policy(resource.id, { groupId: world.everyone.id })
    const client = world.client()
    client.take()

    const conditions = [{ property: 'remote_ip', operator: 'is_in_cidr', values: ['192.0.2.0/24'] }]
    world.do((admin, now) => admin.updatePolicy(second, { conditions }, now))
    expect(client.take()).toEqual([])
  })

  test('of resources: not before there is a policy, then of each change that it can see', () => {
    const world = new World()
    const client = world.client()
    client.take()
    const resource = world.resource({ policy: false })
    expect(client.take()).toEqual([])
    world.policy(resource.id)
    client.take()

    world.do((admin, now) => admin.updateResource(resource.id, { name: 'Renamed' }, now))
    expect(client.takeOnly('resource_created_or_updated')).toMatchObject({ name: 'Renamed' })
    world.do((admin, now) => admin.updateResource(resource.id, { type: 'dns', address: 'a.example' }, now))
    expect(client.takeOnly('resource_created_or_updated')).toMatchObject({ type: 'dns', ip_stack: 'dual' })
    world.do((admin, now) => admin.deleteResource(resource.id, now))
    expect(client.take()).toEqual([['resource_deleted', resource.id]])
  })

  test('of deletions before creations', () => {
    const world = new World()
    world.resource({ name: 'One' })
    world.resource({ name: 'Two' })
    const client = world.client()
    client.take()

    world.do((admin, now) => admin.renameSite(world.site.id, 'Headquarters', now))

    expect(client.take().map(([event]) => event)).toEqual([
      'resource_deleted',
      'resource_deleted',
      'resource_created_or_updated',
      'resource_created_or_updated',
    ])
  })

  test('within a minute that a time of the day has begun or ended', () => {
    const world = new World()
    const resource = world.resource({
      conditions: [
        { property: 'current_utc_datetime', operator: 'is_in_day_of_week_time_ranges', values: ['M/12:02-12:05/UTC'] },
      ],
    })
    const client = world.client()
    expect(client.takeOnly('init').resources).toEqual([])

    world.sleep(seconds(180))
    expect(events(client.take())).toEqual([['resource_created_or_updated', resource.id]])
    world.sleep(seconds(240))
    expect(client.take()).toEqual([['resource_deleted', resource.id]])
  })

  test('nothing of another account', () => {
    const world = new World()
    const client = world.client()
    client.take()
    const other = world.do((admin, now) => admin.createAccount({ name: 'Other', slug: 'other' }, now))
    const site = world.do((admin, now) => admin.createSite({ accountId: other.id, name: 'HQ' }, now))
    const group = world.portal.rows('groups').find(row => row.accountId === other.id)!
    const input = { accountId: other.id, name: 'Theirs', type: 'ip', address: '10.1.1.1', siteIds: [site.id] } as const
    const resource = world.do((admin, now) => admin.createResource(input, now))
    world.do((admin, now) =>
      admin.createPolicy({ accountId: other.id, groupId: group.id, resourceId: resource.id }, now),
    )

    expect(client.take()).toEqual([])
  })

  test('that all is gone when its account is disabled', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const client = world.client()
    world.flow(client, gateway, resource.id)
    world.do((admin, now) => admin.updateAccount(world.account.id, { disabled: true }, now))

    expect(client.take()).toEqual([['resource_deleted', resource.id]])
    expect(gateway.take()).toEqual([['reject_access', { client_id: client.id, resource_id: resource.id }]])
  })
})

describe('init of a gateway', () => {
  test('has its addresses, the account, and each authorization with its greatest expiry', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const row = world.portal.rows('gateways')[0]!
    expect(gateway.takeOnly('init')).toEqual({
      interface: { ipv4: row.ipv4, ipv6: row.ipv6 },
      relays: [],
      account_slug: 'acme',
      authorizations: [],
      config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
    })
    const client = world.client()
    world.flow(client, gateway, resource.id)
    const expiresAt = world.clientExpiry + 1000
    const later = world.do((admin, now) =>
      admin.createClientToken({ actorId: world.actor.id, name: 'x', expiresAt }, now),
    )
    client.leave()
    world.flow(world.client({ token: later.text }), gateway, resource.id)
    gateway.leave()

    expect(world.gateway().takeOnly('init').authorizations).toEqual([
      { client_id: client.id, resource_id: resource.id, expires_at: expiresAt / 1000 },
    ])
  })

  test('has no authorization that has expired', () => {
    const world = new World()
    const at = {
      property: 'current_utc_datetime',
      operator: 'is_in_day_of_week_time_ranges',
      values: ['M/9-12:00:30/UTC'],
    }
    const resource = world.resource({ conditions: [at] })
    const gateway = world.gateway()
    world.flow(world.client(), gateway, resource.id)
    gateway.leave()
    world.sleep(seconds(31))

    expect(world.gateway().takeOnly('init').authorizations).toEqual([])
    world.minute()
    expect(world.portal.rows('flows')).toEqual([])
  })

  test('comes again when the account changes its slug', () => {
    const world = new World()
    const gateway = world.gateway()
    gateway.take()
    world.do((admin, now) => admin.updateAccount(world.account.id, { slug: 'acme2' }, now))

    expect(gateway.takeOnly('init').account_slug).toBe('acme2')
  })
})

describe('a gateway is told', () => {
  function connected() {
    const world = new World()
    const resource = world.resource()
    const policy = world.portal.rows('policies')[0]!.id
    const gateway = world.gateway()
    const client = world.client()
    world.flow(client, gateway, resource.id)
    const pair = { client_id: client.id, resource_id: resource.id }
    return { world, resource, policy, gateway, client, pair }
  }

  test('to reject access whose only policy is gone', () => {
    const { world, policy, gateway, pair } = connected()
    world.do((admin, now) => admin.deletePolicy(policy, now))

    expect(gateway.take()).toEqual([['reject_access', pair]])
    expect(world.portal.rows('flows')).toEqual([])
  })

  test('to go on, with a new row, where another policy grants the same', () => {
    const { world, resource, policy, gateway, pair } = connected()
    const second = world.policy(resource.id, { groupId: world.everyone.id })
    world.do((admin, now) => admin.deletePolicy(policy, now))

    const expiry = { ...pair, expires_at: world.clientExpiry / 1000 }
    expect(gateway.take()).toEqual([['access_authorization_expiry_updated', expiry]])
    expect(world.portal.rows('flows')).toMatchObject([{ policyId: second }])
    world.do((admin, now) => admin.deletePolicy(second, now))
    expect(gateway.take()).toEqual([['reject_access', pair]])
  })

  test('to go on where another of its flows remains', () => {
    const { world, resource, policy, gateway, client, pair } = connected()
    const input = { actorId: world.actor.id, name: 'x', expiresAt: world.clientExpiry - 5000 }
    const other = world.do((admin, now) => admin.createClientToken(input, now))
    client.leave()
    world.flow(world.client({ token: other.text }), gateway, resource.id)
    expect(world.portal.rows('flows')).toHaveLength(2)

    world.do((admin, now) => admin.deleteToken(world.clientToken.id, now))
    expect(gateway.take()).toEqual([
      ['access_authorization_expiry_updated', { ...pair, expires_at: input.expiresAt / 1000 }],
    ])
    world.do((admin, now) => admin.deletePolicy(policy, now))
    expect(gateway.take()).toEqual([['reject_access', pair]])
  })

  test('to reject access of a membership, a client, a verification or a connection that is gone', () => {
    const removed = connected()
    removed.world.do((admin, now) => admin.removeMember(removed.world.group.id, removed.world.actor.id, now))
    expect(removed.gateway.take()).toEqual([['reject_access', removed.pair]])

    const deleted = connected()
    deleted.world.do((admin, now) => admin.deleteClient(deleted.client.id, now))
    expect(deleted.gateway.take()).toEqual([['reject_access', deleted.pair]])

    const moved = connected()
    const site = moved.world.do((admin, now) =>
      admin.createSite({ accountId: moved.world.account.id, name: 'Other' }, now),
    )
    moved.world.do((admin, now) => admin.updateResource(moved.resource.id, { siteIds: [site.id] }, now))
    expect(moved.gateway.take()).toEqual([['reject_access', moved.pair]])
  })

  test('to go on when a client that need not be verified no longer is', () => {
    const { world, gateway, client, pair } = connected()
    world.do((admin, now) => admin.setClientVerified(client.id, false, now))

    const expiry = { ...pair, expires_at: world.clientExpiry / 1000 }
    expect(gateway.take()).toEqual([['access_authorization_expiry_updated', expiry]])
  })

  test('to reject access to an address that has changed, and nothing else about it', () => {
    const { world, resource, gateway, client, pair } = connected()
    client.take()
    const filters = [{ protocol: 'icmp' }]
    world.do((admin, now) => admin.updateResource(resource.id, { address: '172.21.0.0/16', filters }, now))

    expect(gateway.take()).toEqual([['reject_access', pair]])
    expect(client.takeOnly('resource_created_or_updated')).toMatchObject({ address: '172.21.0.0/16' })
  })

  test('of changed filters, whether it has flows or not, unless it is too old for the resource', () => {
    const { world, resource, gateway } = connected()
    const idle = world.gateway({ name: 'idle' })
    idle.take()
    world.do((admin, now) => admin.updateResource(resource.id, { filters: [{ protocol: 'icmp' }] }, now))
    const view = {
      id: resource.id,
      type: 'cidr',
      name: 'Wiki',
      address: '172.20.0.0/16',
      filters: [{ protocol: 'icmp' }],
    }
    expect(gateway.take()).toEqual([['resource_updated', view]])
    expect(idle.take()).toEqual([['resource_updated', view]])

    const old = world.gateway({ name: 'old', version: '1.1.0' })
    old.take()
    const pattern = world.resource({ type: 'dns', address: '*.*.a.example', name: 'Pattern' })
    world.do((admin, now) => admin.updateResource(pattern.id, { filters: [{ protocol: 'icmp' }] }, now))
    expect(old.take()).toEqual([])
    expect(idle.takeOnly('resource_updated')).toMatchObject({ id: pattern.id })
  })

  test('nothing of the flows of another gateway', () => {
    const { world, policy } = connected()
    const idle = world.gateway({ name: 'idle' })
    idle.take()
    world.do((admin, now) => admin.deletePolicy(policy, now))

    expect(idle.take()).toEqual([])
  })

  test('when it is back, what was taken away while it was gone', () => {
    const { world, policy, gateway, pair } = connected()
    gateway.leave()
    world.do((admin, now) => admin.deletePolicy(policy, now))
    world.restart()

    const back = world.gateway()
    expect(back.take()).toMatchObject([
      ['init', { authorizations: [] }],
      ['reject_access', pair],
    ])
    back.leave()
    expect(world.gateway().take()).toMatchObject([['init', {}]])
  })

  test('nothing of what was taken away and granted anew meanwhile', () => {
    const { world, resource, policy, gateway, client } = connected()
    gateway.leave()
    world.do((admin, now) => admin.deletePolicy(policy, now))
    world.policy(resource.id)
    expect(world.portal.rows('revocations')).toHaveLength(1)
    const back = world.gateway()
    world.flow(client, back, resource.id)

    expect(world.portal.rows('revocations')).toEqual([])
  })

  test('after a restart of the portal, all that it served before', () => {
    const { world, pair } = connected()
    world.restart()

    expect(world.gateway().takeOnly('init').authorizations).toEqual([
      { ...pair, expires_at: world.clientExpiry / 1000 },
    ])
  })
})

test('flows that a client may no longer have end when it joins', () => {
  const world = new World()
  const at = { property: 'remote_ip', operator: 'is_in_cidr', values: ['203.0.113.7'] }
  const resource = world.resource({ conditions: [at] })
  const gateway = world.gateway()
  const client = world.client({ remoteIp: '203.0.113.7' })
  world.flow(client, gateway, resource.id)
  client.leave()

  world.client({ remoteIp: '198.51.100.1' })

  expect(gateway.take()).toEqual([['reject_access', { client_id: client.id, resource_id: resource.id }]])
})

test('what cannot be stored is not told, and not kept in memory either', () => {
  const world = new World()
  const resource = world.resource()
  const client = world.client()
  client.take()
  const commit = world.store.commit
  world.store.commit = () => {
    throw new Error('disk full')
  }

  expect(() => world.do((admin, now) => admin.deleteResource(resource.id, now))).toThrow('disk full')
  world.store.commit = commit

  expect(client.take()).toEqual([])
  expect(world.portal.rows('resources')).toContainEqual(resource)
  expect(world.portal.rows('policies')).toHaveLength(1)
})
