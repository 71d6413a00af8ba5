/** What our caller did wrong, with a stable {@link code} for programs. */
export class TurnClientError extends Error {
  override readonly name: string = 'TurnClientError'
  /** Stable, for programs. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Credentials that don't fit in STUN's attributes: no server can have issued them. */
export class InvalidCredentialsError extends TurnClientError {
  override readonly name = 'InvalidCredentialsError'
  /** What doesn't fit. */
  readonly field: 'username' | 'realm'

  constructor(field: 'username' | 'realm') {
    super('TURN_INVALID_CREDENTIALS', `the ${field} is too long`)
    this.field = field
  }
}
