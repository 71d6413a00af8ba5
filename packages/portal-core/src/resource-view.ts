import { type FilterView, viewFilters } from './filter.ts'
import type { IpStack, Resource, Site } from './row.ts'
import { isAtLeast, type Version } from './version.ts'

/** A site as clients see it: what the protocol calls a gateway group. */
export interface SiteView {
  readonly id: string
  readonly name: string
}

/** A resource as clients see it. */
export type ClientResourceView =
  | {
      readonly id: string
      readonly type: 'dns' | 'cidr'
      readonly name: string
      readonly address: string
      readonly address_description: string | null
      readonly gateway_groups: readonly SiteView[]
      readonly filters: readonly FilterView[]
      readonly ip_stack?: IpStack
    }
  | {
      readonly id: string
      readonly type: 'internet'
      readonly can_be_disabled: true
      readonly gateway_groups: readonly SiteView[]
    }

/** A resource as gateways see it. */
export type GatewayResourceView =
  | {
      readonly id: string
      readonly type: 'dns' | 'cidr'
      readonly name: string
      readonly address: string
      readonly filters: readonly FilterView[]
    }
  | { readonly id: string; readonly type: 'internet' }

/** Returns what a client of `version` gets to see of a resource; `undefined` if it is too old to use it. */
export function clientView(
  resource: Resource,
  sites: readonly Site[],
  version: Version,
): ClientResourceView | undefined {
  const address = addressFor(resource, version)
  if (address === undefined) return undefined
  const { id, name, addressDescription, ipStack } = resource
  const groups = sites.map(site => ({ id: site.id, name: site.name })).sort((a, b) => (a.id < b.id ? -1 : 1))
  if (address === null) return { id, type: 'internet', can_be_disabled: true, gateway_groups: groups }
  return {
    id,
    type: resource.type === 'dns' ? 'dns' : 'cidr',
    name,
    address,
    address_description: addressDescription,
    gateway_groups: groups,
    filters: viewFilters(resource.filters),
    ...(ipStack === null ? {} : { ip_stack: ipStack }),
  }
}

/** Returns what a gateway of `version` gets to see of a resource; `undefined` if it is too old to serve it. */
export function gatewayView(resource: Resource, version: Version): GatewayResourceView | undefined {
  const address = addressFor(resource, version)
  if (address === undefined) return undefined
  if (address === null) return { id: resource.id, type: 'internet' }
  const type = resource.type === 'dns' ? 'dns' : 'cidr'
  return { id: resource.id, type, name: resource.name, address, filters: viewFilters(resource.filters) }
}

/** Returns the address for a peer of `version`: `null` for the Internet, `undefined` where the peer is too old for it. */
function addressFor(resource: Resource, version: Version): string | null | undefined {
  switch (resource.type) {
    case 'internet':
      return isAtLeast(version, 1, 3) ? null : undefined
    case 'ip':
      return `${resource.address}/${resource.address!.includes(':') ? 128 : 32}`
    case 'cidr':
      return resource.address
    case 'dns':
      return isAtLeast(version, 1, 2) ? resource.address : legacyPattern(resource.address!)
  }
}

/** Rewrites a pattern for peers before 1.2, whose `*` was any number of labels and whose `?` was one label. */
function legacyPattern(pattern: string): string | undefined {
  const [, wildcard = '', rest] = /^(\*\*|\*)?(.*)$/su.exec(pattern)!
  if (/[*?]/.test(rest!)) return undefined
  return `${wildcard === '**' ? '*' : wildcard === '*' ? '?' : ''}${rest}`
}
