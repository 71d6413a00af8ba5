import { parseResourceId, type ResourceId } from '@sallyport/portal-protocol'
import { parseUtf8, utf8 } from '@sallyport/sans-io'
import { withoutTrailingDot } from './assigned-ips.ts'
import { DOMAIN_STATUS, encodeControl } from './frame.ts'
import { parseObject } from './json.ts'

/** A gateway tells a client what became of an assignment: whether packets to its addresses are translated. */
export interface DomainStatus {
  /** The one of the assignment. */
  readonly resource: ResourceId
  readonly domain: string
  readonly isActive: boolean
}

/** Returns the packet of the message. */
export function encodeDomainStatus(message: DomainStatus): Uint8Array {
  const { resource, domain, isActive } = message
  return encodeControl(
    DOMAIN_STATUS,
    utf8(JSON.stringify({ resource, domain, status: isActive ? 'Active' : 'Inactive' })),
  )
}

/** Reads the body of the message, or returns `undefined` if it is none. A status that isn't known means inactive. */
export function parseDomainStatus(body: Uint8Array): DomainStatus | undefined {
  const { resource, domain, status } = parseObject(parseUtf8(body)) ?? {}
  if (typeof resource !== 'string' || typeof domain !== 'string' || typeof status !== 'string') return undefined
  const id = parseResourceId(resource)
  return id && { resource: id, domain: withoutTrailingDot(domain), isActive: status === 'Active' }
}
