import type { ClientId, GatewayToPortal } from '@sallyport/portal-protocol'
import type { ConnectionPath } from '../connection-path.ts'
import type { TunConfig } from '../tun-config.ts'

/** What a gateway's tunnel tells its owner. */
export type GatewayTunnelEvent =
  /** To be pushed to the portal. */
  | { readonly type: 'send-portal'; readonly message: GatewayToPortal }
  /** The TUN device is to be set up like this. Replaces an earlier one that was not polled yet. */
  | { readonly type: 'interface-changed'; readonly config: TunConfig }
  /** Packets flow to a client, or don't any more. */
  | { readonly type: 'connection-state'; readonly client: ClientId; readonly state: 'connected' | 'disconnected' }
  /** Packets to and from a client take another path from here on. */
  | ({ readonly type: 'path-changed'; readonly client: ClientId } & ConnectionPath)
  /** No relay is known: join the portal's channel again, its `init` brings some. */
  | { readonly type: 'relays-wanted' }
