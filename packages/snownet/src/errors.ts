import type { ConnectionId } from './ids.ts'

/** What our caller did or has to react to. Told apart by class or {@link code}. */
export class SnownetError extends Error {
  override readonly name: string = 'SnownetError'
  /** A stable name for the kind of error. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** There is no relay to connect through: ask the portal for some, then try again. */
export class NoRelayError extends SnownetError {
  override readonly name = 'NoRelayError'
  /** The connection that could not be made; one that existed under this id is untouched. */
  readonly connection: ConnectionId

  constructor(connection: ConnectionId) {
    super('SNOWNET_NO_RELAY', `no relay is known to connect ${connection} through`)
    this.connection = connection
  }
}
