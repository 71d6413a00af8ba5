import { type IpPrefix, PrefixTable } from '@sallyport/ip-packet'
import type { ResourceId } from '@sallyport/portal-protocol'
import type { IpFamily } from '@sallyport/sans-io'

/** Where packets from one gateway may come from: the networks of the resources that were asked of it. */
export class AllowedSources {
  readonly #prefixes = new PrefixTable<Set<ResourceId>>()

  /** Whether no resource is left. */
  get isEmpty(): boolean {
    return this.#prefixes.size === 0
  }

  /** Admits `prefix` for the sake of `resource`. */
  add(prefix: IpPrefix, resource: ResourceId): void {
    const resources = this.#prefixes.at(prefix)
    if (resources === undefined) this.#prefixes.set(prefix, new Set([resource]))
    else resources.add(resource)
  }

  /** Takes back whatever was admitted only for `resource`. */
  remove(resource: ResourceId): void {
    for (const [prefix, resources] of [...this.#prefixes.entries()])
      if (resources.delete(resource) && resources.size === 0) this.#prefixes.delete(prefix)
  }

  /** Returns whether a packet from the address whose bytes begin at `offset` may come in. */
  admits(bytes: Uint8Array, offset: number, family: IpFamily): boolean {
    return this.#prefixes.lookup(bytes, offset, family) !== undefined
  }
}
