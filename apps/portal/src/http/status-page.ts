import type { Flow, Portal, TableName, Tables } from '@sallyport/portal-core'
import { html } from 'hono/html'
import type { RecentChange } from '../database/recent-changes.ts'
import { STATUS_STYLE } from './status-style.ts'

type Html = ReturnType<typeof html>

/** How many authorizations are listed, the latest first. */
const MAX_FLOWS = 50

/** Renders who is online, what there is, who uses it, and what was changed last; the page renews itself. */
export function statusPage(portal: Portal, changes: readonly RecentChange[], now: Date): Html {
  const online = (table: 'gateways' | 'clients' | 'relays'): number =>
    portal.rows(table).filter(({ id }) => portal.isOnline(id)).length
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta http-equiv="refresh" content="5" />
        <title>Sallyport portal</title>
        <style>
          ${STATUS_STYLE}
        </style>
      </head>
      <body>
        <header>
          <h1>Sallyport portal</h1>
          <p>
            ${figure(online('gateways'), 'gateways online')} ${figure(online('clients'), 'clients online')}
            ${figure(online('relays'), 'relays online')} ${figure(portal.rows('flows').length, 'authorizations')}
            <small>${time(now.getTime())} UTC</small>
          </p>
        </header>
        ${portal.rows('accounts').map(account => accountSection(portal, account.id, account.name, now.getTime()))}
        <h2>Installation</h2>
        <h3>Relays</h3>
        ${table(
          ['Address', 'Name', 'Version', 'Presence'],
          portal
            .rows('relays')
            .map(({ id, name, ipv4, ipv6, port, lastSeen }) => [
              [ipv4 && `${ipv4}:${port}`, ipv6 && `[${ipv6}]:${port}`].filter(Boolean).join(', '),
              name ?? '',
              lastSeen.version,
              presence(portal, id, lastSeen.at),
            ]),
          'No relay has ever connected: clients behind strict NATs reach nothing.',
        )}
        <h3>Latest changes</h3>
        ${table(
          ['When (UTC)', 'What', 'Which'],
          changes.map(({ at, op, table, name }) => [time(at), `${OPERATIONS[op]} ${KINDS[table] ?? table}`, name]),
          'Nothing was changed yet.',
        )}
      </body>
    </html>`
}

function accountSection(portal: Portal, accountId: string, name: string, now: number): Html {
  const rows = <T extends TableName>(name: T): Tables[T][] =>
    portal.rows(name).filter(row => (row as { readonly accountId?: string | null }).accountId === accountId)
  const namesOf = (name: 'sites' | 'actors' | 'groups' | 'resources' | 'clients' | 'gateways'): Map<string, string> =>
    new Map(rows(name).map(row => [row.id, row.name]))
  const [sites, actors, groups, resources] = [
    namesOf('sites'),
    namesOf('actors'),
    namesOf('groups'),
    namesOf('resources'),
  ]
  const [clients, gateways] = [namesOf('clients'), namesOf('gateways')]
  const connections = rows('connections')
  const policies = rows('policies')
  const flows = rows('flows')
    .filter(({ expiresAt }) => expiresAt > now)
    .sort((a: Flow, b: Flow) => b.insertedAt - a.insertedAt)
  const device = (row: Tables['clients'] | Tables['gateways'], place: string): Cell[] => [
    place,
    row.name,
    row.ipv4,
    row.lastSeen.remoteIp,
    row.lastSeen.version,
    presence(portal, row.id, row.lastSeen.at),
  ]
  return html`<h2>${name}</h2>
    <h3>Sites and gateways</h3>
    ${table(
      ['Site', 'Gateway', 'Tunnel address', 'Public address', 'Version', 'Presence'],
      rows('sites').flatMap(site => {
        const here = rows('gateways').filter(({ siteId }) => siteId === site.id)
        if (here.length > 0) return here.map(gateway => device(gateway, site.name))
        return site.system ? [] : [[site.name, '', '', '', '', html`<span class="offline">no gateway</span>`]]
      }),
      'There is no site.',
    )}
    <h3>Clients</h3>
    ${table(
      ['Owner', 'Client', 'Tunnel address', 'Public address', 'Version', 'Presence'],
      rows('clients').map(client => device(client, actors.get(client.actorId) ?? '')),
      'No client has ever connected.',
    )}
    <h3>Resources and policies</h3>
    ${table(
      ['Resource', 'Address', 'Through', 'For'],
      rows('resources').map(resource => [
        resource.name,
        resource.address ?? 'the Internet',
        connections
          .filter(({ resourceId }) => resourceId === resource.id)
          .map(({ siteId }) => sites.get(siteId) ?? '')
          .join(', '),
        policies
          .filter(({ resourceId }) => resourceId === resource.id)
          .map(policy => `${groups.get(policy.groupId) ?? ''}${describePolicy(policy)}`)
          .join(', ') || html`<span class="offline">nobody</span>`,
      ]),
      'There is no resource.',
    )}
    <h3>Authorizations</h3>
    ${table(
      ['Client', 'may reach', 'through', 'until (UTC)'],
      flows
        .slice(0, MAX_FLOWS)
        .map(flow => [
          clients.get(flow.clientId) ?? '',
          resources.get(flow.resourceId) ?? '',
          gateways.get(flow.gatewayId) ?? '',
          time(flow.expiresAt),
        ]),
      'Nobody uses anything at the moment.',
    )}
    ${flows.length > MAX_FLOWS ? html`<p class="offline">and ${flows.length - MAX_FLOWS} more</p>` : ''}`
}

type Cell = string | Html

function table(columns: readonly string[], rows: readonly (readonly Cell[])[], whenEmpty: string): Html {
  if (rows.length === 0) return html`<p class="offline">${whenEmpty}</p>`
  return html`<table>
    <thead><tr>${columns.map(column => html`<th>${column}</th>`)}</tr></thead>
    <tbody>${rows.map(row => html`<tr>${row.map(cell => html`<td>${cell}</td>`)}</tr>`)}</tbody>
  </table>`
}

const figure = (count: number, what: string): Html => html`<span class="figure"><b>${count}</b> ${what}</span>`

const presence = (portal: Portal, id: string, at: number): Html =>
  portal.isOnline(id)
    ? html`<span class="online">● online</span>`
    : html`<span class="offline">○ since ${time(at)}</span>`

function describePolicy({ conditions, disabledAt }: Tables['policies']): string {
  if (disabledAt !== null) return ' (disabled)'
  return conditions.length > 0 ? ' (on conditions)' : ''
}

/** A date that no calendar knows stands for no end. */
function time(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? 'for ever' : date.toISOString().slice(0, 19).replace('T', ' ')
}

const OPERATIONS = { insert: 'new', update: 'changed', delete: 'deleted' } as const

const KINDS: Readonly<Record<string, string>> = {
  accounts: 'account',
  actors: 'actor',
  groups: 'group',
  sites: 'site',
  clients: 'client',
  gateways: 'gateway',
  resources: 'resource',
  policies: 'policy',
  tokens: 'token',
  relays: 'relay',
}
