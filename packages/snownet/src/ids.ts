import type { Brand } from '@sallyport/sans-io'

/** Identifies a connection to a peer: the UUID that the portal knows the peer by. */
export type ConnectionId = Brand<string, 'ConnectionId'>

/** Identifies a relay. A UUID, as sent by the portal. */
export type RelayId = Brand<string, 'RelayId'>

/** Who is who: a client starts handshakes and controls ICE, a gateway waits for both. */
export type NodeRole = 'client' | 'gateway'
