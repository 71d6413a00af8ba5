import type { IpAddress, SocketAddress } from '@sallyport/sans-io'
import { z } from 'zod'
import { type RelayId, relayIdSchema } from './ids.ts'
import { socketAddressSchema, type UnixSeconds, unixSecondsSchema } from './scalar.ts'
import type { Wire } from './wire.ts'

/** The realm of every relay's credentials. */
export const RELAY_REALM = 'firezone'

/** A relay as the portal lists it: one object per address family. */
export type RelayObject =
  | {
      readonly type: 'turn'
      readonly id: RelayId
      readonly addr: SocketAddress
      readonly username: string
      readonly password: string
      readonly expires_at: UnixSeconds
    }
  | { readonly type: 'stun'; readonly id: RelayId; readonly addr: SocketAddress }

/** A relay with all its addresses; at least one is set. */
export interface RelayServer {
  readonly id: RelayId
  readonly v4: SocketAddress | undefined
  readonly v6: SocketAddress | undefined
  readonly username: string
  readonly password: string
  /** Always {@link RELAY_REALM}. */
  readonly realm: string
}

/** Schema of a {@link RelayObject}: one of an unknown type makes its whole message unusable, as in the original. */
export const relayObjectSchema: z.ZodType<RelayObject> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('turn'),
    id: relayIdSchema,
    addr: socketAddressSchema,
    username: z.string(),
    password: z.string(),
    expires_at: unixSecondsSchema,
  }),
  z.object({ type: z.literal('stun'), id: relayIdSchema, addr: socketAddressSchema }),
])

/**
 * Returns the relays that `objects` stand for.
 *
 * Adjacent objects of one id are one dual-stack relay, with the credentials of the last; a second address of one family
 * is ignored and told to `onDuplicate`. Those without TURN are left out.
 */
export function mergeRelays(
  objects: readonly RelayObject[],
  onDuplicate?: (relay: RelayId) => void,
): readonly RelayServer[] {
  const relays: RelayServer[] = []
  for (const object of objects) {
    if (object.type === 'stun') continue
    const field = object.addr.family === 4 ? 'v4' : 'v6'
    const last = relays.at(-1)
    if (last?.id !== object.id) relays.push({ v4: undefined, v6: undefined, [field]: object.addr, ...login(object) })
    else if (last[field] === undefined) relays[relays.length - 1] = { ...last, [field]: object.addr, ...login(object) }
    else onDuplicate?.(object.id)
  }
  return relays
}

/** Returns the objects that the portal lists for one relay: one per address family, IPv4 first. */
export function relayObjects(
  relay: {
    readonly id: RelayId
    readonly ipv4: IpAddress | undefined
    readonly ipv6: IpAddress | undefined
    readonly port: number
  },
  credentials: { readonly username: string; readonly password: string; readonly expires_at: UnixSeconds },
): readonly WireTurnObject[] {
  const addresses = [relay.ipv4 && `${relay.ipv4}:${relay.port}`, relay.ipv6 && `[${relay.ipv6}]:${relay.port}`]
  return addresses
    .filter(addr => addr !== undefined)
    .map(addr => ({ id: relay.id, type: 'turn', addr, ...credentials }))
}

type WireTurnObject = Wire<Extract<RelayObject, { type: 'turn' }>>

function login(object: Extract<RelayObject, { type: 'turn' }>): Omit<RelayServer, 'v4' | 'v6'> {
  return { id: object.id, username: object.username, password: object.password, realm: RELAY_REALM }
}
