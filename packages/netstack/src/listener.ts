import type { SocketAddress } from '@sallyport/sans-io'
import type { Connection } from './connection.ts'

/** How much a {@link TcpListener} takes on. */
export interface ListenOptions {
  /** Handshakes under way at a time; 64 if left out. Another one takes the place of the oldest. */
  readonly backlog?: number
  /** Connections at a time; no limit of its own if left out. SYNs beyond it are dropped, to be sent again. */
  readonly maxConnections?: number
}

/** Answers SYNs to one address. A flood of them displaces handshakes, never connections (RFC 4987 §3). */
export class TcpListener {
  readonly address: SocketAddress
  readonly #backlog: number
  readonly #maxConnections: number
  readonly #close: (listener: TcpListener) => void
  readonly #halfOpen = new Set<Connection>()
  readonly #established = new Set<Connection>()

  /** Made by `NetStack.listenTcp`. */
  constructor(address: SocketAddress, options: ListenOptions, close: (listener: TcpListener) => void) {
    this.address = address
    this.#backlog = options.backlog ?? 64
    this.#maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY
    this.#close = close
  }

  /** How many handshakes are under way. */
  get halfOpen(): number {
    return this.#halfOpen.size
  }

  /** How many connections there are, handshakes not counted. */
  get connections(): number {
    return this.#established.size
  }

  /** Answers no more SYNs, and forgets handshakes under way; connections stay. Safe to call twice. */
  close(): void {
    for (const connection of this.#halfOpen) connection.forget()
    this.#halfOpen.clear()
    this.#close(this)
  }

  /** Called by the stack: whether another SYN is answered. The one that it displaces is forgotten. */
  admits(): boolean {
    if (this.#established.size >= this.#maxConnections) return false
    if (this.#halfOpen.size >= this.#backlog) {
      const [oldest] = this.#halfOpen
      if (oldest === undefined) return false
      oldest.forget()
      this.#halfOpen.delete(oldest)
    }
    return true
  }

  /** Called by the stack after each change of a connection that began here. */
  track(connection: Connection): void {
    this.#halfOpen.delete(connection)
    this.#established.delete(connection)
    if (connection.state === 'syn-received') this.#halfOpen.add(connection)
    else if (connection.state !== 'closed' && connection.state !== 'time-wait') this.#established.add(connection)
  }
}
