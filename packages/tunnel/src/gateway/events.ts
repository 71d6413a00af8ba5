import type { ClientId, GatewayToPortal } from '@sallyport/portal-protocol'
import type { ConnectionPath } from '../connection-path.ts'
import type { TunnelEvent } from '../outbox.ts'

/** What a gateway's tunnel tells its owner. */
export type GatewayTunnelEvent =
  | TunnelEvent<GatewayToPortal>
  /** Packets flow to a client, or don't any more. */
  | { readonly type: 'connection-state'; readonly client: ClientId; readonly state: 'connected' | 'disconnected' }
  /** Packets to and from a client take another path from here on. */
  | ({ readonly type: 'path-changed'; readonly client: ClientId } & ConnectionPath)
