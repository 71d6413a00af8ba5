/** Why a TUN device can't be had or set up. */
export type TunErrorCode =
  /** There is no `/dev/net/tun`, and it can't be made. */
  | 'TUN_NO_DEVICE'
  /** The process lacks CAP_NET_ADMIN, or may not open `/dev/net/tun`. */
  | 'TUN_NOT_PERMITTED'
  /** Another process has a device of that name. */
  | 'TUN_BUSY'
  /** This platform has none, or native code can't be loaded. */
  | 'TUN_UNSUPPORTED'
  /** Something else: see the message. */
  | 'TUN_FAILED'

/** A TUN device couldn't be opened or set up. The message is one line that an operator can act on. */
export class TunError extends Error {
  override readonly name = 'TunError'
  readonly code: TunErrorCode

  constructor(code: TunErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** The device node can't be opened, whatever else is permitted: there may be another way to a device. */
export class TunNodeError extends TunError {}
