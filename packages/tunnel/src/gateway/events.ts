import type { DomainName } from '@sallyport/dns-message'
import type { ClientId, GatewayToPortal, ResourceId } from '@sallyport/portal-protocol'
import type { IpAddress } from '@sallyport/sans-io'
import type { ConnectionPath } from '../connection-path.ts'
import type { TunnelEvent } from '../outbox.ts'

/** A name that a client uses, and the addresses that stand for it there. */
export interface ResolveRequest {
  readonly client: ClientId
  readonly resource: ResourceId
  readonly domain: DomainName
  readonly proxyIps: readonly IpAddress[]
}

/** What a gateway's tunnel tells its owner. */
export type GatewayTunnelEvent =
  | TunnelEvent<GatewayToPortal>
  /** Is to be resolved, A and AAAA; what comes of it goes to `handleDomainResolved`. */
  | { readonly type: 'resolve-domain'; readonly request: ResolveRequest }
  /** Packets flow to a client, or don't any more. */
  | { readonly type: 'connection-state'; readonly client: ClientId; readonly state: 'connected' | 'disconnected' }
  /** Packets to and from a client take another path from here on. */
  | ({ readonly type: 'path-changed'; readonly client: ClientId } & ConnectionPath)
