/** Something that the operator did wrong or can put right: shown as one line, without a stack. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
  /** Stable, for matching. */
  readonly code = 'PORTAL_OPERATOR'
}
