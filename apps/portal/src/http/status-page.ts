import type { Portal, TableName } from '@sallyport/portal-core'
import { html } from 'hono/html'

type Html = ReturnType<typeof html>

/** Renders who is online, and what there is; the page renews itself. */
export function statusPage(portal: Portal, now: Date): Html {
  const count = (table: TableName): number => portal.rows(table).length
  const accounts = portal.rows('accounts').map(account => accountSection(portal, account.id, account.name))
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta http-equiv="refresh" content="5" />
        <title>Sallyport portal</title>
        <style>
          body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
          table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem }
          th, td { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #ddd }
          .online { color: #067647 } .offline { color: #98a2b3 }
          small { color: #667085 }
        </style>
      </head>
      <body>
        <h1>Sallyport portal</h1>
        <p><small>${now.toISOString()} · ${portal.connections} connections · ${count('flows')} authorizations</small></p>
        ${accounts}
        <h2>Relays</h2>
        ${deviceTable(
          portal,
          portal.rows('relays').map(({ id, name, ipv4, ipv6, port, lastSeen }) => ({
            id,
            name: name ?? '',
            place: [ipv4 && `${ipv4}:${port}`, ipv6 && `[${ipv6}]:${port}`].filter(Boolean).join(', '),
            lastSeen,
          })),
          'Address',
        )}
      </body>
    </html>`
}

interface Device {
  readonly id: string
  readonly name: string
  readonly place: string
  readonly lastSeen: { readonly version: string; readonly remoteIp: string; readonly at: number }
}

function accountSection(portal: Portal, accountId: string, name: string): Html {
  const inAccount = <R extends { readonly accountId: string }>(rows: readonly R[]): R[] =>
    rows.filter(row => row.accountId === accountId)
  const nameOf = (table: 'sites' | 'actors' | 'groups' | 'resources', id: string): string =>
    portal.rows(table).find(row => row.id === id)?.name ?? ''
  const policies = inAccount(portal.rows('policies'))
  return html`<h2>${name}</h2>
    <h3>Gateways</h3>
    ${deviceTable(
      portal,
      inAccount(portal.rows('gateways')).map(row => ({ ...row, place: nameOf('sites', row.siteId) })),
      'Site',
    )}
    <h3>Clients</h3>
    ${deviceTable(
      portal,
      inAccount(portal.rows('clients')).map(row => ({ ...row, place: nameOf('actors', row.actorId) })),
      'Owner',
    )}
    <h3>Policies</h3>
    <table>
      <tr><th>Group</th><th>may reach</th><th>Address</th><th></th></tr>
      ${policies.map(
        policy => html`<tr>
          <td>${nameOf('groups', policy.groupId)}</td>
          <td>${nameOf('resources', policy.resourceId)}</td>
          <td>${portal.rows('resources').find(row => row.id === policy.resourceId)?.address ?? ''}</td>
          <td>${policy.disabledAt === null ? '' : 'disabled'}</td>
        </tr>`,
      )}
    </table>`
}

function deviceTable(portal: Portal, devices: readonly Device[], place: string): Html {
  return html`<table>
    <tr><th>Name</th><th>${place}</th><th>Version</th><th>Public address</th><th>Presence</th></tr>
    ${devices.map(
      device => html`<tr>
        <td>${device.name}</td>
        <td>${device.place}</td>
        <td>${device.lastSeen.version}</td>
        <td>${device.lastSeen.remoteIp}</td>
        <td>${presence(portal.isOnline(device.id), device.lastSeen.at)}</td>
      </tr>`,
    )}
  </table>`
}

const presence = (isOnline: boolean, at: number): Html =>
  isOnline
    ? html`<span class="online">● online</span>`
    : html`<span class="offline">○ since ${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}</span>`
