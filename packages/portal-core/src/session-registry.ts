import type { ClientSession, GatewaySession, PeerId, RelaySession, Role, Session } from './session.ts'

type SessionOf<R extends Role> = R extends 'client'
  ? ClientSession
  : R extends 'gateway'
    ? GatewaySession
    : RelaySession

/** Who is connected. An entity is online while one of its sessions has joined. */
export class SessionRegistry {
  readonly #byPeer = new Map<PeerId, Session>()
  readonly #byId = new Map<string, Session[]>()

  /** How many peers are connected, joined or not. */
  get size(): number {
    return this.#byPeer.size
  }

  /** Adds a session, which becomes the newest of its entity. */
  add(session: Session): void {
    this.#byPeer.set(session.peer, session)
    const others = this.#byId.get(session.id)
    if (others) others.push(session)
    else this.#byId.set(session.id, [session])
  }

  /** Removes a session and returns it, or `undefined` if there is none. */
  remove(peer: PeerId): Session | undefined {
    const session = this.#byPeer.get(peer)
    if (session === undefined) return undefined
    this.#byPeer.delete(peer)
    const others = this.#byId.get(session.id)!.filter(other => other !== session)
    if (others.length > 0) this.#byId.set(session.id, others)
    else this.#byId.delete(session.id)
    return session
  }

  /** Returns the session of a connection, or `undefined` if it is gone. */
  get(peer: PeerId): Session | undefined {
    return this.#byPeer.get(peer)
  }

  /** Returns all sessions, oldest first. */
  all(): Session[] {
    return [...this.#byPeer.values()]
  }

  /** Returns the sessions of one kind that have joined, oldest first; those of one account if it is given. */
  joined<R extends Exclude<Role, 'relay'>>(role: R, accountId?: string): SessionOf<R>[] {
    const found: Session[] = []
    for (const session of this.#byPeer.values()) {
      if (session.role !== role || !session.joined) continue
      if (accountId === undefined || session.accountId === accountId) found.push(session)
    }
    return found as SessionOf<R>[]
  }

  /** Returns the sessions of one entity that have joined, oldest first. */
  joinedOf<R extends Role>(role: R, id: string): SessionOf<R>[] {
    const sessions = this.#byId.get(id) ?? []
    return sessions.filter(session => session.role === role && session.joined) as SessionOf<R>[]
  }

  /** Returns the relays that are online, each by its newest session. */
  onlineRelays(): RelaySession[] {
    const newest = new Map<string, RelaySession>()
    for (const session of this.#byPeer.values()) {
      if (session.role === 'relay' && session.joined) newest.set(session.id, session)
    }
    return [...newest.values()]
  }

  /** Returns whether the entity with this id is online. */
  isOnline(id: string): boolean {
    return this.#byId.get(id)?.some(session => session.joined) ?? false
  }
}
