import { seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { World } from './world.ts'

describe('two peers', () => {
  test('that reach each other connect directly and exchange packets', () => {
    const world = new World()
    const { network } = world
    world.addRelay('relay', { addresses: ['198.51.100.1'] })
    const client = world.addPeer('client', 'client', network.addHost('c', { addresses: ['192.0.2.1'] }))
    const gateway = world.addPeer('gateway', 'gateway', network.addHost('g', { addresses: ['192.0.2.2'] }))
    network.run(seconds(1))

    world.connect(client, gateway)
    network.run(seconds(2))
    const question = client.send(gateway)
    const answer = gateway.send(client)
    network.run(seconds(1))

    expect(client.pathTo(gateway)).toBe('peer-to-peer')
    expect(gateway.pathTo(client)).toBe('peer-to-peer')
    expect(gateway.received).toEqual([{ from: 'client', packet: question }])
    expect(client.received).toEqual([{ from: 'gateway', packet: answer }])
  })
})
