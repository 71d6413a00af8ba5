/** Something that whoever runs the program can put right: one line, no stack. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
  /** Stable. */
  readonly code = 'OPERATOR'
  /** What the process ends with. */
  readonly exitCode: number

  /** @param message - A lower-case fact, with the path, address or name that matters. */
  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.exitCode = options.exitCode ?? 1
  }
}

/** Returns an error and its causes as one line. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let cause = error; cause !== undefined && cause !== null && parts.length < 8; ) {
    const message = cause instanceof Error ? cause.message : String(cause)
    if (!parts.some(part => part.includes(message))) parts.push(message)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return parts.join(': ').replace(/\s*\n\s*/g, ' ')
}
