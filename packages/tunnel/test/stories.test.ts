import { makeTcpPacket, PacketHeader } from '@sallyport/ip-packet'
import type { ResourceId } from '@sallyport/portal-protocol'
import { IpAddress, millis, minutes, seconds } from '@sallyport/sans-io'
import { NAT_KINDS } from '@sallyport/testkit'
import { describe, expect, test } from 'vitest'
import { uuid } from './support.ts'
import { type Client, covers, type Gateway, type Home, type Place, textOf, World } from './world.ts'

const office: Place = { id: uuid(1) as ResourceId, address: '10.1.0.0/16' }
const laboratory: Place = { id: uuid(2) as ResourceId, address: '10.2.0.0/16' }
const sixth: Place = { id: uuid(6) as ResourceId, address: '2001:db8:6::/48' }

describe('the first access', () => {
  test('to a network: the packet that asked for it arrives, and so does its answer', () => {
    const { world, client, gateway } = start([office])
    expect(covers(client.config, '10.1.2.3')).toBe(true)

    client.send('10.1.2.3', 'hello')
    const took = world.until(() => client.heard('hello'))

    expect(took).toBeLessThan(1000)
    expect(gateway.received.map(textOf)).toEqual(['hello'])
    expect(client.statusOf(office.id)).toBe('online')
    expect(world.portal.wishes).toHaveLength(1)
  })

  test('over IPv6 works the same', () => {
    const { client } = start([sixth])

    expect(client.exchange('2001:db8:6::1', 'hello')).toBeLessThan(1000)
  })

  test('many packets that wait arrive in order, each once', () => {
    const { world, client, gateway } = start([office])
    const texts = Array.from({ length: 20 }, (_, i) => `packet ${i}`)

    for (const text of texts) client.send('10.1.2.3', text)
    world.until(() => client.heard('packet 19'))

    expect(gateway.received.map(textOf)).toEqual(texts)
    expect(client.received.map(textOf)).toEqual(texts)
  })

  test('a second network of the same gateway needs no new connection', () => {
    const { world, client, gateway } = start([office, laboratory])
    client.exchange('10.1.2.3', 'one')

    expect(client.exchange('10.2.2.3', 'two')).toBeLessThan(300)

    expect(world.portal.wishes.map(({ connected_gateway_ids }) => connected_gateway_ids)).toEqual([[], [gateway.id]])
    expect(client.events.filter(({ type }) => type === 'connection-state')).toHaveLength(1)
  })

  test.each(NAT_KINDS)('works from behind a %s NAT', nat => {
    const { client } = start([office], { client: { nat }, gateway: { nat: 'port-restricted' } })

    expect(client.exchange('10.1.2.3', 'hello')).toBeLessThan(5000)
  })

  test('works behind two symmetric NATs, through the relay', () => {
    const { client } = start([office], { client: { nat: 'symmetric' }, gateway: { nat: 'symmetric' } })

    expect(client.exchange('10.1.2.3', 'hello')).toBeLessThan(10_000)
  })

  test('when no gateway is online: the status says so, and access works once one is', () => {
    const { world, client, gateway } = start([office])
    gateway.isOnline = false
    client.send('10.1.2.3', 'early')
    world.until(() => client.statusOf(office.id) === 'offline')

    gateway.isOnline = true

    client.exchange('10.1.2.3', 'late')
    expect(client.statusOf(office.id)).toBe('online')
  })

  test('when the gateway has no relay it asks for some, and the next request works', () => {
    const world = new World()
    world.portal.add(office)
    world.hasRelays = false
    const gateway = world.addGateway()
    world.network.run(seconds(1))
    world.hasRelays = true
    const client = world.addClient()
    world.network.run(seconds(1))

    const took = client.exchange('10.1.2.3', 'hello')

    expect(gateway.events.map(({ type }) => type)).toContain('relays-wanted')
    expect(world.portal.wishes).toHaveLength(2) // 2 s apart
    expect(took).toBeLessThan(3000)
  })
})

describe('filters', () => {
  test('a port that is not open is refused at once, by an error that the application can read', () => {
    const web: Place = { ...office, filters: [{ protocol: 'udp', port_range_start: 80, port_range_end: 90 }] }
    const { world, client, gateway } = start([web])

    client.send('10.1.2.3', 'open', 85)
    client.send('10.1.2.3', 'closed', 91)
    world.until(() => client.received.length === 2)

    expect(gateway.received.map(textOf)).toEqual(['open'])
    const error = client.received.find(packet => textOf(packet) === undefined)!
    const header = new PacketHeader()
    expect(header.parse(error, 0, error.length)).toBeUndefined()
    expect(header).toMatchObject({ icmpType: 3, icmpCode: 13, hopLimit: 20, isIcmpError: true })
  })
})

