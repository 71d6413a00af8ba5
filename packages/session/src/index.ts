/**
 * A client that a program can hold in its hand: what every kind of client shares.
 *
 * {@link connect} brings the portal's channel and the tunnel together; the world (sockets, TUN device, clock) comes in
 * through {@link SessionPorts}, which `@sallyport/io-node` can fill. {@link PortalLink} is for gateways too.
 *
 * @packageDocumentation
 */
export { type ConnectOptions, connect } from './connect.ts'
export { EventStream } from './event-stream.ts'
export { describeSessionFailure, needsSignIn, type SessionEvent, type SessionFailure } from './events.ts'
export { pathForLog } from './path-for-log.ts'
export { PortalLink, type PortalLinkParts } from './portal-link.ts'
export type { ChannelLoop, SessionPorts, TunnelLoop } from './ports.ts'
export { FLUSH_TIMEOUT, Session, type SessionParts } from './session.ts'
