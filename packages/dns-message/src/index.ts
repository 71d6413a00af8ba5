/**
 * DNS messages and domain names: read from strangers, and written.
 *
 * ```text
 *  0    2       4        6         8           10           12
 *  ├ id ┼ flags ┼ counts of questions, answers, authorities, additionals ┼ questions … ┼ records … ┤
 * ```
 *
 * @packageDocumentation
 */
export {
  CLASS_IN,
  FLAG_AUTHORITATIVE,
  FLAG_RECURSION_AVAILABLE,
  FLAG_RECURSION_DESIRED,
  FLAG_RESPONSE,
  FLAG_TRUNCATED,
  MAX_MESSAGE_LENGTH,
  RecordType,
  ResponseCode,
} from './constants.ts'
export { DomainName, MAX_NAME_LENGTH } from './domain-name.ts'
export { type EncodeOptions, encodeMessage } from './encode-message.ts'
export type { DnsDefect, DnsMessage, DnsRecord, Edns, Parameter, Question, RecordData } from './message.ts'
export { ednsOf, parseMessage } from './parse-message.ts'
export {
  isResponseTo,
  makeQuery,
  makeRecord,
  makeResponse,
  type OneQuestion,
  parseQuery,
  parseResponse,
  responseCodeOf,
} from './query.ts'
export { parseReverseName, reverseName } from './reverse-name.ts'
export { truncateMessage } from './truncate.ts'
