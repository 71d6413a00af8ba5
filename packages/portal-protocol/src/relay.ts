/**
 * What the portal and a relay say to each other on the topic `relay`.
 *
 * @module
 */
import type { Brand } from '@sallyport/sans-io'
import { z } from 'zod'
import { type MessageOf, type ParseResult, parseBy, type SchemasOf } from './message.ts'
import { emptySchema } from './shared.ts'

/** The secret that a relay draws at its start and that TURN credentials are made with: 64 lower-case hex digits. */
export type StampSecret = Brand<string, 'StampSecret'>

/** What a relay joins with. */
export interface RelayJoin {
  readonly stamp_secret: StampSecret
}

/** What the portal tells a relay: payloads by event. */
export interface PortalToRelayPayloads {
  /** After the join. */
  readonly init: Readonly<Record<string, never>>
}

/** A message from the portal to a relay. A relay says nothing but its join and heartbeats. */
export type PortalToRelay = MessageOf<PortalToRelayPayloads>

/** Parses what the portal told a relay. Never throws. */
export const parsePortalToRelay = (event: string, payload: unknown): ParseResult<PortalToRelay> =>
  parseBy(portalToRelaySchemas, event, payload)

/** Parses the payload of a relay's join, or returns `undefined` if it isn't one. Never throws. */
export const parseRelayJoin = (payload: unknown): RelayJoin | undefined => relayJoinSchema.safeParse(payload).data

/** Schemas of {@link PortalToRelayPayloads}. */
export const portalToRelaySchemas: SchemasOf<PortalToRelayPayloads> = { init: emptySchema }

/** Schema of {@link RelayJoin}. Any text that isn't empty will do as a secret: the portal only passes it through. */
export const relayJoinSchema: z.ZodType<RelayJoin> = z.object({
  stamp_secret: z
    .string()
    .min(1)
    .max(1024)
    .transform(text => text as StampSecret),
})
