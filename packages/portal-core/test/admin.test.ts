import { describe, expect, test } from 'vitest'
import { AdminError, type AdminErrorCode, type Condition, INTERNET } from '../src/index.ts'
import { DAY, World } from './world.ts'

/** Runs an administrator's command and returns the code that it was refused with. */
function refusal(world: World, work: Parameters<World['do']>[0]): AdminErrorCode | undefined {
  const before = JSON.stringify(world.store.load())
  try {
    world.do(work)
    return undefined
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    expect(JSON.stringify(world.store.load())).toBe(before) // a refused command changes nothing
    return error.code
  }
}

const PNF = 'PORTAL_NOT_FOUND'

describe('an account', () => {
  test('starts with everyone, and with the Internet', () => {
    const world = new World()
    const id = world.account.id

    expect(world.portal.rows('groups').filter(row => row.managed)).toMatchObject([{ accountId: id, name: 'Everyone' }])
    expect(world.portal.rows('sites').filter(row => row.system)).toMatchObject([{ accountId: id, name: INTERNET }])
    expect(world.portal.rows('resources')).toMatchObject([{ accountId: id, type: 'internet', address: null }])
  })

  test.each(['ab', 'a-b', 'ä_b', 'a.b', 'admin', 'SYSTEM', 'c89bcc8c-9392-4dae-a40d-888aef6d28e0', 'acme', 'ACME'])(
    'may not have the slug %s',
    slug => {
      const world = new World()
      const code = refusal(world, (admin, now) => admin.createAccount({ name: 'Other', slug }, now))
      expect(code).toMatch(/PORTAL_(INVALID|CONFLICT)/)
    },
  )

  test('has a slug in lower case and a trimmed name of 3 to 64 characters', () => {
    const world = new World()
    expect(world.do((admin, now) => admin.createAccount({ name: '  Other ', slug: 'Other_1' }, now))).toMatchObject({
      name: 'Other',
      slug: 'other_1',
    })
    for (const name of ['ab', 'x'.repeat(65), '   ']) {
      expect(refusal(world, (admin, now) => admin.createAccount({ name, slug: 'third' }, now))).toBe('PORTAL_INVALID')
    }
  })

  test.each([
    '.corp.example',
    'corp..example',
    'corp',
    'corp.e',
    '-x.example',
    `${'a'.repeat(64)}.example`,
    'a b.example',
  ])('may not have the search domain %s', searchDomain => {
    const world = new World()
    const { id } = world.account
    expect(refusal(world, (admin, now) => admin.updateAccount(id, { searchDomain }, now))).toBe('PORTAL_INVALID')
  })

  test.each([
    [['1.1.1.1', '1.1.1.1:53']],
    [['100.64.0.1']],
    [['[fd00:2021:1111::1]:53']],
    [['dns.example']],
    [['1.1.1.1:0']],
  ])('may not have the DNS servers %j', upstreamDns => {
    const world = new World()
    const { id } = world.account
    expect(refusal(world, (admin, now) => admin.updateAccount(id, { upstreamDns }, now))).toBe('PORTAL_INVALID')
  })

  test('has no search domain again when it is emptied', () => {
    const world = new World()
    const set = (searchDomain: string | null) =>
      world.do((admin, now) => admin.updateAccount(world.account.id, { searchDomain }, now)).searchDomain
    expect(set('Corp.example')).toBe('Corp.example')
    expect(set('')).toBeNull()
  })

  test('takes all that is in it along when it is deleted', () => {
    const world = new World()
    world.resource()
    const peers = [world.client(), world.gateway()]
    world.do((admin, now) => admin.deleteAccount(world.account.id, now))

    const { relays: _relays, tokens, ...others } = world.store.load()
    expect(Object.values(others).flat()).toEqual([])
    expect(tokens).toMatchObject([{ type: 'relay_group' }])
    expect(peers.map(peer => peer.ended)).toEqual(['token-expired', 'token-expired'])
  })
})

