import { seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { World } from './world.ts'

describe('a flow', () => {
  test('comes about with equal secrets on both sides', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const client = world.client()

    const { created, authorize } = world.flow(client, gateway, resource.id)

    expect(created).toMatchObject({
      resource_id: resource.id,
      gateway_id: gateway.id,
      gateway_group_id: world.site.id,
      gateway_public_key: gateway.publicKey,
      preshared_key: authorize.client.preshared_key,
      client_ice_credentials: authorize.client_ice_credentials,
      gateway_ice_credentials: authorize.gateway_ice_credentials,
    })
    expect(authorize).toMatchObject({
      resource: { id: resource.id, type: 'cidr', name: 'Wiki', address: '172.20.0.0/16', filters: [] },
      client: { id: client.id, public_key: client.publicKey },
      expires_at: world.clientExpiry / 1000,
    })
  })

  test('asked for again has the same secrets, and costs no second row', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const client = world.client()

    const first = world.flow(client, gateway, resource.id)
    const second = world.flow(client, gateway, resource.id)

    expect(second.created).toEqual(first.created)
    expect(world.portal.rows('flows')).toHaveLength(1)
  })

  test('with an unanswered request of the same client is asked for under the same ref', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const client = world.client()
    gateway.take()

    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [] })
    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [] })

    const [first, second] = gateway.take()
    expect(second).toEqual(first)
    expect(gateway.say('flow_authorized', { ref: first![1].ref })).toEqual({ status: 'ok' })
    expect(client.take().filter(([event]) => event === 'flow_created')).toHaveLength(1)
  })

  test('of a process with a new key has new secrets', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const before = world.flow(world.client(), gateway, resource.id)
    const after = world.flow(world.client(), gateway, resource.id)

    expect(after.created.preshared_key).not.toBe(before.created.preshared_key)
    expect(after.created.client_ice_credentials).not.toEqual(before.created.client_ice_credentials)
  })

  test('is refused as not found where the client may not know of the resource', () => {
    const world = new World()
    const hidden = world.resource({ policy: false })
    const client = world.client()
    client.take()

    client.say('create_flow', { resource_id: hidden.id, connected_gateway_ids: [] })
    client.say('create_flow', { resource_id: 'nonsense', connected_gateway_ids: [] })

    expect(client.take()).toEqual([
      ['flow_creation_failed', { resource_id: hidden.id, reason: 'not_found' }],
      ['flow_creation_failed', { resource_id: 'nonsense', reason: 'not_found' }],
    ])
  })

  test('is refused as offline where no compatible gateway is there', () => {
    const world = new World()
    const resource = world.resource()
    world.gateway({ name: 'old', version: '1.3.9' })
    world.gateway({ name: 'new', version: '1.7.0' })
    world.gateway({ name: 'connected, but not joined', join: false })
    const client = world.client({ version: '1.5.8' })
    client.take()

    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [] })

    expect(client.takeOnly('flow_creation_failed')).toEqual({ resource_id: resource.id, reason: 'offline' })
  })

  test('is refused as forbidden with the violated conditions while the list is not yet up to date', () => {
    const world = new World()
    const resource = world.resource({
      conditions: [
        { property: 'current_utc_datetime', operator: 'is_in_day_of_week_time_ranges', values: ['M/9-12:00:10/UTC'] },
      ],
    })
    world.gateway()
    const client = world.client()
    client.take()
    world.sleep(seconds(20))

    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [] })

    expect(client.takeOnly('flow_creation_failed')).toEqual({
      resource_id: resource.id,
      reason: 'forbidden',
      violated_properties: ['current_utc_datetime'],
    })
  })

  test('never goes to a gateway that has left', () => {
    const world = new World()
    const resource = world.resource()
    const leaving = world.gateway({ name: 'leaving' })
    const staying = world.gateway({ name: 'staying' })
    const client = world.client()
    staying.take()
    leaving.leave()

    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [leaving.id] })

    expect(staying.takeOnly('authorize_flow')).toMatchObject({ client: { id: client.id } })
  })

  test('goes to another gateway when the one that was asked leaves without an answer', () => {
    const world = new World()
    const resource = world.resource()
    const one = world.gateway({ name: 'one' })
    const client = world.client()
    client.take()
    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [] })
    one.take()
    const two = world.gateway({ name: 'two' })
    two.take()

    one.leave()

    const { ref } = two.takeOnly('authorize_flow')
    two.say('flow_authorized', { ref })
    expect(client.takeOnly('flow_created')).toMatchObject({ gateway_id: two.id })
  })

  test('is given up as offline after 15 s of silence', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const client = world.client()
    client.take()
    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [] })
    const { ref } = gateway.takeOnly('authorize_flow')

    world.sleep(seconds(14))
    expect(client.take()).toEqual([])
    world.sleep(seconds(1))

    expect(client.take()).toEqual([['flow_creation_failed', { resource_id: resource.id, reason: 'offline' }]])
    expect(gateway.say('flow_authorized', { ref })).toEqual({ status: 'error', reason: 'invalid_ref' })
  })

  test('is not granted by a forged ref, nor by the ref of another gateway', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const client = world.client()
    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [] })
    const { ref } = gateway.takeOnly('authorize_flow')
    const stranger = world.gateway({ name: 'stranger' })

    const invalid = { status: 'error', reason: 'invalid_ref' }
    expect(gateway.say('flow_authorized', { ref: 'forged' })).toEqual(invalid)
    expect(stranger.say('flow_authorized', { ref })).toEqual(invalid)
    expect(gateway.say('flow_authorized', { ref })).toEqual({ status: 'ok' })
  })

  test('prefers a gateway that the client is connected to, even if another one is nearer', () => {
    const world = new World()
    const resource = world.resource()
    const far = world.gateway({ name: 'far', location: { region: 'US', coordinates: '38.0,-97.0' } })
    world.gateway({ name: 'near', location: { region: 'DE', coordinates: '52.52,13.405' } })
    const client = world.client({ location: { region: 'FR', coordinates: '48.8566,2.3522' } })
    far.take()

    client.say('create_flow', { resource_id: resource.id, connected_gateway_ids: [far.id] })

    expect(far.takeOnly('authorize_flow')).toMatchObject({ client: { id: client.id } })
  })

  test('holds the client, gateway, resource, policy, membership, token and expiry that granted it', () => {
    const world = new World()
    const resource = world.resource()
    const gateway = world.gateway()
    const client = world.client()
    world.flow(client, gateway, resource.id)

    expect(world.portal.rows('flows')).toMatchObject([
      {
        clientId: client.id,
        gatewayId: gateway.id,
        resourceId: resource.id,
        policyId: world.portal.rows('policies')[0]!.id,
        membershipId: world.portal.rows('memberships').find(row => row.groupId === world.group.id)!.id,
        tokenId: world.clientToken.id,
        expiresAt: world.clientExpiry,
      },
    ])
  })

  test('lasts as long as the most generous policy, but no longer than the token', () => {
    const world = new World()
    const at = (end: string) => ({
      property: 'current_utc_datetime',
      operator: 'is_in_day_of_week_time_ranges',
      values: [`M/9-${end}/UTC`],
    })
    const timed = world.resource({ conditions: [at('17')] })
    world.policy(timed.id, { groupId: world.everyone.id, conditions: [at('18')] })
    const mixed = world.resource({ name: 'Mixed', conditions: [at('17')] })
    world.policy(mixed.id, { groupId: world.everyone.id })
    const gateway = world.gateway()
    const client = world.client()

    const sixOClock = Date.UTC(2025, 8, 22, 18) / 1000
    expect(world.flow(client, gateway, timed.id).authorize.expires_at).toBe(sixOClock)
    expect(world.flow(client, gateway, mixed.id).authorize.expires_at).toBe(world.clientExpiry / 1000)
  })

  test('is nothing that a peer of another account hears of', () => {
    const world = new World()
    const gateway = world.gateway()
    const other = world.do((admin, now) => admin.createAccount({ name: 'Other', slug: 'other' }, now))
    const site = world.do((admin, now) => admin.createSite({ accountId: other.id, name: 'HQ' }, now))
    const token = world.do((admin, now) => admin.createGatewayToken({ siteId: site.id, name: 'gw' }, now))
    const stranger = world.gateway({ name: 'stranger', token: token.text })
    const client = world.client()
    gateway.take()
    stranger.take()

    client.say('broadcast_ice_candidates', { gateway_ids: [gateway.id, stranger.id, gateway.id], candidates: ['c'] })

    expect(gateway.take()).toEqual([['ice_candidates', { client_id: client.id, candidates: ['c'] }]])
    expect(stranger.take()).toEqual([])
  })
})

