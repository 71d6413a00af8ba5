import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from '../lab/lab.ts'
import { ADDRESSES } from './network.ts'
import { script } from './script.ts'
import { World } from './world.ts'

/** Names that only the private network's name server knows. */
const PRIVATE_NAMES = [
  `intranet.corp.example=${ADDRESSES.server}`,
  `intranet.corp.example=${ADDRESSES.serverV6}`,
  'intranet.corp.example=hello from the site',
  `wiki.corp.example=${ADDRESSES.server}`,
  `corp.example=${ADDRESSES.server}`,
  `deep.below.corp.example=${ADDRESSES.server}`,
]

/** A folder that a process sees as `/etc`: enough to resolve names. */
export class FakeEtc {
  /** Where its `resolv.conf` lies outside of it. */
  readonly resolvConf: string
  readonly #folder: string

  constructor(folder: string, resolvConf: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
    this.resolvConf = join(folder, 'resolv.conf')
    for (const file of ['passwd', 'group', 'hosts', 'nsswitch.conf'])
      if (existsSync(`/etc/${file}`)) copyFileSync(`/etc/${file}`, join(folder, file))
    writeFileSync(this.resolvConf, resolvConf)
  }

  /** The words in front of a command that has it as `/etc`. */
  get prefix(): string[] {
    return ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc && exec "$@"', this.#folder]
  }
}

/** A world with a name server in the private network and one in the internet, and resources that the client may reach. */
export async function startDnsWorld(
  lab: Lab,
  resources: readonly string[],
  clientArgs: readonly string[] = [],
): Promise<{ readonly world: World; readonly etc: FakeEtc }> {
  const world = await World.build(lab)
  const servers = [
    world.network.private.spawn('private-dns', script('e2e/tools/name-server.ts', ADDRESSES.server, ...PRIVATE_NAMES)),
    world.network.internet.spawn(
      'public-dns',
      script('e2e/tools/name-server.ts', ADDRESSES.portal, 'public.example=192.0.2.80'),
    ),
  ]
  await Promise.all(servers.map(server => server.waitForLine(/listening/)))
  await world.startPortal()
  const { groupId, siteId } = world.bootstrap
  for (const address of resources) {
    await world.admin('resource', 'create', '--name', address, '--address', address, '--site', siteId)
    await world.admin('policy', 'create', '--group', groupId, '--resource', address)
  }
  await world.startRelay()
  const gatewayEtc = new FakeEtc(join(world.folder, 'gateway-etc'), `nameserver ${ADDRESSES.server}\n`)
  await world.startGateway(0, { prefix: gatewayEtc.prefix })
  const etc = new FakeEtc(join(world.folder, 'client-etc'), `nameserver ${ADDRESSES.portal}\noptions timeout:1\n`)
  await world.startClient({ prefix: etc.prefix, args: clientArgs })
  return { world, etc }
}

/** Asks the client's resolver as an application does. */
export async function lookUp(
  world: World,
  name: string,
  type: 'A' | 'AAAA' | 'TXT',
): Promise<{ code: number; answers: string[] }> {
  const [line] = world.client.lines.filter(text => text.includes('"DNS servers of the tunnel"'))
  const { servers } = JSON.parse(line!) as { servers: string }
  const answer = await world.network.client.run(script('e2e/tools/lookup.ts', servers.split(' ')[0]!, name, type))
  return JSON.parse(answer) as { code: number; answers: string[] }
}
