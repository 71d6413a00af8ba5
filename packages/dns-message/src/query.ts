import { CLASS_IN, FLAG_RECURSION_DESIRED, FLAG_RESPONSE, type ResponseCode } from './constants.ts'
import type { DomainName } from './domain-name.ts'
import type { DnsDefect, DnsMessage, DnsRecord, Question, RecordData } from './message.ts'
import { parseMessage } from './parse-message.ts'

/** A message with exactly one question. */
export interface OneQuestion {
  readonly message: DnsMessage
  readonly question: Question
}

/** Parses a query: a message that is no response, with exactly one question. Never throws. */
export function parseQuery(bytes: Uint8Array): OneQuestion | DnsDefect {
  const message = parseMessage(bytes)
  if (typeof message === 'string') return message
  return (message.flags & FLAG_RESPONSE) === 0 ? withOneQuestion(message) : 'not-a-query'
}

/** Parses a response: a message that says that it is one, with exactly one question. Never throws. */
export function parseResponse(bytes: Uint8Array): OneQuestion | DnsDefect {
  const message = parseMessage(bytes)
  if (typeof message === 'string') return message
  return (message.flags & FLAG_RESPONSE) !== 0 ? withOneQuestion(message) : 'not-a-response'
}

/** Returns whether `response` answers `query`: with its id, for the same question. Never throws. */
export function isResponseTo(query: OneQuestion, response: OneQuestion): boolean {
  const [asked, answered] = [query.question, response.question]
  return (
    query.message.id === response.message.id &&
    asked.type === answered.type &&
    asked.class === answered.class &&
    asked.name.equals(answered.name)
  )
}

/** Makes a query that asks for recursion. */
export function makeQuery(id: number, name: DomainName, type: number): DnsMessage {
  const questions = [{ name, type, class: CLASS_IN }]
  return { id, flags: FLAG_RECURSION_DESIRED, questions, answers: [], authorities: [], additionals: [] }
}

/**
 * Makes the response to a query from ourselves: its id, opcode and question, nothing but `answers`, no EDNS.
 *
 * It neither claims authority nor that recursion is available.
 */
export function makeResponse(
  query: OneQuestion,
  code: (typeof ResponseCode)[keyof typeof ResponseCode],
  answers: readonly DnsRecord[] = [],
): DnsMessage {
  const { id, flags } = query.message
  return {
    id,
    flags: FLAG_RESPONSE | (flags & (OPCODE | FLAG_RECURSION_DESIRED)) | code,
    questions: [query.question],
    answers,
    authorities: [],
    additionals: [],
  }
}

/** Makes a record of the Internet's class. `ttl` is in seconds. */
export const makeRecord = (name: DomainName, type: number, ttl: number, data: RecordData): DnsRecord => ({
  name,
  type,
  class: CLASS_IN,
  ttl,
  data,
})

/** Returns the response code of a message, without EDNS's upper bits. */
export const responseCodeOf = (message: DnsMessage): number => message.flags & 0x0f

const OPCODE = 0x7800

function withOneQuestion(message: DnsMessage): OneQuestion | DnsDefect {
  const [question, more] = message.questions
  return question === undefined || more !== undefined ? 'not-one-question' : { message, question }
}
