import { sleep } from '../lab/command.ts'
import { isInUserNamespace } from '../lab/privilege.ts'
import type { Scenario } from '../lab/scenario.ts'
import { ADDRESSES } from '../world/network.ts'
import { World } from '../world/world.ts'

/** What we do to the hosts that we run on. */
export const host: readonly Scenario[] = [
  {
    name: 'no-route-loop',
    claim: "a resource that covers the portal, the relay and the gateway's own address does not swallow our packets",
    async run(lab) {
      const world = await World.start(lab)
      const { siteId, groupId } = world.bootstrap
      await world.admin('resource', 'create', '--name', 'internet', '--address', '203.0.113.0/24', '--site', siteId)
      await world.admin('policy', 'create', '--group', groupId, '--resource', 'internet')
      await world.fetchPage()
      const portal = await world.fetch('/healthz', { host: `${ADDRESSES.portal}:8080` })
      if (portal === undefined) throw new Error('the portal is not reached through the tunnel')
      await sleep(3000)
      await world.fetchPage({ timeoutMs: 3000 })
      const lost = world.client.lines.filter(line => line.includes('connection to the portal is lost'))
      if (lost.length > 0) throw new Error(`the client lost its portal: ${lost[0]}`)
      return 'portal, relay and gateway stay reachable beside the tunnel'
    },
  },
  {
    name: 'gateway-unprivileged',
    claim: 'a gateway runs as an unprivileged user with nothing but CAP_NET_ADMIN, and leaves nothing behind',
    async run(lab) {
      if (isInUserNamespace())
        throw new Error('this takes root: only root can make the device node that the gateway is to open')
      const world = await World.build(lab)
      await world.startPortal()
      await world.startRelay()
      // Where the node isn't open to all, as udev makes it, this process alone gets one that is.
      const makeNode =
        'mkdir -p /dev/net && mount -t tmpfs -o mode=755 tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200'
      const withNode = ['unshare', '--mount', 'sh', '-c', `${makeNode} && exec "$@"`, 'sh']
      const capabilities = [
        '--inh-caps',
        '-all,+net_admin',
        '--ambient-caps',
        '-all,+net_admin',
        '--bounding-set',
        '-all,+net_admin',
      ]
      const gateway = await world.startGateway(0, {
        prefix: [...withNode, 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...capabilities],
      })
      await world.startClient()
      await world.fetchPage()
      const device = await world.network.gateways[0].run(['ip', '-details', '-json', 'link', 'show', 'tun-firezone'])
      if (!device.includes('"info_kind":"tun"')) throw new Error(`its device is no TUN device: ${device}`)
      const status = await world.network.gateways[0].run(['cat', `/proc/${gateway.pid}/status`])
      if (!/^Uid:\s+65534/m.test(status) || !/^CapEff:\s+0000000000001000/m.test(status))
        throw new Error(`it has more than CAP_NET_ADMIN:\n${status}`)
      await gateway.end('SIGTERM')
      const rules = await world.network.gateways[0].run(['nft', 'list', 'tables'])
      if (rules.includes('sallyport')) throw new Error(`its table is left: ${rules}`)
      return undefined
    },
  },
]