describe('candidates', () => {
  test('go to each target once, with the id of their sender, in both directions', () => {
    const world = new World()
    const gateway = world.gateway()
    const client = world.client()
    client.take()
    gateway.take()

    client.say('broadcast_ice_candidates', { gateway_ids: [], candidates: ['c'] })
    client.say('broadcast_invalidated_ice_candidates', { gateway_ids: [gateway.id], candidates: ['c'] })
    gateway.say('broadcast_ice_candidates', { client_ids: [client.id], candidates: ['d'] })
    gateway.say('broadcast_invalidated_ice_candidates', { client_ids: [client.id], candidates: ['d'] })

    expect(gateway.take()).toEqual([['invalidate_ice_candidates', { client_id: client.id, candidates: ['c'] }]])
    expect(client.take()).toEqual([
      ['ice_candidates', { gateway_id: gateway.id, candidates: ['d'] }],
      ['invalidate_ice_candidates', { gateway_id: gateway.id, candidates: ['d'] }],
    ])
  })
})

test('what is not understood is answered, and the channel goes on', () => {
  const world = new World()
  const client = world.client()
  const gateway = world.gateway()
  const relay = world.relay()

  const unknown = { status: 'error', reason: 'unknown_message' }
  expect(client.say('dance', {})).toEqual(unknown)
  expect(client.say('create_flow', { resource_id: 'x' })).toEqual(unknown)
  expect(gateway.say('flow_authorized', {})).toEqual(unknown)
  expect(relay.say('anything', {})).toEqual(unknown)
  expect(client.say('broadcast_ice_candidates', { gateway_ids: [], candidates: [] })).toBeUndefined()
})
