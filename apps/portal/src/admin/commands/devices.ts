import type { Portal } from '@sallyport/portal-core'
import { type Command, options } from '../command.ts'
import { find } from '../find.ts'
import { deletion, listing } from './common.ts'

/** What has connected: clients, gateways and relays. */
export const DEVICE_COMMANDS: readonly Command[] = [
  listing('client', 'clients', 'list clients', withPresence),
  {
    group: 'client',
    name: 'update',
    description: 'rename a client, or vouch for it',
    options: options('client!: name or id', 'name: new name', 'verify?: vouch for it', 'unverify?: take that back'),
    run(portal, args, now) {
      const { id } = find(portal, 'clients', args.text('client'))
      const [name, verified] = [args.optional('name'), args.either('verify', 'unverify')]
      if (name !== undefined) portal.admin.renameClient(id, name, now)
      if (verified !== undefined) portal.admin.setClientVerified(id, verified, now)
      return withPresence(portal, find(portal, 'clients', id))
    },
  },
  deletion('client', 'clients', 'delete a client; the device is a new one when it comes back', (admin, id, now) =>
    admin.deleteClient(id, now),
  ),
  listing('gateway', 'gateways', 'list gateways', withPresence),
  deletion('gateway', 'gateways', 'delete a gateway; it is a new one when it comes back', (admin, id, now) =>
    admin.deleteGateway(id, now),
  ),
  {
    group: 'relay',
    name: 'list',
    description: 'list relays',
    options: [],
    run: portal => portal.rows('relays').map(relay => ({ ...relay, online: portal.isOnline(relay.id) })),
  },
  deletion('relay', 'relays', 'cut off a relay', (admin, id, now) => admin.deleteRelay(id, now)),
]

function withPresence<D extends { readonly id: string; readonly pskBase: string }>(portal: Portal, device: D): object {
  const { pskBase: _secret, ...columns } = device
  return { ...columns, online: portal.isOnline(device.id) }
}
