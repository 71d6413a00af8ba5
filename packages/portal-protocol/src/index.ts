/**
 * What the portal and its peers say to each other: message types, schemas and parsers, ids, and the login URL.
 *
 * A message has one type in both directions: field names are those on the wire, and values such as addresses are parsed
 * but write themselves as JSON again. Who makes messages from text uses {@link Wire}.
 *
 * @packageDocumentation
 */
export * from './client.ts'
export * from './gateway.ts'
export * from './ids.ts'
export * from './login-url.ts'
export type { MessageDefect, MessageOf, ParseResult, SchemasOf, Skipped } from './message.ts'
export * from './relay.ts'
export * from './relay-server.ts'
export * from './resource.ts'
export {
  candidatesSchema,
  ipv4Schema,
  ipv6Schema,
  type Key,
  keyBytes,
  keyOf,
  keySchema,
  networkSchema,
  parseKey,
  socketAddressSchema,
  type UnixSeconds,
  unixSecondsSchema,
} from './scalar.ts'
export * from './shared.ts'
export * from './user-agent.ts'
export type { Wire } from './wire.ts'
