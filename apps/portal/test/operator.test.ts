import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@sallyport/sans-io'
import { OperatorError } from '@sallyport/service'
import { afterAll, describe, expect, test } from 'vitest'
import { callAdminSocket } from '../src/admin/admin-socket.ts'
import { COLUMNS, columnName } from '../src/database/columns.ts'
import { openDatabase } from '../src/database/database.ts'
import { SqliteStore } from '../src/database/sqlite-store.ts'
import { parseListenAddress } from '../src/http/listen.ts'
import { formatObject, formatTable } from '../src/print.ts'
import { serve } from '../src/serve.ts'
import { TestPortal } from './running-portal.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-operator-'))
afterAll(() => rmSync(folder, { recursive: true }))
const logger = silentLogger

describe('the admin socket', () => {
  test('is its owner’s alone, and tells connected peers of each change', async () => {
    const portal = await TestPortal.start()
    try {
      const client = await portal.peer('client')
      await client.next('init')
      const call = (command: string, body: object = {}) => callAdminSocket(portal.socket, 'POST', `/${command}`, body)

      expect(statSync(portal.socket).mode & 0o777).toBe(0o600)
      const resource = (await call('resource/create', {
        name: 'Git',
        address: '*.git.acme.example',
        site: ['HQ'],
      })) as {
        id: string
      }
      await call('policy/create', { group: 'Everyone', resource: 'Git' })
      expect(await client.next('resource_created_or_updated')).toMatchObject({ id: resource.id, type: 'dns' })
      await call('resource/update', { resource: 'Git', filter: ['tcp/443', 'udp/8000-8100', 'icmp'] })
      expect((await client.next('resource_created_or_updated')).filters).toHaveLength(3)
      await call('resource/delete', { resource: 'Git' })
      expect(await client.next('resource_deleted')).toBe(resource.id)
    } finally {
      await portal.end()
    }
  })

  test('takes every kind of command, and refuses what makes no sense in one line', async () => {
    const portal = await TestPortal.start()
    try {
      const call = (command: string, body: object = {}): Promise<never> =>
        callAdminSocket(portal.socket, 'POST', `/${command}`, body) as Promise<never>
      const gateway = await portal.peer('gateway')
      const client = await portal.peer('client')

      await call('account/update', { name: 'Acme Inc', dns: ['1.1.1.1'], 'search-domain': 'acme.example' })
      expect(await call('account/list')).toMatchObject([{ name: 'Acme Inc', upstreamDns: ['1.1.1.1:53'] }])
      await call('actor/create', { name: 'Bob', email: 'bob@acme.example' })
      await call('actor/update', { actor: 'Bob', name: 'Rob' })
      await call('group/create', { name: 'Devs' })
      await call('group/rename', { group: 'Devs', name: 'Engineers' })
      await call('member/add', { group: 'Engineers', actor: 'Rob' })
      expect(await call('group/list')).toMatchObject([{ name: 'Everyone' }, { name: 'Engineers', members: ['Rob'] }])
      await call('member/remove', { group: 'Engineers', actor: 'Rob' })
      await call('site/create', { name: 'Branch' })
      await call('site/rename', { site: 'Branch', name: 'Depot' })
      expect(await call('site/list')).toMatchObject([{}, { name: 'HQ', online: 1 }, { name: 'Depot', online: 0 }])
      const condition = ['current_utc_datetime:is_in_day_of_week_time_ranges:M/9-17/UTC;T/9-17/UTC']
      const policy: { id: string } = await call('policy/create', {
        group: 'Engineers',
        resource: 'wiki.acme.example',
        condition,
      })
      expect(await call('policy/list')).toHaveLength(3)
      await call('policy/update', { policy: policy.id, condition: [''], disable: true })
      await call('policy/delete', { policy: policy.id })
      const token: { id: string; text: string } = await call('token/create-client', { actor: 'Rob', expires: '12h' })
      expect(token.text).toMatch(/^\.SFMyNTY\./)
      await call('token/create-gateway', { site: 'HQ', expires: '2099-01-31' })
      await call('token/create-relay')
      expect(JSON.stringify(await call('token/list'))).not.toMatch(/hash|salt/)
      await call('token/delete', { token: token.id })
      expect(await call('client/list')).toMatchObject([{ name: 'client', online: true }])
      await call('client/update', { client: 'client', name: 'laptop', verify: true })
      expect(JSON.stringify(await call('gateway/list'))).not.toContain('pskBase')
      await call('client/delete', { client: 'laptop' })
      await call('gateway/delete', { gateway: 'gateway' })
      await Promise.all([client.next('phx_close'), gateway.next('phx_close')])
      expect(await call('relay/list')).toEqual([])
      await call('group/delete', { group: 'Engineers' })
      await call('site/delete', { site: 'Depot' })
      await call('actor/delete', { actor: 'Rob' })
      const changes = (await callAdminSocket(portal.socket, 'GET', '/changes?limit=2')) as object[]
      expect(changes).toMatchObject([
        { table: 'actors', op: 'delete' },
        { table: 'memberships', op: 'delete' },
      ])

      const refusals: [string, object, RegExp][] = [
        ['site/create', { name: 'HQ' }, /^name: is taken$/],
        ['site/create', {}, /--name is missing/],
        ['site/create', { name: 1 }, /--name is not a text/],
        ['site/create', { name: 'x', colour: 'red' }, /--colour is no option/],
        ['site/delete', { site: 'nowhere' }, /nothing called "nowhere"/],
        ['actor/create', { name: 'x', type: 'robot' }, /is no type of actor/],
        ['token/create-client', { actor: 'Ada', expires: 'soon' }, /is no date/],
        ['policy/create', { group: 'Everyone', resource: 'Internet', condition: ['x'] }, /is no condition/],
        ['resource/create', { name: 'x', address: '0.0.0.0/0', site: ['HQ'] }, /Internet Resource/],
        ['no/command', {}, /no such command/],
      ]
      for (const [command, body, message] of refusals) {
        await expect(call(command, body), command).rejects.toThrow(message)
      }
    } finally {
      await portal.end()
    }
  })

  test('of a portal that is not running is one line', async () => {
    await expect(callAdminSocket(join(folder, 'none.sock'), 'GET', '/changes')).rejects.toThrow(
      /^no portal is running at /,
    )
  })

  test('takes the place of one that a killed portal left, but of nothing else', async () => {
    const adminSocket = join(folder, 'stale.sock')
    const options = { database: join(folder, 'a.sqlite'), listen: '127.0.0.1:0', adminSocket, logger }
    const first = await serve(options)
    const second = serve({ ...options, database: join(folder, 'b.sqlite') })
    await expect(second).rejects.toThrow(/another portal serves/)
    await first.close()
    writeFileSync(adminSocket, '')
    await expect(serve(options)).rejects.toThrow(/is not a socket/)
    rmSync(adminSocket)
    const child = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(adminSocket)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ])
    await once(child, 'exit')
    expect(statSync(adminSocket).isSocket()).toBe(true)
    await (await serve(options)).close()
  })
})

