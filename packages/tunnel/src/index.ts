/**
 * Policy on the packet path: the client's and the gateway's tunnel machines.
 *
 * @packageDocumentation
 */
export { ClientTunnel, type ClientTunnelOptions } from './client/client-tunnel.ts'
export { ClientCounters } from './client/counters.ts'
export { SITE_DNS_PORT } from './client/dns/client-dns.ts'
export type { HostQuery } from './client/dns/host-queries.ts'
export type { DnsRecordAssignment } from './client/dns/proxy-addresses.ts'
export type { ClientTunnelEvent, ResourceView } from './client/events.ts'
export type { Status } from './client/site-statuses.ts'
export type { ConnectionPath } from './connection-path.ts'
export { comparePatterns, DomainPattern } from './domain-pattern.ts'
export { GatewayCounters } from './gateway/counters.ts'
export type { GatewayTunnelEvent, ResolveRequest } from './gateway/events.ts'
export { GatewayTunnel, type GatewayTunnelOptions } from './gateway/gateway-tunnel.ts'
export type { TunnelEvent } from './outbox.ts'
export type { Overlay } from './overlay.ts'
export { type AssignedIps, encodeAssignedIps, parseAssignedIps } from './p2p-control/assigned-ips.ts'
export { type DomainStatus, encodeDomainStatus, parseDomainStatus } from './p2p-control/domain-status.ts'
export { makeGoodbye } from './p2p-control/goodbye.ts'
export { type DualPrefix, isInRange, PROXY_RANGE, SENTINEL_RANGE, TUNNEL_RANGE } from './ranges.ts'
export type { DnsServer, TunConfig } from './tun-config.ts'
