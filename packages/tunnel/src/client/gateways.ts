import { IpPrefix, PrefixTable } from '@sallyport/ip-packet'
import type { GatewayId, SiteId, TunnelAddresses } from '@sallyport/portal-protocol'
import type { IpFamily } from '@sallyport/sans-io'
import { equalAt } from '../equal-at.ts'
import type { AllowedSources } from './allowed-sources.ts'

/** How many gateways are remembered as hints for the portal. */
const REMEMBERED_GATEWAYS = 100

/** What is known about a gateway that lets us in to at least one resource. */
export interface Gateway {
  readonly id: GatewayId
  readonly site: SiteId
  readonly addresses: TunnelAddresses
  /** Tells the gateway's process from one that it ran before under the same id. */
  readonly identity: string
  /** What stands for its connection on the packet path. */
  readonly handle: number
  /** Where packets from it may come from, besides itself. */
  readonly sources: AllowedSources
  /** Whether packets flow. */
  isEstablished: boolean
}

/** The gateways that we have been let in by, by id, by tunnel address and by handle. */
export class Gateways {
  readonly #byId = new Map<GatewayId, Gateway>()
  readonly #byAddress = new PrefixTable<Gateway>()
  #byHandle: (Gateway | undefined)[] = []
  readonly #remembered = new Set<GatewayId>()

  /** Adds a gateway that isn't known, and remembers it as a hint. */
  add(gateway: Gateway): void {
    const { id, addresses, handle } = gateway
    this.#byId.set(id, gateway)
    this.#byAddress.set(IpPrefix.host(addresses.ipv4), gateway)
    this.#byAddress.set(IpPrefix.host(addresses.ipv6), gateway)
    this.#byHandle[handle] = gateway
    this.#remembered.delete(id)
    this.#remembered.add(id)
    if (this.#remembered.size > REMEMBERED_GATEWAYS) this.#remembered.delete(this.#remembered.values().next().value!)
  }

  /** Forgets a gateway, except as a hint. Returns what was known about it. */
  remove(id: GatewayId): Gateway | undefined {
    const gateway = this.#byId.get(id)
    if (gateway === undefined) return undefined
    this.#byId.delete(id)
    for (const address of [gateway.addresses.ipv4, gateway.addresses.ipv6])
      if (this.#byAddress.get(address) === gateway) this.#byAddress.delete(IpPrefix.host(address))
    if (this.#byHandle[gateway.handle] === gateway) this.#byHandle[gateway.handle] = undefined
    return gateway
  }

  /** Forgets all gateways, and as hints, too. */
  clear(): void {
    this.#byId.clear()
    this.#byAddress.clear()
    this.#byHandle = []
    this.#remembered.clear()
  }

  /** Returns the gateway of that id. */
  get(id: GatewayId): Gateway | undefined {
    return this.#byId.get(id)
  }

  /** Returns the gateway whose connection has that handle. */
  byHandle(handle: number): Gateway | undefined {
    return this.#byHandle[handle]
  }

  /** Returns the gateway that has the tunnel address whose bytes begin at `offset`. */
  byAddress(bytes: Uint8Array, offset: number, family: IpFamily): Gateway | undefined {
    return this.#byAddress.lookup(bytes, offset, family)
  }

  /** Returns all gateways. */
  values(): IterableIterator<Gateway> {
    return this.#byId.values()
  }

  /** Gateways used lately, the most recent first. */
  get remembered(): readonly GatewayId[] {
    return [...this.#remembered].reverse()
  }
}

/** Returns whether a packet from the address at `offset` may come from `gateway`: its own addresses, or its resources. */
export function admits(gateway: Gateway, bytes: Uint8Array, offset: number, family: IpFamily): boolean {
  const own = family === 4 ? gateway.addresses.ipv4 : gateway.addresses.ipv6
  return equalAt(own.bytes, bytes, offset) || gateway.sources.admits(bytes, offset, family)
}
