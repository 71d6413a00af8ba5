import { equalBytes, IpAddress, minutes, seconds } from '@sallyport/sans-io'
import { buildSite, type Site, site } from '@sallyport/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NoRelayError } from '../src/index.ts'
import { GOODBYE, type Peer, World } from './world.ts'

/** What happens to a client, a gateway and their relays; after each, a packet has to arrive. */
type Happening =
  | { readonly type: 'time-passes'; readonly minutes: number }
  | { readonly type: 'client-roams' }
  | { readonly type: 'client-restarts' }
  | { readonly type: 'gateway-restarts'; readonly saysGoodbye: boolean }
  | { readonly type: 'relay-is-replaced' }
  | { readonly type: 'relay-dies' }
  | { readonly type: 'relay-reboots-unnoticed' }
  | { readonly type: 'nat-reboots' }
  | { readonly type: 'portal-reconnects' }

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ type: fc.constant('time-passes'), minutes: fc.constantFrom(0.5, 4, 6, 20) }),
  fc.record({ type: fc.constant('client-roams') }),
  fc.record({ type: fc.constant('client-restarts') }),
  fc.record({ type: fc.constant('gateway-restarts'), saysGoodbye: fc.boolean() }),
  fc.record({ type: fc.constant('relay-is-replaced') }),
  fc.record({ type: fc.constant('relay-dies') }),
  fc.record({ type: fc.constant('relay-reboots-unnoticed') }),
  fc.record({ type: fc.constant('nat-reboots') }),
  fc.record({ type: fc.constant('portal-reconnects') }),
) as fc.Arbitrary<Happening>

test('whatever happens, a packet arrives soon after', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.integer(), site(), site(), fc.array(happening, { maxLength: 6 }), (seed, client, gateway, plot) => {
      const life = new Life(seed, client, gateway)
      life.expectDelivery('at the start')
      for (const event of plot) {
        life.happen(event)
        life.expectDelivery(event.type)
      }
    }),
    { numRuns: 150 },
  )
})

/** How long the worst takes: an idle path that is gone is noticed after 127 s, and then the relays must be found dead. */
const PATIENCE = seconds(200)

/** A client and a gateway whose applications do what real ones do: ask the portal again when something is lost. */
class Life {
  readonly world: World
  client: Peer
  gateway: Peer
  readonly #sites: { readonly client: Site; readonly gateway: Site }
  #number = 3
  #relays = 0

  constructor(seed: number, client: Site, gateway: Site) {
    this.world = new World(seed)
    this.#sites = { client, gateway }
    this.#addRelay()
    this.#addRelay()
    this.client = this.#newPeer('client')
    this.gateway = this.#newPeer('gateway')
    this.world.network.run(seconds(3))
  }

  happen(event: Happening): void {
    const { world } = this
    switch (event.type) {
      case 'time-passes':
        world.network.run(minutes(event.minutes))
        break
      case 'client-roams': {
        const { addresses } = this.client.host
        const moved = addresses.map(ip =>
          IpAddress.of(ip.family === 4 ? `192.0.2.${100 + this.#number}` : `2001:db8:${100 + this.#number}::2`),
        )
        this.#number++
        this.client.host.roam(world.network.internet, moved)
        this.client.node.reset(world.network.now)
        this.#callPortal(this.client)
        break
      }
      case 'client-restarts':
        this.client.running.stop()
        this.client = this.#restart(this.client)
        break
      case 'gateway-restarts':
        if (event.saysGoodbye) {
          this.gateway.node.closeAll(GOODBYE, world.network.now)
          this.gateway.running.drive.drain()
        }
        this.gateway.running.stop()
        this.gateway = this.#restart(this.gateway)
        break
      case 'relay-is-replaced': {
        const [oldest] = world.relays.keys()
        world.relays.get(oldest!)!.kill()
        world.relays.delete(oldest!)
        this.#addRelay()
        const newest = [...world.relays.keys()].at(-1)!
        for (const peer of [this.client, this.gateway]) peer.useRelays([newest], [oldest!])
        break
      }
      case 'relay-dies': {
        const [oldest] = world.relays.keys()
        world.relays.get(oldest!)!.kill()
        world.relays.delete(oldest!)
        this.#addRelay() // which nobody knows of before they ask the portal
        break
      }
      case 'relay-reboots-unnoticed': {
        const [relay] = world.relays.values()
        relay!.kill()
        relay!.start()
        break
      }
      case 'nat-reboots':
        this.client.router?.nat?.flush()
        break
      case 'portal-reconnects':
        for (const peer of [this.client, this.gateway]) this.#callPortal(peer)
    }
    world.network.run(seconds(3))
  }

  expectDelivery(after: string): void {
    const { world, client, gateway } = this
    const deadline = world.network.now + PATIENCE
    while (world.network.now < deadline) {
      this.#wantConnection()
      const text = client.send(gateway).join()
      if (world.network.runUntil(() => gateway.packets.some(packet => packet.join() === text), seconds(1))) return
    }
    expect.fail(`no packet arrives: ${after} (seed ${world.network.seed})`)
  }

  /** What a client does before it sends a packet to somebody it isn't connected to. */
  #wantConnection(): void {
    const { world, client, gateway } = this
    if (client.packets.some(packet => equalBytes(packet, GOODBYE))) {
      client.received.length = 0
      client.node.removeConnection(client.idOf(gateway))
    }
    if (client.stateTo(gateway) !== undefined) return
    try {
      world.introduce(client, gateway)
    } catch (error) {
      if (!(error instanceof NoRelayError)) throw error
      for (const peer of [client, gateway]) this.#callPortal(peer)
    }
  }

  #callPortal(peer: Peer): void {
    peer.useRelays([...this.world.relays.keys()])
  }

  #addRelay(): void {
    const number = ++this.#relays
    const addresses = [`198.51.100.${number}`, `2001:db8:ffff::${number}`]
    this.world.addRelay(`relay ${number}`, { addresses })
  }

  #newPeer(name: 'client' | 'gateway'): Peer {
    const { host, routers } = buildSite(this.world.network, name, name === 'client' ? 1 : 2, this.#sites[name])
    return this.world.addPeerOn(name, name, { host, router: routers[0] })
  }

  #restart(peer: Peer): Peer {
    this.world.peers.splice(this.world.peers.indexOf(peer), 1)
    const fresh = this.world.addPeerOn(peer.name, peer.name as 'client' | 'gateway', peer)
    this.world.network.run(seconds(2))
    return fresh
  }
}
