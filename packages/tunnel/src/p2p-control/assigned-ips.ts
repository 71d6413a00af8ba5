import type { ResourceId } from '@sallyport/portal-protocol'
import { parseResourceId } from '@sallyport/portal-protocol'
import { IpAddress, parseUtf8, utf8 } from '@sallyport/sans-io'
import { ASSIGNED_IPS, encodeControl } from './frame.ts'
import { parseObject } from './json.ts'

/** A client tells a gateway: "I handed out these addresses for this name; resolve it and translate". */
export interface AssignedIps {
  /** The DNS resource that the name belongs to. */
  readonly resource: ResourceId
  /** Without a trailing dot, in the case that the application used. */
  readonly domain: string
  readonly proxyIps: readonly IpAddress[]
}

/** Returns the packet of the message. Throws a `RangeError` unless there are 4 (one family) or 8 (both) addresses. */
export function encodeAssignedIps(message: AssignedIps): Uint8Array {
  const { resource, domain, proxyIps } = message
  if (proxyIps.length !== 4 && proxyIps.length !== 8) throw new RangeError(`${proxyIps.length} proxy addresses`)
  return encodeControl(ASSIGNED_IPS, utf8(JSON.stringify({ resource, domain, proxy_ips: proxyIps })))
}

/** Reads the body of the message, or returns `undefined` if it is none. Count, order and range are not checked. */
export function parseAssignedIps(body: Uint8Array): AssignedIps | undefined {
  const object = parseObject(parseUtf8(body))
  const { resource, domain, proxy_ips: texts } = object ?? {}
  if (typeof resource !== 'string' || typeof domain !== 'string' || !Array.isArray(texts)) return undefined
  const id = parseResourceId(resource)
  const proxyIps: IpAddress[] = []
  for (const text of texts) {
    const ip = typeof text === 'string' ? IpAddress.parse(text) : undefined
    if (ip === undefined) return undefined
    proxyIps.push(ip)
  }
  return id && { resource: id, domain: withoutTrailingDot(domain), proxyIps }
}

/** Names travel without a trailing dot; one that is there is accepted. */
export const withoutTrailingDot = (domain: string): string => (domain.endsWith('.') ? domain.slice(0, -1) : domain)
