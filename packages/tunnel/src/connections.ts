import { type IceCredentials, type Key, keyBytes, mergeRelays, type RelaysPresence } from '@sallyport/portal-protocol'
import { type Instant, type Logger, unreachable } from '@sallyport/sans-io'
import { type ConnectionId, NoRelayError } from '@sallyport/snownet'
import { type CandidateBatch, CandidateBatches } from './candidate-batches.ts'
import type { ConnectionPath } from './connection-path.ts'
import type { Overlay } from './overlay.ts'
import { makeGoodbye } from './p2p-control/goodbye.ts'

/** What the portal tells about a peer that a connection is made to. */
export interface PeerSecrets {
  readonly publicKey: Key
  readonly presharedKey: Key
  readonly ownCredentials: IceCredentials
  readonly peerCredentials: IceCredentials
}

/** Who wants to know what becomes of connections. */
export interface ConnectionWatcher<Id> {
  /** Packets flow. */
  established(id: Id): void
  /** Packets take another path from here on. */
  moved(id: Id, path: ConnectionPath): void
  /** The connection is gone: it has failed, or was closed. */
  lost(id: Id): void
}

/** The overlay in the words of the portal: peers by their ids, secrets as they came, candidates by the batch. */
export class Connections<Id extends string> {
  readonly #node: Overlay
  readonly #logger: Logger
  readonly #watcher: ConnectionWatcher<Id>
  readonly #candidates = new CandidateBatches<Id>()

  constructor(node: Overlay, logger: Logger, watcher: ConnectionWatcher<Id>) {
    this.#node = node
    this.#logger = logger
    this.#watcher = watcher
  }

  /** Takes up what the portal says about relays. */
  updateRelays(presence: RelaysPresence, now: Instant): void {
    const relays = mergeRelays(presence.connected, relay =>
      this.#logger.warn({ relay }, 'ignoring a second address of one family'),
    )
    this.#node.updateRelays(new Set(presence.disconnected_ids), relays, now)
  }

  /** Connects to a peer, or keeps the connection that was made from the same. Returns its handle; -1: there is no relay. */
  connect(id: Id, secrets: PeerSecrets, now: Instant): number {
    try {
      this.#node.upsertConnection(
        connectionOf(id),
        {
          peerPublicKey: keyBytes(secrets.publicKey),
          presharedKey: keyBytes(secrets.presharedKey),
          localCredentials: credentialsOf(secrets.ownCredentials),
          remoteCredentials: credentialsOf(secrets.peerCredentials),
        },
        now,
      )
    } catch (error) {
      if (!(error instanceof NoRelayError)) throw error
      this.#logger.warn({ peer: id }, 'no relay to connect through')
      return -1
    }
    return this.#node.handleOf(connectionOf(id))
  }

  /** Passes on candidates of a peer. */
  addCandidates(id: Id, candidates: readonly string[], now: Instant): void {
    for (const candidate of candidates) this.#node.addRemoteCandidate(connectionOf(id), candidate, now)
  }

  /** Passes on which candidates a peer has taken back. */
  removeCandidates(id: Id, candidates: readonly string[], now: Instant): void {
    for (const candidate of candidates) this.#node.removeRemoteCandidate(connectionOf(id), candidate, now)
  }

  /** Sends a single packet. */
  send(id: Id, packet: Uint8Array, now: Instant): void {
    this.#node.sendPacket(connectionOf(id), packet, now)
  }

  /** Forgets the connection to a peer that has said goodbye. */
  forget(id: Id): void {
    this.#node.removeConnection(connectionOf(id))
    this.#candidates.forget(id)
  }

  /** Says goodbye to a peer and forgets the connection. */
  close(id: Id, now: Instant): void {
    this.#node.closeConnection(connectionOf(id), makeGoodbye(), now)
    this.#candidates.forget(id)
  }

  /** Says goodbye to everybody. */
  closeAll(now: Instant): void {
    this.#node.closeAll(makeGoodbye(), now)
    this.drain()
    this.#candidates.clear()
  }

  /** Goes on from other addresses. */
  relocate(now: Instant): void {
    this.#node.relocate(now)
    this.drain()
  }

  /** Tells all peers our candidates again. */
  repeatCandidates(): void {
    this.#node.repeatCandidates()
    this.drain()
  }

  /** Starts over with a new key. */
  reset(now: Instant): void {
    this.#node.reset(now)
    this.drain()
    this.#candidates.clear()
  }

  /** Tells the watcher what has become of connections, and collects candidates. */
  drain(): void {
    for (let event = this.#node.pollEvent(); event !== undefined; event = this.#node.pollEvent()) {
      const id = event.connection as string as Id
      switch (event.type) {
        case 'candidate-added':
          this.#candidates.add(id, event.candidate)
          break
        case 'candidate-removed':
          this.#candidates.remove(id, event.candidate)
          break
        case 'connection-established':
          this.#watcher.established(id)
          break
        case 'path-changed': {
          const { path, localType, remoteType } = event
          this.#watcher.moved(id, { path, localType, remoteType })
          break
        }
        case 'connection-failed':
        case 'connection-closed':
          this.#candidates.forget(id)
          this.#watcher.lost(id)
          break
        default:
          unreachable(event)
      }
    }
  }

  /** Takes our candidates that some peer has to learn or to forget, or `undefined`. */
  takeCandidates(): CandidateBatch<Id> | undefined {
    return this.#candidates.take()
  }
}

const connectionOf = (id: string): ConnectionId => id as ConnectionId

const credentialsOf = ({ username, password }: IceCredentials) => ({ ufrag: username, password })
