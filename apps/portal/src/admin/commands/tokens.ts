import { type Command, options } from '../command.ts'
import { find } from '../find.ts'
import { parseExpiry } from '../text-forms.ts'
import { deletion, listing } from './common.ts'

/** Tokens. */
export const TOKEN_COMMANDS: readonly Command[] = [
  listing('token', 'tokens', 'list tokens, without their texts, which nobody knows', (_, token) => {
    const { salt: _salt, hash: _hash, remainingAttempts: _attempts, ...shown } = token
    return shown
  }),
  {
    group: 'token',
    name: 'create-client',
    description: 'make a token for the clients of an actor; it is shown once',
    options: options('actor!: name or id', 'expires!: date or length of time, such as 2026-01-31 or 7d', 'name: name'),
    run: (portal, args, now) =>
      portal.admin.createClientToken(
        {
          actorId: find(portal, 'actors', args.text('actor')).id,
          name: args.optional('name') ?? 'client',
          expiresAt: parseExpiry(args.text('expires'), Date.now()),
        },
        now,
      ),
  },
  {
    group: 'token',
    name: 'create-gateway',
    description: 'make a token for the gateways of a site; it is shown once',
    options: options('site!: name or id', 'expires: date or length of time; never if left out', 'name: name'),
    run: (portal, args, now) =>
      portal.admin.createGatewayToken(
        {
          siteId: find(portal, 'sites', args.text('site')).id,
          name: args.optional('name') ?? 'gateways',
          expiresAt: optionalExpiry(args.optional('expires')),
        },
        now,
      ),
  },
  {
    group: 'token',
    name: 'create-relay',
    description: 'make a token for relays; it is shown once',
    options: options('expires: date or length of time; never if left out', 'name: name'),
    run: (portal, args, now) =>
      portal.admin.createRelayToken(
        { name: args.optional('name') ?? 'relays', expiresAt: optionalExpiry(args.optional('expires')) },
        now,
      ),
  },
  deletion('token', 'tokens', 'delete a token; who is connected with it is cut off', (admin, id, now) =>
    admin.deleteToken(id, now),
  ),
]

const optionalExpiry = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseExpiry(text, Date.now())
