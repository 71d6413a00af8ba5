import { type IpFamily, millis, parseUtf8, SocketAddress, utf8 } from '@sallyport/sans-io'
import { buildSites, type Site, type SitePair } from './arbitraries.ts'
import type { BoundSocket, Host } from './network/host.ts'
import { SimulatedNetwork } from './network/network.ts'

/** Whether two hosts need a relay. `either`: only one of them hears answers, as with NATs that map more than they filter. */
export type Reachability = 'direct' | 'relayed' | 'either'

const PORT = 52_625
const ROUNDS = 6
const known = new Map<string, Reachability>()

/**
 * Finds out whether the hosts of two sites can reach each other without a relay, given time and patience.
 *
 * It tries: in a perfect network of the same shape, two programs of a few lines send to every address of the other that
 * they have been told of, have guessed or have seen, and answer what arrives. What they achieve, ICE has to achieve.
 */
export function reachabilityOf(pair: SitePair): Reachability {
  const shape = ({ nat, isNested, families, isOpen }: Site): unknown => [nat, isNested, families, isOpen]
  const key = JSON.stringify([shape(pair.client), shape(pair.gateway), pair.together])
  let result = known.get(key)
  if (result === undefined) {
    result = tryOut(pair)
    known.set(key, result)
  }
  return result
}

function tryOut({ client, gateway, together }: SitePair): Reachability {
  const network = new SimulatedNetwork()
  const perfect = { latency: 1 }
  const sites = buildSites(network, {
    client: { ...client, cable: perfect },
    gateway: { ...gateway, cable: perfect },
    together,
  })
  const mirror = new Mirror(network)
  const punchers = [sites.client.host, sites.gateway.host].map(host => new Puncher(host, mirror)) as [Puncher, Puncher]
  network.run(millis(50))
  const [a, b] = punchers
  a.hear(b.addresses)
  b.hear(a.addresses)
  for (let round = 0; round < ROUNDS; round++) {
    for (const puncher of punchers) puncher.ask()
    network.run(millis(50))
  }
  if (a.isAnswered && b.isAnswered) return 'direct'
  return a.isAnswered || b.isAnswered ? 'either' : 'relayed'
}

/** Tells everybody where they seem to be. */
class Mirror {
  readonly addresses: readonly SocketAddress[] = ['198.51.100.250:1', '[2001:db8:ffff::250]:1'].map(text =>
    SocketAddress.of(text),
  )

  constructor(network: SimulatedNetwork) {
    const host = network.addHost('mirror', { addresses: this.addresses.map(({ ip }) => ip.text) })
    const socket = host.bind(1, ({ remote }) =>
      socket.send({ local: undefined, remote, payload: utf8(`seen ${remote.key}`) }),
    )
  }
}

class Puncher {
  isAnswered = false
  readonly #host: Host
  readonly #socket: BoundSocket
  readonly #own = new Map<string, SocketAddress>()
  readonly #theirs = new Map<string, SocketAddress>()

  constructor(host: Host, mirror: Mirror) {
    this.#host = host
    for (const ip of host.addresses) this.#note(this.#own, new SocketAddress(ip, PORT))
    this.#socket = host.bind(PORT, ({ local, remote, payload }) => {
      const text = parseUtf8(payload) ?? ''
      if (text.startsWith('seen ')) {
        const seen = SocketAddress.of(text.slice(5))
        this.#note(this.#own, seen)
        if (seen.family === 4) this.#note(this.#own, new SocketAddress(seen.ip, PORT))
      } else if (text === 'answer') this.isAnswered = true
      else {
        this.#note(this.#theirs, remote)
        this.#socket.send({ local, remote, payload: utf8('answer') })
      }
    })
    for (const remote of mirror.addresses) this.#say(remote, 'where am I')
  }

  get addresses(): Iterable<SocketAddress> {
    return this.#own.values()
  }

  hear(addresses: Iterable<SocketAddress>): void {
    for (const address of addresses) this.#note(this.#theirs, address)
  }

  ask(): void {
    for (const remote of [...this.#theirs.values()].slice(0, 30)) this.#say(remote, 'ask')
  }

  #say(remote: SocketAddress, text: string): void {
    if (this.#canReach(remote.family)) this.#socket.send({ local: undefined, remote, payload: utf8(text) })
  }

  #canReach(family: IpFamily): boolean {
    return this.#host.addressFor(family) !== undefined
  }

  #note(list: Map<string, SocketAddress>, address: SocketAddress): void {
    list.set(address.key, address)
  }
}