describe('an operator’s mistake is one line', () => {
  test.each(['8080', 'x:y', '[::]', '1.2.3.4:70000', ':::80'])('where to listen: %s', text => {
    expect(() => parseListenAddress(text)).toThrow(OperatorError)
  })

  test('a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const options = { database: join(folder, 'taken.sqlite'), listen: `127.0.0.1:${port}`, logger }

    await expect(serve(options)).rejects.toThrow(`127.0.0.1:${port} is in use by another process`)
    await new Promise(resolve => server.close(resolve))
    await (await serve(options)).close() // nothing was left open
  })

  test('an address of another machine, or a proxy that is none', async () => {
    const database = join(folder, 'address.sqlite')
    await expect(serve({ database, listen: '192.0.2.1:8080', logger })).rejects.toThrow(/no address of this machine/)
    await expect(serve({ database, listen: '[::]:0', trustedProxies: ['x'], logger })).rejects.toThrow(/no network/)
  })

  test('a database that is in use, is none, or can not be written', async () => {
    const path = join(folder, 'used.sqlite')
    const database = await openDatabase(path)
    await expect(openDatabase(path)).rejects.toThrow(/is in use by another process/)
    await database.close()
    const text = join(folder, 'text.sqlite')
    writeFileSync(text, 'not a database, but long enough to look at '.repeat(20))
    await expect(openDatabase(text)).rejects.toThrow(/is not a database/)
    await expect(openDatabase('/dev/null/portal.sqlite')).rejects.toThrow(OperatorError)
  })
})

