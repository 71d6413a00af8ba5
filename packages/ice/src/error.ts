/** An agent was given options that it can't work with. */
export class IceOptionsError extends RangeError {
  override readonly name = 'IceOptionsError'
  /** Stable, for programs. */
  readonly code = 'ICE_BAD_OPTIONS'
}
