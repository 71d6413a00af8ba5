import { isUuid } from '@sallyport/portal-protocol'
import { IpAddress, SocketAddress } from '@sallyport/sans-io'
import { AdminError } from './admin-error.ts'
import { cidrsOverlap, parseCidr } from './cidr.ts'
import { type Condition, parseCondition } from './condition.ts'
import { type Filter, parseFilter } from './filter.ts'
import { parseResourceAddress, type ResourceType } from './resource-address.ts'
import type { IpStack } from './row.ts'

/** What administrators may write into rows. Each returns the value to store, or throws an {@link AdminError}. */

/** Returns the trimmed text, if its length is in range. */
export function requireText(field: string, text: string, min: number, max: number): string {
  const trimmed = text.trim()
  if (trimmed.length >= min && trimmed.length <= max) return trimmed
  throw invalid(field, `must have ${min} to ${max} characters`)
}

/** Returns the trimmed text, or `null` where there is none. */
export function optionalText(field: string, text: string | null | undefined, max: number): string | null {
  const trimmed = text?.trim() ?? ''
  return trimmed === '' ? null : requireText(field, trimmed, 1, max)
}

const RESERVED_SLUGS = new Set(
  (
    'sign_up signup register sign_in signin log_in login sign_out signout auth authorize authenticate create update ' +
    'delete claim account me you admin user system internal'
  ).split(' '),
)

/** Returns an account's slug in lower case. */
export function requireSlug(text: string): string {
  const slug = requireText('slug', text, 3, 100).toLowerCase()
  if (!/^[a-z0-9_]+$/.test(slug) || isUuid(slug))
    throw invalid('slug', 'must consist of letters, digits and underscores')
  if (RESERVED_SLUGS.has(slug)) throw invalid('slug', 'is reserved')
  return slug
}

/** Returns a search domain, or `null` where there is none. */
export function searchDomainOf(text: string | null | undefined): string | null {
  const domain = optionalText('search domain', text, 255)
  if (domain === null) return null
  const isDomain = /^[a-z0-9][a-z0-9.-]*\.[a-z]{2,}$/i.test(domain) && !domain.includes('..')
  if (!isDomain || domain.split('.').some(label => label.length > 63)) throw invalid('search domain', 'is not a domain')
  return domain
}

const RESERVED_FOR_TUNNEL = ['100.64.0.0/10', 'fd00:2021:1111::/48'].map(text => parseCidr(text)!)

/** Returns the addresses of DNS servers, each with its port. */
export function upstreamDnsOf(texts: readonly string[]): string[] {
  const servers = texts.map(text => {
    const bare = IpAddress.parse(text.trim())
    const server = bare ? new SocketAddress(bare, 53) : SocketAddress.parse(text.trim())
    if (server === undefined || server.port === 0) throw invalid('upstream dns', `"${text}" is no address of a server`)
    const network = parseCidr(server.ip.text)!
    if (RESERVED_FOR_TUNNEL.some(range => cidrsOverlap(range, network))) {
      throw invalid('upstream dns', `${server} is in a range reserved for the tunnel`)
    }
    return server.key
  })
  if (new Set(servers).size < servers.length) throw invalid('upstream dns', 'a server is named twice')
  return servers
}

/** Returns the canonical address of a resource; the Internet has none. */
export function addressOf(type: ResourceType, text: string | null | undefined): string | null {
  if (type === 'internet') return null
  const address = parseResourceAddress(type, text ?? '')
  if (typeof address !== 'string') throw invalid('address', address.defect)
  return address
}

/** Returns the address families of a resource; all but DNS resources have none. */
export function ipStackOf(type: ResourceType, stack: IpStack | null | undefined): IpStack | null {
  return type === 'dns' ? (stack ?? 'dual') : null
}

/** Returns filters in canonical form. */
export function filtersOf(inputs: readonly { protocol: string; ports?: readonly string[] | undefined }[]): Filter[] {
  return inputs.map(input => {
    const filter = parseFilter(input)
    if (typeof filter === 'string') throw invalid('filters', filter)
    return filter
  })
}

/** Returns conditions in canonical form. */
export function conditionsOf(
  inputs: readonly { property: string; operator: string; values: readonly string[] }[],
): Condition[] {
  return inputs.map(input => {
    const condition = parseCondition(input)
    if (typeof condition === 'string') throw invalid('conditions', condition)
    return condition
  })
}

const invalid = (field: string, message: string): AdminError => new AdminError('PORTAL_INVALID', message, field)
