import type { IncomingMessage } from 'node:http'
import { type Cidr, type ConnectRequest, cidrContains, type Role } from '@sallyport/portal-core'
import { IpAddress } from '@sallyport/sans-io'

const ROLES: Readonly<Record<string, Role>> = {
  '/client/websocket': 'client',
  '/gateway/websocket': 'gateway',
  '/relay/websocket': 'relay',
}

/** Returns what a request for a WebSocket asks of the portal, or `undefined` if its path is none of ours. */
export function connectRequestOf(
  request: IncomingMessage,
  trustedProxies: readonly Cidr[],
): ConnectRequest | undefined {
  const url = URL.parse(request.url ?? '/', 'http://portal') // a stranger may ask for what is no URL, such as `//`
  if (url === null) return undefined
  const role = Object.hasOwn(ROLES, url.pathname) ? ROLES[url.pathname] : undefined
  const direct = addressOf(request.socket.remoteAddress ?? '')
  if (role === undefined || direct === undefined) return undefined
  const isProxied = trustedProxies.some(proxy => cidrContains(proxy, direct))
  const header = (name: string): string | undefined => [request.headers[name]].flat()[0]
  return {
    role,
    parameters: new Map(url.searchParams),
    token: /^Bearer\s+(\S+)$/i.exec(header('x-authorization') ?? '')?.[1],
    userAgent: request.headers['user-agent'],
    remoteIp: isProxied ? forwardedFor(header('x-forwarded-for'), direct, trustedProxies) : direct,
    // Anybody can write these headers, so only a load balancer of ours is believed.
    location: isProxied
      ? {
          region: header('x-geo-location-region'),
          city: header('x-geo-location-city'),
          coordinates: header('x-geo-location-coordinates'),
        }
      : undefined,
  }
}

/** Returns the last address in the list that isn't one of ours. */
function forwardedFor(list: string | undefined, direct: IpAddress, trustedProxies: readonly Cidr[]): IpAddress {
  for (const text of (list ?? '').split(',').reverse()) {
    const address = addressOf(text.trim())
    if (address === undefined) break
    if (!trustedProxies.some(proxy => cidrContains(proxy, address))) return address
  }
  return direct
}

/** A dual-stack socket reports IPv4 peers as mapped addresses. */
const addressOf = (text: string): IpAddress | undefined => IpAddress.parse(text.replace(/^::ffff:(?=\d+\.)/i, ''))
