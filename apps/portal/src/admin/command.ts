import type { Portal } from '@sallyport/portal-core'
import type { Instant } from '@sallyport/sans-io'

/** What an administrator's command takes: everything is text, or a list of texts, or is there or not. */
type ArgumentKind = 'text' | 'list' | 'flag'

/** One option of a command. */
export interface CommandOption {
  readonly name: string
  readonly kind: ArgumentKind
  readonly description: string
  readonly isRequired?: boolean
}

/** The values of a command's options, by name. Checked against the options before a command sees them. */
export class Arguments {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  /** Returns a text; throws if there is none. */
  text(name: string): string {
    const text = this.optional(name)
    if (text === undefined) throw new UsageError(`--${name} is missing`)
    return text
  }

  /** Returns a text, if there is one. */
  optional(name: string): string | undefined {
    return this.#values[name] as string | undefined
  }

  /** Returns a list, if it is there. */
  list(name: string): readonly string[] | undefined {
    return this.#values[name] as readonly string[] | undefined
  }

  /** Returns whether a flag is set. */
  flag(name: string): boolean {
    return this.#values[name] === true
  }

  /** Returns `true` or `false` if one of the two flags is set. */
  either(yes: string, no: string): boolean | undefined {
    return this.flag(yes) ? true : this.flag(no) ? false : undefined
  }
}

/** One command: `group` and `name` are how it is called. */
export interface Command {
  readonly group: string
  readonly name: string
  readonly description: string
  readonly options: readonly CommandOption[]
  /** Returns what is printed: an object, or rows of a table. */
  run(portal: Portal, args: Arguments, now: Instant): unknown
}

/** A command was not called as it wants to be. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** Stable, for matching. */
  readonly code = 'PORTAL_USAGE'
  /** What a program ends with that is called like this. */
  readonly exitCode = 2
}

/** Checks what came over the wire against a command's options. */
export function parseArguments(command: Command, values: unknown): Arguments {
  if (typeof values !== 'object' || values === null) throw new UsageError('arguments are missing')
  for (const [name, value] of Object.entries(values)) {
    const option = command.options.find(known => known.name === name)
    if (option === undefined) throw new UsageError(`--${name} is no option of ${command.group} ${command.name}`)
    if (!isOfKind(option.kind, value)) throw new UsageError(`--${name} is not a ${option.kind}`)
  }
  const missing = command.options.find(option => option.isRequired && !Object.hasOwn(values, option.name))
  if (missing !== undefined) throw new UsageError(`--${missing.name} is missing`)
  return new Arguments(values as Record<string, unknown>)
}

function isOfKind(kind: ArgumentKind, value: unknown): boolean {
  if (kind === 'list') return Array.isArray(value) && value.every(item => typeof item === 'string')
  return kind === 'flag' ? value === true : typeof value === 'string'
}

/** Makes options: `name!` is required, `name*` is a list, `name?` is a flag; behind a colon comes the description. */
export function options(...texts: readonly string[]): CommandOption[] {
  return texts.map(text => {
    const [, name, mark, description] = /^([a-z0-9-]+)([!*?]*): (.+)$/.exec(text)!
    const kind = mark!.includes('*') ? 'list' : mark!.includes('?') ? 'flag' : 'text'
    return { name: name!, kind, description: description!, isRequired: mark!.includes('!') }
  })
}
