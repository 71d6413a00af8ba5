import type { Instant, SocketAddress } from '@sallyport/sans-io'
import type { CloseReason, Connection } from './connection.ts'
import type { TcpState } from './tcp-state.ts'

/** One end of a TCP connection, in its owner's hand. Once closed it stays quiet and harmless, and can still be read. */
export class TcpSocket {
  readonly #connection: Connection
  readonly #flush: (now: Instant | undefined) => void

  /** Made by the stack, which sends what a command stirs up: at `now`, or at the instant it knows of. */
  constructor(connection: Connection, flush: (now: Instant | undefined) => void) {
    this.#connection = connection
    this.#flush = flush
  }

  /** Our address. */
  get local(): SocketAddress {
    return this.#connection.local
  }

  /** The peer's address. */
  get remote(): SocketAddress {
    return this.#connection.remote
  }

  /** Its state (RFC 9293 §3.3.2). */
  get state(): TcpState {
    return this.#connection.state
  }

  /** Why it has ended; `undefined` before. */
  get closeReason(): CloseReason | undefined {
    return this.#connection.reason
  }

  /** How many bytes can be read. */
  get readable(): number {
    return this.#connection.readable
  }

  /** How many bytes can be written. */
  get writable(): number {
    return this.#connection.writable
  }

  /** Whether nothing more will come: the peer has finished, or the connection has ended, and everything was read. */
  get isEnded(): boolean {
    return this.#connection.isEnded
  }

  /**
   * Sends bytes, also ahead of the handshake. They are copied.
   *
   * @returns how many were taken: fewer than given when the send buffer is full (a `writable` event follows), and none
   * after {@link shutdown} or the end.
   */
  write(bytes: Uint8Array, now: Instant): number {
    const count = this.#connection.write(bytes)
    this.#flush(now)
    return count
  }

  /** Moves bytes that have arrived to `into`, as many as there are and fit, and returns how many. */
  read(into: Uint8Array): number {
    const count = this.#connection.read(into)
    this.#flush(undefined) // at most a window update leaves, which no timer depends on
    return count
  }

  /** Takes all bytes that have arrived; empty if none have. */
  receive(): Uint8Array {
    const bytes = new Uint8Array(this.readable)
    this.read(bytes)
    return bytes
  }

  /** Says that nothing more will be written: what was written still arrives, and a FIN behind it. Reading goes on. */
  shutdown(now: Instant): void {
    this.#connection.shutdown()
    this.#flush(now)
  }

  /** Ends the connection at once with a reset. */
  abort(): void {
    this.#connection.abort()
    this.#flush(undefined)
  }
}
