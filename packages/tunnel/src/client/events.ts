import type { ClientResource, ClientToPortal, GatewayId } from '@sallyport/portal-protocol'
import type { ConnectionPath } from '../connection-path.ts'
import type { TunnelEvent } from '../outbox.ts'
import type { HostQuery } from './dns/host-queries.ts'
import type { DnsRecordAssignment } from './dns/proxy-addresses.ts'
import type { Status } from './site-statuses.ts'

/** A resource as it is shown to users. */
export interface ResourceView {
  readonly resource: ClientResource
  readonly status: Status
  /** `false` when it is switched off. */
  readonly isEnabled: boolean
}

/** What a client's tunnel tells its owner. */
export type ClientTunnelEvent =
  | TunnelEvent<ClientToPortal>
  /** The list or the status of a resource has changed. Replaces an earlier one. In the order to be shown. */
  | { readonly type: 'resources-changed'; readonly resources: readonly ResourceView[] }
  /** Is to be put to its servers, outside of the tunnel; what comes of it goes to `handleDnsResponse`. */
  | { readonly type: 'dns-query'; readonly query: HostQuery }
  /** Names have got addresses: all there are, to be given to the next session. Replaces an earlier one. */
  | { readonly type: 'dns-records-changed'; readonly records: readonly DnsRecordAssignment[] }
  /** Packets flow to a gateway, or don't any more. */
  | { readonly type: 'connection-state'; readonly gateway: GatewayId; readonly state: 'connected' | 'disconnected' }
  /** Packets to and from a gateway take another path from here on. */
  | ({ readonly type: 'path-changed'; readonly gateway: GatewayId } & ConnectionPath)
