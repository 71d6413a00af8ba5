import type { Brand } from '@sallyport/sans-io'
import type { Coordinates } from './location.ts'
import type { ClientResourceView } from './resource-view.ts'
import type { Version } from './version.ts'

/** Names one connection of a peer for as long as it lasts. Never used twice. */
export type PeerId = Brand<number, 'PeerId'>

/** The kinds of peer; also the names of their topics. */
export type Role = 'client' | 'gateway' | 'relay'

interface CommonSession {
  readonly peer: PeerId
  readonly tokenId: string
  /** When the session ends, in Unix milliseconds; `null` for never. */
  readonly expiresAt: number | null
  readonly coordinates: Coordinates | undefined
  /** Whether it has joined its topic: only then is it online, and told anything. */
  joined: boolean
}

/** The relays a peer knows. */
export interface RelayAssignment {
  /** By relay: the stamp secret that the peer's credentials were made with. */
  readonly given: Map<string, string>
  /** Those of them that have left and may be back soon. */
  readonly held: Set<string>
}

/** A client that is connected. */
export interface ClientSession extends CommonSession {
  readonly role: 'client'
  readonly id: string
  readonly accountId: string
  readonly publicKey: string
  readonly version: Version | undefined
  readonly expiresAt: number
  readonly remoteIp: string
  readonly userAgent: string
  readonly relays: RelayAssignment
  /** What the client was last told that it may reach. */
  connectable: ReadonlyMap<string, ClientResourceView>
}

/** A gateway that is connected. */
export interface GatewaySession extends CommonSession {
  readonly role: 'gateway'
  readonly id: string
  readonly accountId: string
  readonly siteId: string
  readonly publicKey: string
  readonly version: Version | undefined
  readonly remoteIp: string
  readonly relays: RelayAssignment
}

/** A relay that is connected. */
export interface RelaySession extends CommonSession {
  readonly role: 'relay'
  readonly id: string
  /** What the relay and the portal make credentials with; empty until it has joined. */
  stampSecret: string
}

/** A peer that is connected. */
export type Session = ClientSession | GatewaySession | RelaySession

/** Returns an assignment without relays. */
export const noRelays = (): RelayAssignment => ({ given: new Map(), held: new Set() })
