import { type Instant, toHex } from '@sallyport/sans-io'
import type { Connection } from './connection.ts'
import type { ConnectionId } from './ids.ts'

/** A number is given to somebody else only after so many others: who still remembers it meets nobody, not a stranger. */
const HANDLES_AT_REST = 1024

/** All connections of a node, by everything that a datagram or a caller may name them by: each look-up is O(1). */
export class ConnectionTable implements Iterable<Connection> {
  readonly #byId = new Map<ConnectionId, Connection>()
  readonly #byHandle: (Connection | undefined)[] = []
  readonly #byIndex = new Map<number, Connection>()
  readonly #byPublicKey = new Map<string, Connection>()
  readonly #byUfrag = new Map<string, Set<Connection>>()
  readonly #resting: number[] = []

  /** How many there are. */
  get size(): number {
    return this.#byId.size
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#byId.values()
  }

  /** Returns a number for a new connection: small, and not used lately. */
  newHandle(): number {
    return this.#resting.length > HANDLES_AT_REST ? this.#resting.shift()! : this.#byHandle.push(undefined) - 1
  }

  /** Gives a number back: it rests before somebody else gets it. */
  restHandle(handle: number): void {
    this.#byHandle[handle] = undefined
    this.#resting.push(handle)
  }

  /** Enters a connection. Its id must be free. */
  add(connection: Connection): void {
    const { id, handle, index, options } = connection
    this.#byId.set(id, connection)
    this.#byHandle[handle] = connection
    this.#byIndex.set(index, connection)
    this.#byPublicKey.set(toHex(options.peerPublicKey), connection)
    const { ufrag } = options.localCredentials
    const same = this.#byUfrag.get(ufrag)
    if (same === undefined) this.#byUfrag.set(ufrag, new Set([connection]))
    else same.add(connection)
  }

  /** Strikes a connection out. */
  remove(connection: Connection): void {
    const { id, handle, index, options } = connection
    this.#byId.delete(id)
    this.restHandle(handle)
    this.#byIndex.delete(index)
    const key = toHex(options.peerPublicKey)
    if (this.#byPublicKey.get(key) === connection) this.#byPublicKey.delete(key)
    const same = this.#byUfrag.get(options.localCredentials.ufrag)
    same?.delete(connection)
    if (same?.size === 0) this.#byUfrag.delete(options.localCredentials.ufrag)
  }

  /** Returns the connection of that id. */
  get(id: ConnectionId): Connection | undefined {
    return this.#byId.get(id)
  }

  /** Returns the connection of that number. */
  at(handle: number): Connection | undefined {
    return this.#byHandle[handle]
  }

  /** Returns the connection whose WireGuard indices begin with these 24 bits. */
  withIndex(index: number): Connection | undefined {
    return this.#byIndex.get(index)
  }

  /** Returns the connection to the peer with that WireGuard key. */
  withPublicKey(key: Uint8Array): Connection | undefined {
    return this.#byPublicKey.get(toHex(key))
  }

  /** Returns the connections in which we are called `ufrag`. */
  withUfrag(ufrag: string): Iterable<Connection> {
    return this.#byUfrag.get(ufrag) ?? NONE
  }

  /** When the first of them has something to do. */
  get nextDeadline(): Instant | undefined {
    let first: Instant | undefined
    // Not the values of a map, whose iterator leaves garbage: this is asked after every batch of packets.
    for (let handle = 0; handle < this.#byHandle.length; handle++) {
      const deadline = this.#byHandle[handle]?.deadline
      if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline
    }
    return first
  }
}

const NONE: readonly Connection[] = []
