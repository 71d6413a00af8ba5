import type { z } from 'zod'

/** The messages of one direction of a channel, told apart by `event`, of a table of their payloads. */
export type MessageOf<Payloads> = {
  readonly [Event in keyof Payloads]: { readonly event: Event; readonly payload: Payloads[Event] }
}[keyof Payloads]

/** A schema for each payload of such a table. */
export type SchemasOf<Payloads> = { readonly [Event in keyof Payloads]: z.ZodType<Payloads[Event]> }

/** Why a message could not be used. Nothing of it but the name of its event is worth keeping. */
export type MessageDefect =
  /** No such event on this channel. */
  | { readonly type: 'unknown-event'; readonly event: string }
  /** The payload lacks something or has something in the wrong shape; `where` lists the paths. */
  | { readonly type: 'bad-payload'; readonly event: string; readonly where: string }

/** An element that was left out of a list without spoiling the rest of its message. */
export interface Skipped {
  /** An unknown kind is for later versions and not worth a warning; a known one in a bad shape is. */
  readonly type: 'unknown-type' | 'bad-element'
  /** Which element: its id where it has one. */
  readonly what: string
}

/** What became of a message. */
export type ParseResult<Message> =
  | { readonly message: Message; readonly skipped: readonly Skipped[] }
  | { readonly defect: MessageDefect }

/** Parses `payload` by the schema of `event`. Never throws. */
export function parseBy<Payloads>(
  schemas: SchemasOf<Payloads>,
  event: string,
  payload: unknown,
): ParseResult<MessageOf<Payloads>> {
  const schema = Object.hasOwn(schemas, event) ? schemas[event as keyof Payloads] : undefined
  if (schema === undefined) return { defect: { type: 'unknown-event', event } }
  skipped = []
  const parsed = schema.safeParse(payload)
  if (parsed.success) return { message: { event: event as keyof Payloads, payload: parsed.data }, skipped }
  const where = parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  return { defect: { type: 'bad-payload', event, where } }
}

/** Notes that an element is left out of the message that is being parsed. */
export function noteSkipped(what: Skipped): void {
  skipped.push(what)
}

// Parsing is synchronous, so the elements left out can be noted here while the schemas run.
let skipped: Skipped[] = []
