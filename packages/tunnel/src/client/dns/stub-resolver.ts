import {
  type DnsMessage,
  DomainName,
  makeRecord,
  makeResponse,
  type OneQuestion,
  parseReverseName,
  type RecordData,
  RecordType,
  ResponseCode,
} from '@sallyport/dns-message'
import type { ClientDnsResource, ResourceId } from '@sallyport/portal-protocol'
import { comparePatterns, DomainPattern } from '../../domain-pattern.ts'
import type { ProxiedName, ProxyAddresses } from './proxy-addresses.ts'

/** What becomes of a query. */
export type StubDecision =
  /** We know the answer. `proxied`: it is about this name, whose addresses `isNew` tells to have been chosen just now. */
  | {
      readonly type: 'answer'
      readonly response: DnsMessage
      readonly proxied?: ProxiedName | undefined
      readonly isNew?: boolean
    }
  /** The upstream server is to be asked. */
  | { readonly type: 'recurse' }
  /** A name server beside a gateway of this resource is to be asked. */
  | { readonly type: 'recurse-in-site'; readonly resource: ResourceId }

/** Tells browsers not to go around us with DNS over HTTPS. */
const CANARY = DomainName.of('use-application-dns.net')

/** How long applications may keep an answer of ours, in seconds: we want to hear of it when they use the name again. */
const TTL = 1

/** Answers queries for names of DNS resources with addresses that stand for them. */
export class StubResolver {
  readonly #proxies: ProxyAddresses
  /** In the order of priority. */
  #patterns: readonly { readonly pattern: DomainPattern; readonly resource: ClientDnsResource }[] = []

  constructor(proxies: ProxyAddresses) {
    this.#proxies = proxies
  }

  /** Serves the names of a resource; of two with the same pattern the later one. Returns `false` for an invalid one. */
  add(resource: ClientDnsResource): boolean {
    this.remove(resource.id)
    const pattern = DomainPattern.parse(resource.address)
    if (pattern === undefined) return false
    const others = this.#patterns.filter(other => other.pattern.text !== pattern.text)
    this.#patterns = [...others, { pattern, resource }].sort((a, b) => comparePatterns(a.pattern.text, b.pattern.text))
    return true
  }

  /** Serves the names of a resource no longer. Addresses that were given out stay what they are. */
  remove(id: ResourceId): void {
    this.#patterns = this.#patterns.filter(({ resource }) => resource.id !== id)
  }

  /** Returns the resource that a name belongs to. */
  match(name: DomainName): ClientDnsResource | undefined {
    return this.#patterns.find(({ pattern }) => pattern.matches(name))?.resource
  }

  /** Decides what becomes of a query. */
  resolve(query: OneQuestion): StubDecision {
    const { name, type } = query.question
    if (name.equals(CANARY)) return { type: 'answer', response: makeResponse(query, ResponseCode.NAME_ERROR) }
    if (type === RecordType.PTR) return this.#resolvePointer(query)
    const resource = this.match(name)
    if (resource === undefined) return { type: 'recurse' }
    switch (type) {
      case RecordType.A:
      case RecordType.AAAA: {
        const { proxied, isNew } = this.#proxies.assign(name, resource.id, resource.ip_stack)
        const addresses = type === RecordType.A ? proxied.ipv4 : proxied.ipv6
        const response = answer(
          query,
          addresses.map(address => ({ kind: 'address', address })),
        )
        return { type: 'answer', response, proxied, isNew }
      }
      case RecordType.SRV:
      case RecordType.TXT:
        return { type: 'recurse-in-site', resource: resource.id }
      case RecordType.HTTPS: // nothing: applications then ask for addresses
        return { type: 'answer', response: answer(query, []), proxied: this.#proxies.get(name, resource.id) }
      default:
        return { type: 'recurse' }
    }
  }

  #resolvePointer(query: OneQuestion): StubDecision {
    const address = parseReverseName(query.question.name)
    const proxied = address && this.#proxies.lookup(address.bytes, 0, address.family)
    if (proxied === undefined) return { type: 'recurse' }
    return { type: 'answer', response: answer(query, [{ kind: 'name', target: proxied.name }]), proxied }
  }
}

function answer(query: OneQuestion, data: readonly RecordData[]): DnsMessage {
  const { name, type } = query.question
  return makeResponse(
    query,
    ResponseCode.NO_ERROR,
    data.map(item => makeRecord(name, type, TTL, item)),
  )
}
