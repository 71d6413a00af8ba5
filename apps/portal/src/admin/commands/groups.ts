import type { Admin } from '@sallyport/portal-core'
import type { Instant } from '@sallyport/sans-io'
import { type Command, options } from '../command.ts'
import { find } from '../find.ts'
import { creation, deletion, listing, renaming } from './common.ts'

/** Groups and who is in them. */
export const GROUP_COMMANDS: readonly Command[] = [
  listing('group', 'groups', 'list groups with their members', (portal, group) => {
    const memberships = portal.rows('memberships').filter(({ groupId }) => groupId === group.id)
    return { ...group, members: memberships.map(({ actorId }) => find(portal, 'actors', actorId).name) }
  }),
  creation('group', 'add a group', (admin, input, now) => admin.createGroup(input, now)),
  renaming('group', 'groups', (admin, id, name, now) => admin.renameGroup(id, name, now)),
  deletion('group', 'groups', 'delete a group with its policies', (admin, id, now) => admin.deleteGroup(id, now)),
  membership('add', 'put an actor into a group', (admin, groupId, actorId, now) =>
    admin.addMember(groupId, actorId, now),
  ),
  membership('remove', 'take an actor out of a group', (admin, groupId, actorId, now) => {
    admin.removeMember(groupId, actorId, now)
    return { groupId, actorId }
  }),
]

function membership(
  name: string,
  description: string,
  change: (admin: Admin, groupId: string, actorId: string, now: Instant) => unknown,
): Command {
  return {
    group: 'member',
    name,
    description,
    options: options('group!: name or id', 'actor!: name or id'),
    run(portal, args, now) {
      const group = find(portal, 'groups', args.text('group'))
      return change(portal.admin, group.id, find(portal, 'actors', args.text('actor')).id, now)
    },
  }
}
