import type { ResourceId } from '@sallyport/portal-protocol'
import { IpAddress, millis, minutes, seconds } from '@sallyport/sans-io'
import { NAT_KINDS } from '@sallyport/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { uuid } from './support.ts'
import { type Client, type Home, textOf, World } from './world.ts'

/** What may happen to a client, its resources, its gateways and the portal. */
type Action =
  | { readonly type: 'use' | 'remove' | 'toggle' | 'revoke'; readonly place: number }
  | { readonly type: 'add'; readonly place: number; readonly address: number }
  | { readonly type: 'roam' | 'rejoin' | 'stop-gateway' | 'crash-gateway' | 'restart-gateway' | 'idle' | 'sign-in' }

/** Networks that overlap, so that it matters which one wins. */
const NETWORKS = ['10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '10.2.0.0/16', '2001:db8:6::/48'] as const
const HOSTS = ['10.9.9.9', '10.1.9.9', '10.1.1.9', '10.2.9.9', '2001:db8:6::9'] as const

const place = fc.nat(4)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: place.map(place => ({ type: 'use' as const, place })) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('add' as const), place, address: place }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('remove' as const, 'toggle' as const, 'revoke' as const), place }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom<Exclude<Action, { place: number }>['type'][]>(
        'roam',
        'rejoin',
        'stop-gateway',
        'crash-gateway',
        'restart-gateway',
        'idle',
        'sign-in',
      ),
    }),
  },
)

test('whatever happens, what a client may reach answers, and nothing else does', () => {
  const home = fc.record({ nat: fc.constantFrom(undefined, ...NAT_KINDS) })
  fc.assert(
    fc.property(fc.nat(), home, fc.array(action, { minLength: 5, maxLength: 15 }), (seed, { nat }, actions) => {
      const story = new Story(seed, nat === undefined ? {} : { nat })
      for (const action of actions) story.play(action)
    }),
    { numRuns: 60 },
  )
}, 60_000)

/** The system, and the simplest thing that can say what it should do. */
class Story {
  readonly #world: World
  #client: Client
  readonly #networks = new Map<ResourceId, string>()
  readonly #disabled = new Set<ResourceId>()
  #texts = 0
  #hosts = 0

  constructor(seed: number, home: Home) {
    this.#world = new World(seed)
    for (let i = 0; i < 2; i++) this.#world.addGateway()
    this.#client = this.#world.addClient(home)
    this.#world.network.run(seconds(1))
    for (const place of [1, 3]) this.play({ type: 'add', place, address: place })
  }

  play(action: Action): void {
    const { network, portal } = this.#world
    const [gateway] = [...portal.gateways.values()]
    switch (action.type) {
      case 'use':
        this.#use(HOSTS[action.place]!)
        break
      case 'add': {
        const id = uuid(action.place + 1) as ResourceId
        this.#networks.set(id, NETWORKS[action.address]!)
        portal.add({ id, address: NETWORKS[action.address]! })
        break
      }
      case 'remove': {
        const id = uuid(action.place + 1) as ResourceId
        this.#networks.delete(id)
        portal.remove(id)
        break
      }
      case 'toggle': {
        const id = uuid(action.place + 1) as ResourceId
        if (!this.#disabled.delete(id)) this.#disabled.add(id)
        this.#client.tunnel.setDisabledResources(this.#disabled, network.now)
        this.#client.running.drive.drain()
        break
      }
      case 'revoke':
        // A client that is still let in to something else is refused for as long as nobody tells it: not in this model.
        for (const one of portal.gateways.values())
          for (const id of portal.places.keys())
            portal.toGateway(one, 'reject_access', { client_id: this.#client.id, resource_id: id })
        break
      case 'roam':
        this.#client.host.roam(network.internet, [IpAddress.of(`192.0.2.${100 + this.#hosts++}`)])
        this.#client.tunnel.reset(network.now)
        this.#client.join()
        this.#client.running.drive.drain()
        break
      case 'rejoin':
        this.#client.join()
        break
      case 'sign-in':
        this.#client.tunnel.shutdown(network.now)
        this.#client.running.drive.drain()
        network.run(seconds(1))
        this.#client.running.stop()
        this.#client = this.#world.restartClient(this.#client)
        this.#client.tunnel.setDisabledResources(this.#disabled, network.now)
        this.#client.running.drive.drain()
        break
      case 'stop-gateway':
      case 'crash-gateway':
        if (![...portal.gateways.values()].every(one => one.isOnline)) return // one is always there
        if (action.type === 'stop-gateway') gateway!.stop()
        else gateway!.crash()
        break
      case 'restart-gateway':
        for (const one of portal.gateways.values()) if (!one.isOnline) this.#world.restart(one)
        break
      case 'idle':
        network.run(minutes(6))
    }
    network.run(seconds(1))
    this.#check()
  }

  /** An application sends until it hears an answer: it must, or must never. */
  #use(host: string): void {
    const text = `text ${this.#texts++}`
    if (this.#isReachable(host)) {
      this.#client.exchange(host, text, 40_000)
      return
    }
    this.#client.send(host, text)
    this.#world.network.run(millis(3000))
    for (const gateway of this.#world.portal.gateways.values()) expect(gateway.received.map(textOf)).not.toContain(text)
  }

  #check(): void {
    const networks = [...this.#networks].filter(([id]) => !this.#disabled.has(id)).map(([, address]) => address)
    const routes = this.#client.tunnel.tunConfig!.routes.map(String)
    expect(routes.filter(route => NETWORKS.some(network => network === route)).sort()).toEqual(
      [...new Set(networks)].sort(),
    )
    expect(this.#client.tunnel.resources.map(({ resource }) => resource.id).sort()).toEqual(
      [...this.#networks.keys()].sort(),
    )
  }

  #isReachable(host: string): boolean {
    return this.#client.tunnel.tunConfig!.routes.some(
      route => NETWORKS.some(network => network === route.text) && route.contains(IpAddress.of(host)),
    )
  }
}
