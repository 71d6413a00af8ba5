import { IpPrefix, PrefixTable } from '@sallyport/ip-packet'
import type { ClientResource, ResourceId } from '@sallyport/portal-protocol'
import type { IpFamily } from '@sallyport/sans-io'
import type { Gateway } from './gateways.ts'

/** A resource and who lets us in to it. */
export interface Access {
  readonly resource: ClientResource
  /** The network of a CIDR resource. */
  readonly prefix: IpPrefix | undefined
  /** The gateway that lets us in; `undefined` until one does. */
  gateway: Gateway | undefined
}

/** What the portal has told us about resources, which of them are switched off, and which one a packet is for. */
export class Resources {
  readonly #accesses = new Map<ResourceId, Access>()
  #disabled: ReadonlySet<ResourceId> = new Set()
  /** Who gets packets to which network; `undefined`: to be built when it is needed next. */
  #networks: PrefixTable<Access> | undefined

  /** Returns a resource, enabled or not. */
  get(id: ResourceId): Access | undefined {
    return this.#accesses.get(id)
  }

  /** Returns all resources, enabled or not. */
  values(): IterableIterator<Access> {
    return this.#accesses.values()
  }

  /** Whether a resource is switched off. */
  isDisabled(id: ResourceId): boolean {
    return this.#disabled.has(id)
  }

  /** Which resources are switched off. */
  get disabled(): ReadonlySet<ResourceId> {
    return this.#disabled
  }

  /** Switches exactly these resources off. */
  setDisabled(ids: ReadonlySet<ResourceId>): void {
    this.#disabled = new Set(ids)
    this.#networks = undefined
  }

  /**
   * Returns whether storing `resource` would make another resource of what is known under its id: then the old one has
   * to be removed first. A new name, description or site is no reason.
   */
  isReplacedBy(resource: ClientResource): boolean {
    const known = this.#accesses.get(resource.id)?.resource
    if (known === undefined) return false
    if (known.type !== resource.type) return true
    if (known.type === 'internet' || resource.type === 'internet') return false
    if (known.address !== resource.address) return true
    return known.type === 'dns' && resource.type === 'dns' && known.ip_stack !== resource.ip_stack
  }

  /** Stores a resource; who lets us in to it stays. */
  set(resource: ClientResource): void {
    const gateway = this.#accesses.get(resource.id)?.gateway
    const prefix = resource.type === 'cidr' ? IpPrefix.parse(resource.address) : undefined
    this.#accesses.set(resource.id, { resource, prefix, gateway })
    this.#networks = undefined
  }

  /** Forgets a resource. */
  delete(id: ResourceId): void {
    this.#accesses.delete(id)
    this.#networks = undefined
  }

  /** Returns the resource that a packet to the address whose bytes begin at `offset` is for: the longest prefix wins. */
  lookup(bytes: Uint8Array, offset: number, family: IpFamily): Access | undefined {
    return (this.#networks ?? this.#build()).lookup(bytes, offset, family)
  }

  /** The networks of all enabled CIDR resources. */
  get networks(): readonly IpPrefix[] {
    return [...(this.#networks ?? this.#build()).entries()].map(([prefix]) => prefix)
  }

  /** Among resources with the same network the one with the highest id wins, but none displaces a connected one. */
  #build(): PrefixTable<Access> {
    const networks = new PrefixTable<Access>()
    const ascending = [...this.#accesses].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [id, access] of ascending) {
      if (access.prefix === undefined || this.#disabled.has(id)) continue
      if (networks.at(access.prefix)?.gateway === undefined) networks.set(access.prefix, access)
    }
    this.#networks = networks
    return networks
  }
}

/** Sorts as resources are shown: the Internet first, then by name, by code point; those with equal names by id. */
export function byDisplayOrder(a: ClientResource, b: ClientResource): number {
  if ((a.type === 'internet') !== (b.type === 'internet')) return a.type === 'internet' ? -1 : 1
  return compareCodePoints(a.name, b.name) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

function compareCodePoints(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