describe('the end of access', () => {
  test('revoked while another resource keeps the connection: refused, and open again for who may ask again', () => {
    const { world, client, gateway } = start([office, laboratory])
    client.exchange('10.1.2.3', 'one')
    client.exchange('10.2.2.3', 'two')

    world.portal.toGateway(gateway, 'reject_access', { client_id: client.id, resource_id: office.id })
    world.network.run(seconds(1))
    client.received.length = 0
    client.send('10.1.2.3', 'three')
    world.until(() => client.received.length > 0)

    expect(client.received.map(textOf)).toEqual([undefined]) // an ICMP error
    expect(client.exchange('10.2.2.3', 'four')).toBeLessThan(300)
  })

  test('revoked as the last one: the connection is gone on both sides, and the next packet asks again', () => {
    const { world, client, gateway } = start([office])
    client.exchange('10.1.2.3', 'one')

    world.portal.toGateway(gateway, 'reject_access', { client_id: client.id, resource_id: office.id })
    world.until(() => client.statusOf(office.id) === 'unknown', 1000)
    expect(gateway.tunnel.clientCount).toBe(0)

    expect(client.exchange('10.1.2.3', 'two')).toBeLessThan(1000)
    expect(world.portal.wishes).toHaveLength(2)
  })

  test('expiry ends access also under continuous traffic, within a second', () => {
    const { world, client, gateway } = start([{ ...office, until: 10_000 }])
    client.exchange('10.1.2.3', 'one')
    world.portal.isUp = false

    for (let i = 0; i < 150; i++) {
      client.send('10.1.2.3', `packet ${i}`)
      world.network.run(millis(100))
    }

    const last = Number(textOf(gateway.received.at(-1)!)!.split(' ')[1])
    expect(last * 100).toBeGreaterThan(8000)
    expect(last * 100).toBeLessThan(11_000)
    expect(gateway.tunnel.clientCount).toBe(0)
    expect(client.statusOf(office.id)).toBe('unknown')
  })

  test('the portal comes back with a list of what holds: the rest has ended', () => {
    const { world, client, gateway } = start([office, laboratory])
    client.exchange('10.1.2.3', 'one')
    client.exchange('10.2.2.3', 'two')

    gateway.join([{ client_id: client.id, resource_id: laboratory.id, expires_at: 2_000_000_000 }])
    world.network.run(seconds(1))

    client.received.length = 0
    client.send('10.1.2.3', 'three')
    world.until(() => client.received.length > 0)
    expect(client.received.map(textOf)).toEqual([undefined])
    expect(client.exchange('10.2.2.3', 'four')).toBeLessThan(300)
  })

  test('switching the last resource off says goodbye: the gateway forgets the client at once', () => {
    const { world, client, gateway } = start([office])
    client.exchange('10.1.2.3', 'one')

    client.tunnel.setDisabledResources(new Set([office.id]), world.network.now)
    client.running.drive.drain()

    expect(world.until(() => gateway.tunnel.clientCount === 0)).toBeLessThan(100)
  })
})

describe('shutdown', () => {
  test('a gateway that stops hands over to another one of its site, long before a timeout', () => {
    const { world, client, gateway } = start([office])
    const other = world.addGateway()
    world.network.run(seconds(1))
    client.exchange('10.1.2.3', 'one')
    expect(gateway.received).toHaveLength(1)

    gateway.stop()
    world.until(() => client.statusOf(office.id) === 'unknown', 1000)

    expect(client.exchange('10.1.2.3', 'two')).toBeLessThan(1000)
    expect(other.received.map(textOf)).toContain('two')
  })

  test('a gateway says goodbye to every client that is connected', () => {
    const { world, client, gateway } = start([office])
    const clients = [client, world.addClient(), world.addClient({ nat: 'symmetric' })]
    world.network.run(seconds(1))
    for (const [i, one] of clients.entries()) one.exchange('10.1.2.3', `hello ${i}`)

    gateway.stop()
    world.network.run(seconds(1))

    for (const one of clients) {
      expect(one.statusOf(office.id)).toBe('unknown')
      expect(one.events.at(-2)).toMatchObject({ type: 'connection-state', state: 'disconnected' })
    }
  })

  test('a client that leaves is forgotten by its gateway at once', () => {
    const { world, client, gateway } = start([office])
    client.exchange('10.1.2.3', 'one')

    client.tunnel.shutdown(world.network.now)
    client.running.drive.drain()

    expect(world.until(() => gateway.tunnel.clientCount === 0)).toBeLessThan(100)
    expect(gateway.events.at(-1)).toMatchObject({ type: 'connection-state', state: 'disconnected' })
  })

  test('a gateway that stops without a replacement leaves its resource unreachable, and that shows', () => {
    const { world, client, gateway } = start([office])
    client.exchange('10.1.2.3', 'one')

    gateway.stop()
    world.network.run(seconds(1))
    client.send('10.1.2.3', 'two')

    world.until(() => client.statusOf(office.id) === 'offline', 1000)
    expect(client.heard('two')).toBe(false)
  })
})

