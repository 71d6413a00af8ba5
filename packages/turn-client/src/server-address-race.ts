import type { SocketAddress } from '@sallyport/sans-io'

/** Where a TURN server listens: on IPv4, on IPv6, or on both. */
export interface ServerAddresses {
  readonly v4?: SocketAddress | undefined
  readonly v6?: SocketAddress | undefined
}

/** Decides which of a server's addresses is used: whichever answers first. */
export class ServerAddressRace {
  /** All addresses of the server. */
  readonly addresses: readonly SocketAddress[]
  #active: SocketAddress | undefined
  #isOpen = true

  constructor(server: ServerAddresses) {
    this.addresses = [server.v4, server.v6].filter(address => address !== undefined)
  }

  /** The address that won, or `undefined` while none has. */
  get active(): SocketAddress | undefined {
    return this.#active
  }

  /** Returns whether `address` is one of the server's. */
  includes(address: SocketAddress): boolean {
    return this.addresses.some(own => own.equals(address))
  }

  /** Notes that `address` has answered. Returns whether it thereby won. */
  answered(address: SocketAddress): boolean {
    if (!this.#isOpen) return false
    this.#active = address
    this.#isOpen = false
    return true
  }

  /** Forgets the winner: the race is open again. */
  restart(): void {
    this.#active = undefined
    this.#isOpen = true
  }

  /** Opens the race again; the winner is used until there is another one. */
  reopen(): void {
    this.#isOpen = true
  }
}