describe('the database', () => {
  test('is for its owner alone, keeps what was committed, and has a column for each of a row', async () => {
    const portal = await TestPortal.start()
    try {
      await portal.peer('gateway')
      await portal.peer('client')
      const { host } = portal.running
      const before = Object.fromEntries(
        Object.keys(COLUMNS).map(table => [table, host.portal.rows(table as 'clients')]),
      )
      expect(statSync(portal.database).mode & 0o777).toBe(0o600)
      await portal.running.close()

      const database = await openDatabase(portal.database)
      const stored = new SqliteStore(database.connection).load() as Record<string, readonly object[]>
      for (const [table, rows] of Object.entries(before)) {
        expect(stored[table], table).toEqual(expect.arrayContaining([...rows]))
        expect(stored[table], table).toHaveLength(rows.length)
        const columns = database.connection.prepare(`SELECT name FROM pragma_table_info('${table}')`).all()
        const expected = Object.keys(COLUMNS[table as 'clients']).map(columnName)
        expect(columns.map(column => column['name']).sort()).toEqual(expected.sort())
      }
      const secrets = [...host.portal.rows('clients'), ...host.portal.rows('gateways')].map(row => row.pskBase)
      const log = JSON.stringify(await database.queries.selectFrom('changes').selectAll().execute())
      for (const secret of secrets) expect(log).not.toContain(secret)
      await database.close()
    } finally {
      await portal.open()
      await portal.end()
    }
  })

  test('takes a failed transaction back as a whole', async () => {
    const database = await openDatabase(':memory:')
    const store = new SqliteStore(database.connection)
    const group = { id: 'g', accountId: 'nobody', name: 'x', managed: false }
    const relay = { id: 'r', name: null, ipv4: '203.0.113.1', ipv6: null, port: 1, lastSeen: {} as never }
    const changes = [
      { table: 'relays', old: undefined, new: relay },
      { table: 'groups', old: undefined, new: group },
    ] as const
    expect(() => store.commit(changes, 0)).toThrow(/FOREIGN KEY/)
    expect(store.load()).toMatchObject({ relays: [], groups: [] })
    await database.close()
  })
})

