import { sleep, waitFor } from '../lab/command.ts'
import type { Lab } from '../lab/lab.ts'
import { connect } from '../lab/network.ts'
import type { LabProcess } from '../lab/process.ts'
import type { Scenario } from '../lab/scenario.ts'
import { script } from '../world/script.ts'

/** How a host learns that its network has changed. */
export const networkWatch: readonly Scenario[] = [
  {
    name: 'network-watch',
    claim: 'a host notices that it has moved, once, and nothing else: natively and without native packets',
    quick: true,
    run: watches,
  },
]

async function watches(lab: Lab): Promise<string> {
  const [host, router] = await Promise.all([lab.namespace('host'), lab.namespace('router')])
  await connect(
    { namespace: host, interface: 'eth0', addresses: ['192.0.2.2/24', '2001:db8::2/64'] },
    { namespace: router, interface: 'lan', addresses: ['192.0.2.1/24', '2001:db8::1/64'] },
  )
  await host.ip('route add default via 192.0.2.1', 'route add default via 2001:db8::1')
  await host.ip('link add own type veth peer name own-peer', 'link set own up', 'link set own-peer up')
  const index = Number.parseInt(await host.run(['ip', '-o', 'link', 'show', 'own']), 10)
  const watchers = [
    host.spawn('native', script('e2e/tools/network-watch.ts', String(index))),
    host.spawn('simple', script('e2e/tools/network-watch.ts', String(index)), { env: { SALLYPORT_NO_NATIVE: '1' } }),
  ]
  for (const watcher of watchers) await watcher.waitForLine(/^ready/)
  const changes = (watcher: LabProcess): number => watcher.lines.filter(line => line === 'changed').length
  const expectChanges = async (what: string, count: number): Promise<number> => {
    const start = performance.now()
    await waitFor(what, () => watchers.every(watcher => changes(watcher) >= count), 5000, 10)
    const took = performance.now() - start
    await sleep(700)
    const told = watchers.map(changes)
    if (told.some(each => each !== count)) throw new Error(`${what}: told ${told} times, not ${count}`)
    return took
  }
  const expectSilence = async (what: string, count: number): Promise<void> => {
    await sleep(1500)
    const told = watchers.map(changes)
    if (told.some(each => each !== count)) throw new Error(`${what}: told ${told} times, not ${count}`)
  }

  await host.ip('addr add 10.9.0.1/32 dev own', 'route add default dev own table 539098368', 'link set own mtu 1280')
  await host.ip('addr add 172.17.0.1/16 dev lo', 'link add docker0 type bridge', 'link set docker0 up')
  await host.ip(
    'addr add 172.18.0.1/16 dev docker0',
    'addr add 192.0.2.7/24 dev eth0',
    'addr del 192.0.2.7/24 dev eth0',
  )
  await expectSilence('our own tunnel, a bridge and a second address', 0)
  await host.ip('addr del 192.0.2.2/24 dev eth0', 'addr add 192.0.2.3/24 dev eth0', 'route add default via 192.0.2.1')
  const took = await expectChanges('another address', 1)
  await host.ip('addr add 2001:db8::3/64 dev eth0 nodad')
  await expectChanges('another IPv6 address', 2)
  await router.ip('link set lan down')
  await host.sysctl({ 'net.ipv6.conf.eth0.keep_addr_on_down': 1 })
  await expectSilence('a cable that is pulled', 2)
  await router.ip('link set lan up')
  await expectChanges('a cable that is plugged in again', 3)
  return `told after ${Math.round(took)} ms`
}
