import { cidrsOverlap, formatCidr, parseCidr } from './cidr.ts'

/** The kinds of thing that a policy can open. */
export type ResourceType = 'dns' | 'cidr' | 'ip' | 'internet'

/** Returns the address of a resource in canonical text, or the sentence (`{ defect }`) that says what is wrong. */
export function parseResourceAddress(
  type: Exclude<ResourceType, 'internet'>,
  text: string,
): string | { defect: string } {
  const address = text.trim()
  if (address === '') return { defect: "can't be blank" }
  switch (type) {
    case 'dns':
      return parseDnsPattern(address)
    case 'cidr':
      return address.includes('/') ? parseNetwork(address) : { defect: 'must be in CIDR notation' }
    case 'ip': {
      if (address.includes('/')) return { defect: 'must not have a prefix, use a CIDR Resource' }
      const network = parseNetwork(address)
      return typeof network === 'string' ? network.slice(0, network.indexOf('/')) : network
    }
  }
}

const DEFAULT_ROUTES = ['0.0.0.0/32', '::/128'].map(text => parseCidr(text)!)
const LOOPBACK = ['127.0.0.0/8', '::1/128'].map(text => parseCidr(text)!)
const TUNNEL = ['100.64.0.0/10', 'fd00:2021:1111::/48'].map(text => parseCidr(text)!)

function parseNetwork(text: string): string | { defect: string } {
  const cidr = parseCidr(text)
  if (cidr === undefined) return { defect: 'is not a valid address' }
  if (DEFAULT_ROUTES.some(other => cidrsOverlap(cidr, other))) {
    return { defect: "can't contain the default route, use the Internet Resource" }
  }
  if (LOOPBACK.some(other => cidrsOverlap(cidr, other))) return { defect: "can't contain loopback addresses" }
  if (TUNNEL.some(other => cidrsOverlap(cidr, other))) return { defect: "can't be in a range reserved for the tunnel" }
  return formatCidr(cidr)
}

const COMMON_TLDS = new Set('com org net edu gov mil biz info name mobi pro'.split(' '))
const LABEL = /^[\p{L}\p{N}\p{M}*?](?:[\p{L}\p{N}\p{M}*?-]*[\p{L}\p{N}\p{M}*?])?$/u

function parseDnsPattern(text: string): string | { defect: string } {
  if (text.length > 253) return { defect: 'must be at most 253 characters' }
  if (parseCidr(text) !== undefined) return { defect: "can't be an IP address, use an IP or CIDR Resource" }
  const labels = text.split('.')
  for (const label of labels) {
    if (label === '') return { defect: "can't contain empty labels" }
    if (label.length > 63) return { defect: 'labels must be at most 63 characters' }
    if (!LABEL.test(label)) return { defect: `"${label}" is not a valid label` }
    if (label.includes('**') && label !== '**') return { defect: '** must be a label of its own' }
  }
  const tld = labels.at(-1)!
  const others = labels.slice(0, -1)
  if (/[*?]/.test(tld)) return { defect: "the last label can't contain wildcards" }
  if (tld.toLowerCase() === 'localhost') return { defect: 'localhost is not allowed' }
  if (isCommonTld(tld) && others.every(isOnlyWildcards)) return { defect: 'a domain in front of the TLD is required' }
  return text
}

const isCommonTld = (label: string): boolean => COMMON_TLDS.has(label.toLowerCase()) || /^[a-z]{2}$/i.test(label)
const isOnlyWildcards = (label: string): boolean => /^[*?]+$/.test(label)