describe('the last administrator', () => {
  test('can neither be deleted, nor disabled, nor made something else', () => {
    const world = new World()
    const { id } = world.admin
    const code = 'PORTAL_LAST_ADMIN'
    expect(refusal(world, (admin, now) => admin.deleteActor(id, now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.updateActor(id, { disabled: true }, now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.updateActor(id, { type: 'account_user' }, now))).toBe(code)

    world.do((admin, now) =>
      admin.updateActor(world.actor.id, { type: 'account_admin_user', name: 'Bo', email: 'b@x' }, now),
    )
    expect(refusal(world, (admin, now) => admin.deleteActor(id, now))).toBeUndefined()
  })
})

describe('groups', () => {
  test('have names of their own, and members once', () => {
    const world = new World()
    const accountId = world.account.id
    expect(refusal(world, (admin, now) => admin.createGroup({ accountId, name: 'Engineers' }, now))).toBe(
      'PORTAL_CONFLICT',
    )
    const again = world.do((admin, now) => admin.addMember(world.group.id, world.actor.id, now))
    expect(world.portal.rows('memberships').filter(row => row.groupId === world.group.id)).toEqual([again])
    expect(world.do((admin, now) => admin.renameGroup(world.group.id, 'Engineers', now)).name).toBe('Engineers')
    expect(refusal(world, (admin, now) => admin.removeMember(world.group.id, world.admin.id, now))).toBe(PNF)
  })

  test('that are managed stay as they are', () => {
    const world = new World()
    const { id } = world.everyone
    const code = 'PORTAL_MANAGED_GROUP'
    expect(refusal(world, (admin, now) => admin.renameGroup(id, 'x', now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.deleteGroup(id, now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.addMember(id, world.actor.id, now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.removeMember(id, world.actor.id, now))).toBe(code)
  })

  test('take their policies along', () => {
    const world = new World()
    world.resource()
    world.do((admin, now) => admin.deleteGroup(world.group.id, now))
    expect(world.portal.rows('policies')).toEqual([])
  })
})

describe('the Internet resource', () => {
  test('stays, and so does its site, which takes no other resource', () => {
    const world = new World()
    const resource = world.portal.rows('resources')[0]!
    const site = world.portal.rows('sites').find(row => row.system)!
    const code = 'PORTAL_INTERNET_RESOURCE'
    const input = { accountId: world.account.id, name: 'x', siteIds: [world.site.id] }
    expect(refusal(world, (admin, now) => admin.deleteResource(resource.id, now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.updateResource(resource.id, { name: 'x' }, now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.deleteSite(site.id, now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.renameSite(site.id, 'x', now))).toBe(code)
    expect(refusal(world, (admin, now) => admin.createResource({ ...input, type: 'internet' }, now))).toBe(code)
    const there = { ...input, type: 'ip', address: '10.0.0.1', siteIds: [site.id] } as const
    expect(refusal(world, (admin, now) => admin.createResource(there, now))).toBe('PORTAL_INVALID')
  })
})

describe('a resource', () => {
  test('has an IP stack only where it is a name', () => {
    const world = new World()
    const { id, ipStack } = world.resource({ type: 'dns', address: 'a.example', policy: false })
    expect(ipStack).toBe('dual')
    const set = (edit: object) => world.do((admin, now) => admin.updateResource(id, edit, now)).ipStack
    expect(set({ ipStack: 'ipv6_only' })).toBe('ipv6_only')
    expect(set({ name: 'x' })).toBe('ipv6_only')
    expect(set({ type: 'ip', address: '10.0.0.1', ipStack: 'dual' })).toBeNull()
  })

  test('keeps what an update does not name, its filters included', () => {
    const world = new World()
    const input = { addressDescription: 'LAN', filters: [{ protocol: 'icmp' }], policy: false }
    const resource = world.resource(input)
    const renamed = world.do((admin, now) => admin.updateResource(resource.id, { name: 'Renamed' }, now))

    expect(renamed).toEqual({ ...resource, name: 'Renamed' })
    const emptied = world.do((admin, now) =>
      admin.updateResource(resource.id, { filters: [], addressDescription: '' }, now),
    )
    expect(emptied).toMatchObject({ filters: [], addressDescription: null })
  })

  test.each([
    [{ address: '0.0.0.0/0' }, 'PORTAL_INVALID'],
    [{ name: ' ' }, 'PORTAL_INVALID'],
    [{ siteIds: [] }, 'PORTAL_INVALID'],
    [{ siteIds: ['0642e09d-b3a2-47e4-9cd1-c2195faeeb67'] }, PNF],
    [{ filters: [{ protocol: 'tcp', ports: ['9-1'] }] }, 'PORTAL_INVALID'],
    [{ type: 'ip' as const, address: null }, 'PORTAL_INVALID'],
  ])('is refused with %j', (columns, code) => {
    const world = new World()
    expect(refusal(world, () => world.resource(columns as object))).toBe(code)
  })
})

describe('a policy', () => {
  test('is the only one for its group and resource', () => {
    const world = new World()
    const resource = world.resource()
    const input = { accountId: world.account.id, groupId: world.group.id, resourceId: resource.id }
    expect(refusal(world, (admin, now) => admin.createPolicy(input, now))).toBe('PORTAL_CONFLICT')
    const other = world.policy(resource.id, { groupId: world.everyone.id })
    expect(refusal(world, (admin, now) => admin.updatePolicy(other, { groupId: world.group.id }, now))).toBe(
      'PORTAL_CONFLICT',
    )
  })

  test('has conditions that make sense', () => {
    const world = new World()
    const resource = world.resource({ policy: false })
    const conditions = [{ property: 'remote_ip', operator: 'is_in_cidr', values: ['x'] }] as Condition[]
    expect(refusal(world, () => world.policy(resource.id, { conditions }))).toBe('PORTAL_INVALID')
  })

  test('moves to another group or resource', () => {
    const world = new World()
    const [one, two] = [world.resource(), world.resource({ name: 'Two', policy: false })]
    const client = world.client()
    client.take()
    const policy = world.portal.rows('policies')[0]!
    world.do((admin, now) => admin.updatePolicy(policy.id, { resourceId: two.id }, now))

    expect(client.take()).toMatchObject([
      ['resource_deleted', one.id],
      ['resource_created_or_updated', { id: two.id }],
    ])
  })
})

describe('a token', () => {
  test('of a client has an end, a name and an actor that is there', () => {
    const world = new World()
    const input = { actorId: world.actor.id, name: 'x', expiresAt: world.wallClock + DAY }
    const make = (changes: object) =>
      refusal(world, (admin, now) => admin.createClientToken({ ...input, ...changes }, now))

    expect(make({ expiresAt: world.wallClock })).toBe('PORTAL_INVALID')
    expect(make({ expiresAt: Number.POSITIVE_INFINITY })).toBe('PORTAL_INVALID')
    expect(make({ expiresAt: Number.NaN })).toBe('PORTAL_INVALID')
    expect(make({ name: '' })).toBe('PORTAL_INVALID')
    expect(make({ nonce: 'a.b' })).toBe('PORTAL_INVALID')
    expect(make({ actorId: world.group.id })).toBe(PNF)
    world.do((admin, now) => admin.updateActor(world.actor.id, { disabled: true }, now))
    expect(make({})).toBe('PORTAL_INVALID')
  })

  test('is not stored', () => {
    const world = new World()
    const [, , term] = world.clientToken.text.split('.')
    const stored = JSON.stringify(world.store.load())
    expect(stored).not.toContain(term)
    expect(stored).not.toContain('====')
  })

  test('that has expired is deleted within a minute', () => {
    const world = new World()
    const expiresAt = world.wallClock + 1000
    const { id } = world.do((admin, now) =>
      admin.createGatewayToken({ siteId: world.site.id, name: 'x', expiresAt }, now),
    )
    expect(world.portal.rows('tokens').map(row => row.id)).toContain(id)
    world.minute()
    expect(world.portal.rows('tokens').map(row => row.id)).not.toContain(id)
  })
})

describe('devices', () => {
  test('are renamed, which nobody is told', () => {
    const world = new World()
    const client = world.client()
    client.take()
    expect(world.do((admin, now) => admin.renameClient(client.id, 'Renamed', now)).name).toBe('Renamed')
    expect(client.take()).toEqual([])
  })

  test('free their addresses when they are deleted', () => {
    const world = new World()
    const client = world.client()
    world.do((admin, now) => admin.deleteClient(client.id, now))
    expect(world.portal.rows('clients')).toEqual([])
    expect(refusal(world, (admin, now) => admin.deleteClient(client.id, now))).toBe(PNF)
  })

  test('of two accounts are nobody else’s business', () => {
    const world = new World()
    const other = world.do((admin, now) => admin.createAccount({ name: 'Other', slug: 'other' }, now))
    const site = world.do((admin, now) => admin.createSite({ accountId: other.id, name: 'HQ' }, now))
    expect(refusal(world, () => world.resource({ siteIds: [site.id] }))).toBe(PNF)
    const stranger = world.do((admin, now) =>
      admin.createActor({ accountId: other.id, type: 'account_user', name: 'x' }, now),
    )
    expect(refusal(world, (admin, now) => admin.addMember(world.group.id, stranger.id, now))).toBe(PNF)
  })
})

test('a change is stored once, in order, children before their parents', () => {
  const world = new World()
  const resource = world.resource()
  const { log } = world.store as never as { log: { table: string; old?: { id: string }; new?: object }[] }
  log.length = 0
  world.do((admin, now) => admin.deleteResource(resource.id, now))

  expect(log.map(({ table, new: row }) => [table, row])).toEqual([
    ['connections', undefined],
    ['policies', undefined],
    ['resources', undefined],
  ])
})