describe('web pages', () => {
  test('the health check says that all is well, and the status page who is online', async () => {
    const portal = await TestPortal.start()
    try {
      expect(await (await fetch(`${portal.url}/healthz`)).json()).toEqual({ status: 'ok' })
      const client = await portal.peer('client', { name: '<b>laptop</b>' })
      const online = await (await fetch(portal.url)).text()
      expect(online).toContain('&lt;b&gt;laptop&lt;/b&gt;')
      expect(online).toContain('● online')
      expect(online).toContain('wiki.acme.example') // a resource
      expect(online).toMatch(/new (account|policy|resource|site|token)/) // a change
      client.ws.close()
      await client.closed()
      expect(await (await fetch(portal.url)).text()).not.toContain('● online')
      expect((await fetch(portal.url, { headers: { 'x-forwarded-for': '192.0.2.1' } })).status).toBe(403)
    } finally {
      await portal.end()
    }
  })

  test.each(['//', 'http://[', '/client/websocket?%zz', '/'])(
    'a stranger who upgrades %s is refused, no more',
    async path => {
      const portal = await TestPortal.start()
      try {
        const { port } = new URL(portal.url)
        const stream = connect(Number(port), '127.0.0.1')
        stream.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`)
        const [answer] = await once(stream, 'data')
        expect(String(answer)).toMatch(/^HTTP\/1.1 4\d\d /)
        stream.destroy()
        expect((await fetch(`${portal.url}/healthz`)).status).toBe(200)
      } finally {
        await portal.end()
      }
    },
  )

  test('the status page opens to those who know its password', async () => {
    const portal = await TestPortal.start({ statusPassword: 'open sesame' })
    try {
      const get = async (password?: string): Promise<number> => {
        const headers: Record<string, string> =
          password === undefined ? {} : { authorization: `Basic ${Buffer.from(`me:${password}`).toString('base64')}` }
        return (await fetch(portal.url, { headers })).status
      }
      expect([await get(), await get('wrong'), await get('open sesame')]).toEqual([401, 401, 200])
    } finally {
      await portal.end()
    }
  })

  test('only a trusted proxy is believed where a peer is', async () => {
    const seen = async (trustedProxies: string[]): Promise<object> => {
      const portal = await TestPortal.start({ trustedProxies })
      try {
        const { WebSocket } = await import('ws')
        const headers = {
          'user-agent': 'x connlib/1.5.8',
          'x-forwarded-for': '198.51.100.9, 203.0.113.5, 127.0.0.1',
          'x-geo-location-region': 'DE',
        }
        const ws = new WebSocket(portal.peerUrl('client'), { headers })
        await once(ws, 'open')
        ws.terminate()
        const { remoteIp, region } = portal.running.host.portal.rows('clients')[0]!.lastSeen
        return { remoteIp, region }
      } finally {
        await portal.end()
      }
    }
    expect(await seen([])).toEqual({ remoteIp: '127.0.0.1', region: null })
    expect(await seen(['127.0.0.0/8'])).toEqual({ remoteIp: '203.0.113.5', region: 'DE' })
  })
})

describe('the program', () => {
  const run = async (...args: string[]): Promise<{ code: number | null; out: string; err: string }> => {
    const main = new URL('../src/main.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--conditions=development', main, ...args])
    let [out, err] = ['', '']
    child.stdout.on('data', chunk => (out += chunk))
    child.stderr.on('data', chunk => (err += chunk))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out, err }
  }

  const SOCKET = join(folder, 'wrong.sock')
  test.each([
    [2, ['serve', '--nope']],
    [2, ['serve', '--listen', 'x']],
    [2, ['serve', '--log-level', 'loud']],
    [2, ['serve', '--max-peers', 'many']],
    [2, ['serve', '--trusted-proxies', '1.2.3']],
    [1, ['serve', '--database', '/proc/none/portal.sqlite']],
    [1, ['serve', '--database', ':memory:', '--admin-socket', '/proc/none/portal.sock']],
    [1, ['serve', '--database', ':memory:', '--listen', '192.0.2.1:80', '--admin-socket', SOCKET]],
    [1, ['bootstrap', '--database', '/proc/none/portal.sqlite']],
    [2, ['bootstrap', '--database', ':memory:', '--client-expires', 'soon']],
    [1, ['admin', '--socket', SOCKET, 'site', 'list']],
  ])('ends with %i and one line when called by %j', { timeout: 30_000 }, async (code, args) => {
    expect(await run(...args)).toEqual({ code, out: '', err: expect.stringMatching(/^error: [^\n]+\n$/) })
  })

  test('bootstraps once, serves, obeys, survives being killed, and says what is wrong in one line', async () => {
    const database = join(folder, 'program.sqlite')
    const socket = join(folder, 'program.sock')
    const made = await run('bootstrap', '--json', '--database', database, '--resource', '10.1.0.0/24')
    expect(made.code, made.err).toBe(0)
    expect(JSON.parse(made.out)).toMatchObject({ gatewayToken: expect.any(String), relayToken: expect.any(String) })
    const again = await run('bootstrap', '--database', database)
    expect(again).toMatchObject({ code: 1, err: expect.stringMatching(/^error: [^\n]+ exists[^\n]*\n$/) })

    const main = new URL('../src/main.ts', import.meta.url).pathname
    const args = ['--conditions=development', main, 'serve', '--database', database, '--listen', '127.0.0.1:0']
    const start = async () => {
      const child = spawn(process.execPath, [...args, '--admin-socket', socket, '--log-format', 'json'])
      await new Promise<void>(resolve =>
        child.stdout.on('data', data => String(data).includes('listening') && resolve()),
      )
      return child
    }
    const killed = await start()
    const site = await run('admin', '--socket', socket, '--json', 'site', 'create', '--name', 'Branch')
    expect(site.code, site.err).toBe(0)
    killed.kill('SIGKILL')
    await once(killed, 'exit')

    const child = await start()
    const list = await run('admin', '--socket', socket, 'site', 'list')
    expect(list.out).toContain(JSON.parse(site.out).id)
    expect(await run('admin', '--socket', socket, 'site', 'create')).toMatchObject({ code: 2 })
    expect(await run('admin', '--socket', socket, 'site', 'create', '--name', 'Branch')).toMatchObject({
      code: 1,
      err: 'error: name: is taken\n',
    })
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  }, 60_000)
})

test('results are printed as lines or as tables', () => {
  expect(formatObject({ id: '1', name: 'x', at: null })).toBe('id    1\nname  x\nat    -')
  expect(formatTable([])).toBe('none')
  expect(formatTable([{ id: '1', accountId: 'a', sites: ['x'] }])).toBe('id  sites\n1   ["x"]')
})
