/** What our caller did wrong, with a stable {@link code} for programs. */
export class TurnServerError extends Error {
  override readonly name: string = 'TurnServerError'
  /** Stable, for programs. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** A server without an address of either family can't relay anything. */
export class NoPublicAddressError extends TurnServerError {
  override readonly name = 'NoPublicAddressError'

  constructor() {
    super('TURN_NO_PUBLIC_ADDRESS', 'a relay needs a public IPv4 or IPv6 address')
  }
}
