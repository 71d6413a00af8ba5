import { readFileSync, writeFileSync } from 'node:fs'
import type { Scenario } from '../lab/scenario.ts'
import { PAGE } from '../tools/page.ts'
import { lookUp, startDnsWorld } from '../world/dns.ts'
import { script } from '../world/script.ts'
import type { World } from '../world/world.ts'

/** Resources by name. */
export const names: readonly Scenario[] = [
  {
    name: 'dns-resource',
    claim: 'a name of a resource leads to it over IPv4 and IPv6, and other names are resolved as before',
    quick: true,
    async run(lab) {
      const { world } = await startDnsWorld(lab, ['intranet.corp.example'])
      const start = performance.now()
      const v4 = await lookUp(world, 'intranet.corp.example', 'A')
      expect(v4.answers, ['100.96.0.1', '100.96.0.2', '100.96.0.3', '100.96.0.4'])
      await world.fetchPage({ host: v4.answers[0]! })
      const took = Math.round(performance.now() - start)
      const v6 = await lookUp(world, 'intranet.corp.example', 'AAAA')
      await world.fetchPage({ host: v6.answers[3]! })
      const ping = await world.ping(v4.answers[1]!, 3)
      if (ping.received !== 3) throw new Error(`only ${ping.received} pings of 3 came back`)
      expect((await lookUp(world, 'public.example', 'A')).answers, ['192.0.2.80'])
      expect((await lookUp(world, 'nowhere.example', 'A')).code, 3)
      expect((await lookUp(world, 'intranet.corp.example', 'TXT')).answers, ['hello from the site'])
      await world.gateways[0]!.end('SIGTERM')
      if ((await world.fetch('/', { host: v4.answers[0]!, timeoutMs: 2000 })) !== undefined)
        throw new Error('the page loads without a gateway')
      return `name and first page after ${took} ms`
    },
  },
  {
    name: 'wildcard',
    claim: 'a pattern stands for the names that it says, and for no others',
    async run(lab) {
      const { world } = await startDnsWorld(lab, ['*.corp.example'])
      const [intranet, wiki, bare] = await Promise.all(
        ['intranet.corp.example', 'WIKI.corp.example', 'corp.example'].map(name => lookUp(world, name, 'A')),
      )
      const all = [intranet!, wiki!, bare!].flatMap(({ answers }) => answers)
      if (new Set(all).size !== 12 || !all.every(text => text.startsWith('100.96.0.')))
        throw new Error(`these do not stand for three names: ${all}`)
      for (const { answers } of [intranet!, wiki!, bare!]) await world.fetchPage({ host: answers[0]! })
      expect((await lookUp(world, 'deep.below.corp.example', 'A')).code, 3) // the public server knows nothing of it
      const unknown = await lookUp(world, 'nobody.corp.example', 'A')
      const start = performance.now()
      if ((await world.fetch('/', { host: unknown.answers[0]!, timeoutMs: 8000 })) !== undefined)
        throw new Error('a name that does not exist answers')
      return `three names work; one that does not exist fails after ${Math.round(performance.now() - start)} ms`
    },
  },
  {
    name: 'two-names-one-address',
    claim: 'two names of one server are used at the same time from the same port, and both transfers are whole',
    async run(lab) {
      const { world } = await startDnsWorld(lab, ['intranet.corp.example', 'wiki.corp.example'])
      const hosts = await Promise.all(
        ['intranet.corp.example', 'wiki.corp.example'].map(async name => (await lookUp(world, name, 'A')).answers[0]!),
      )
      // From one port these are two connections, as far as the client can see; the gateway has to tell them apart.
      const sizes = await world.network.client.run(
        script('e2e/tools/same-port.ts', '40000', '/slow?chunks=60', ...hosts),
        { timeoutMs: 20_000 },
      )
      expect(JSON.parse(sizes), [60_000, 60_000])
      return 'two transfers of 60000 bytes each, side by side'
    },
  },
  {
    name: 'dns-control-resolvconf',
    claim: 'applications find names by /etc/resolv.conf, which is put back at the end and after a kill -9',
    async run(lab) {
      const args = ['--dns-control', 'etc-resolv-conf']
      const { world, etc } = await startDnsWorld(lab, ['intranet.corp.example'], args)
      const before = `nameserver 203.0.113.10\noptions timeout:1\n`
      const now = (): string => readFileSync(etc.resolvConf, 'utf8')
      await fetchByName(world)
      if (!now().startsWith('# BEGIN Firezone DNS configuration')) throw new Error(`the file is not ours: ${now()}`)

      await world.client.end('SIGKILL')
      if (now() === before) throw new Error('the file was put back by nobody')
      await world.startClient({ prefix: etc.prefix, args })
      await fetchByName(world)
      await world.client.end('SIGTERM')
      expect(now(), before)

      await world.startClient({ prefix: etc.prefix, args })
      await world.client.end('SIGKILL')
      writeFileSync(etc.resolvConf, 'nameserver 203.0.113.10\n# edited by hand\n')
      await world.startClient({ prefix: etc.prefix, args })
      await fetchByName(world)
      await world.client.end('SIGTERM')
      if (!now().includes('edited by hand')) throw new Error(`an old backup took the place of an edit: ${now()}`)
      return 'put back after SIGTERM and after SIGKILL; an edit survived'
    },
  },
]

/** Fetches the page by its name, as a process that sees the client's `/etc` does. */
async function fetchByName(world: World): Promise<void> {
  const inside = ['nsenter', `--mount=/proc/${world.client.pid}/ns/mnt`, '--']
  const body = await world.network.client.run(
    [...inside, 'curl', '-sS', '-f', '--max-time', '10', 'http://intranet.corp.example/'],
    { timeoutMs: 15_000 },
  )
  if (body !== PAGE) throw new Error(`the private page did not load: ${JSON.stringify(body)}`)
}

function expect(actual: unknown, expected: unknown): void {
  const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (is !== wanted) throw new Error(`${is} instead of ${wanted}`)
}
