/** A command that the stack can't carry out. Match on the class or on `code`, never on the text. */
export class NetStackError extends Error {
  override readonly name: string = 'NetStackError'
  /** Stable across versions. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Another socket has that address already, or a connection between those two addresses exists. */
export class AddressInUseError extends NetStackError {
  override readonly name = 'AddressInUseError'

  constructor(address: string) {
    super('NETSTACK_ADDRESS_IN_USE', `${address} is in use`)
  }
}

/** Every ephemeral port of an address is in use. */
export class NoFreePortError extends NetStackError {
  override readonly name = 'NoFreePortError'

  constructor(ip: string) {
    super('NETSTACK_NO_FREE_PORT', `no free port on ${ip}`)
  }
}

/** The stack holds as many sockets as it may. */
export class TooManySocketsError extends NetStackError {
  override readonly name = 'TooManySocketsError'

  constructor(limit: number) {
    super('NETSTACK_TOO_MANY_SOCKETS', `there are ${limit} sockets already`)
  }
}
