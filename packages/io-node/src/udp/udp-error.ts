/** A UDP socket couldn't be opened: the port is taken, or we are not allowed to. */
export class UdpOpenError extends Error {
  override readonly name = 'UdpOpenError'
  readonly code = 'UDP_OPEN_FAILED'
  /** The system's name of the reason, such as `EADDRINUSE`. */
  readonly reason: string

  constructor(what: string, reason: string) {
    super(`can't open a UDP socket: ${what}: ${reason}`)
    this.reason = reason
  }
}