describe('trouble', () => {
  test('a client that moves to another network goes on after a reset', () => {
    const { world, client } = start([office])
    client.exchange('10.1.2.3', 'one')

    client.host.roam(world.network.internet, [IpAddress.of('192.0.2.200')])
    client.tunnel.reset(world.network.now)
    client.join()
    client.running.drive.drain()
    world.network.run(seconds(1))

    // Nothing was sent since: who waits for an answer has access all the same.
    expect(client.statusOf(office.id)).toBe('online')
    expect(client.exchange('10.1.2.3', 'two')).toBeLessThan(100)
  })

  test('a gateway that vanishes is noticed within 20 s; then another one takes over', () => {
    const { world, client, gateway } = start([office])
    const other = world.addGateway()
    world.network.run(seconds(1))
    client.exchange('10.1.2.3', 'one')

    gateway.isOnline = false
    gateway.host.unplug()

    expect(client.exchange('10.1.2.3', 'two')).toBeLessThan(22_000)
    expect(other.received.map(textOf)).toContain('two')
  })

  test('a lost connection does not end access: the client asks for one resource, and both work again', () => {
    const { world, client, gateway } = start([office, laboratory])
    client.exchange('10.1.2.3', 'one')
    client.exchange('10.2.2.3', 'two')
    const { addresses } = client.host
    client.host.unplug()
    world.network.run(minutes(3))
    expect(client.statusOf(office.id)).toBe('unknown')
    expect(gateway.tunnel.clientCount).toBe(1)

    client.host.plugIn(world.network.internet, addresses)

    expect(client.exchange('10.1.2.3', 'three')).toBeLessThan(60_000)
    expect(gateway.tunnel.clientCount).toBe(1)
  })

  test('a gateway that starts anew under its id: what else it served is asked for again', () => {
    const { world, client, gateway } = start([office, laboratory])
    client.exchange('10.1.2.3', 'one')
    gateway.crash()
    world.restart(gateway)
    world.network.run(seconds(1))

    expect(client.exchange('10.2.2.3', 'two')).toBeLessThan(1000)
    expect(client.exchange('10.1.2.3', 'three')).toBeLessThan(1000)
    expect(world.portal.wishes.map(({ resource_id }) => resource_id)).toEqual([office.id, laboratory.id, office.id])
  })

  test('without the portal, access that exists goes on', () => {
    const { world, client } = start([office])
    client.exchange('10.1.2.3', 'one')
    world.portal.isUp = false

    for (let i = 0; i < 10; i++) {
      world.network.run(minutes(1))
      expect(client.exchange('10.1.2.3', `minute ${i}`)).toBeLessThan(1000)
    }
  })
})

test('clients of one gateway never get each other’s packets, and cannot reach each other', () => {
  const { world, client, gateway } = start([office])
  const other = world.addClient()
  world.network.run(seconds(1))

  client.exchange('10.1.2.3', 'mine')
  other.exchange('10.1.2.3', 'theirs')
  client.send(other.ipv4.text, 'psst')
  world.network.run(seconds(1))

  expect(client.received.map(textOf)).toEqual(['mine'])
  expect(other.received.map(textOf)).toEqual(['theirs'])
  expect(gateway.received.map(textOf)).not.toContain('psst')
})

test('a super-packet crosses the tunnel as the segments that it stands for', () => {
  const { client, gateway } = start([office])
  client.exchange('10.1.2.3', 'hello')
  const payload = Uint8Array.from({ length: 30_000 }, (_, i) => i * 7)

  gateway.received.length = 0
  client.running.send(
    makeTcpPacket({
      source: client.ipv4,
      destination: IpAddress.of('10.1.2.3'),
      sourcePort: 1,
      destinationPort: 2,
      payload,
    }),
    1240,
  )
  client.exchange('10.1.2.3', 'done')

  const segments = gateway.received.filter(packet => textOf(packet) === undefined)
  expect(segments).toHaveLength(25)
  expect(Uint8Array.from(segments.flatMap(segment => [...segment.subarray(40)]))).toEqual(payload)
})

function start(
  places: readonly Place[],
  homes: { readonly client?: Home; readonly gateway?: Home } = {},
): { world: World; client: Client; gateway: Gateway } {
  const world = new World()
  for (const place of places) world.portal.add(place)
  const gateway = world.addGateway(homes.gateway)
  const client = world.addClient(homes.client)
  world.network.run(seconds(1))
  return { world, client, gateway }
}
