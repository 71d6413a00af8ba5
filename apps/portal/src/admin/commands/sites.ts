import type { Command } from '../command.ts'
import { creation, deletion, listing, renaming } from './common.ts'

/** Sites. */
export const SITE_COMMANDS: readonly Command[] = [
  listing('site', 'sites', 'list sites, with how many of their gateways are online', (portal, site) => {
    const gateways = portal.rows('gateways').filter(({ siteId }) => siteId === site.id)
    return { ...site, online: gateways.filter(({ id }) => portal.isOnline(id)).length }
  }),
  creation('site', 'add a site', (admin, input, now) => admin.createSite(input, now)),
  renaming('site', 'sites', (admin, id, name, now) => admin.renameSite(id, name, now)),
  deletion('site', 'sites', 'delete a site with its gateways and tokens', (admin, id, now) =>
    admin.deleteSite(id, now),
  ),
]
