import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { script } from '@sallyport/e2e/world/script.ts'
import { makePair, type Peer } from './peer.ts'

const PORTAL = 'ws://192.0.2.2:8080/'
const RESOURCE = '10.80.0.0/24'
const TARGET = '10.80.0.10'

/** The whole product: the client's and the gateway's processes as they are installed, with a portal and a relay. */
export const sallyport: Peer = {
  name: 'sallyport',
  about: 'the product: a client and a gateway that a portal has brought together, on a direct path',
  async start(lab, { mtu }) {
    if (mtu !== 1280) throw new Error('the product’s tunnels have an MTU of 1280 bytes: compare the others at that')
    const [left, right] = await makePair(lab, 'sallyport')
    await right.ip(`addr add ${TARGET}/32 dev lo`)

    const database = ['--database', join(lab.logFolder, 'portal.sqlite')]
    const made = await right.run(
      script('apps/portal/src/main.ts', 'bootstrap', '--json', ...database, '--resource', RESOURCE),
    )
    const { relayToken, gatewayToken, clientToken } = JSON.parse(made) as Record<string, string>
    const admin = ['--listen', '192.0.2.2:8080', '--admin-socket', join(lab.logFolder, 'admin.sock')]
    const portal = right.spawn('portal', script('apps/portal/src/main.ts', 'serve', ...database, ...admin))
    await portal.waitForLine(/listening/)

    const environment = (token: string | undefined, name: string): Record<string, string> => ({
      FIREZONE_API_URL: PORTAL,
      FIREZONE_TOKEN: token ?? '',
      FIREZONE_ID: randomUUID(),
      FIREZONE_NAME: name,
      RUST_LOG: 'info',
    })
    const relay = right.spawn('relay', script('apps/relay/src/main.ts'), {
      env: {
        ...environment(relayToken, 'relay'),
        PUBLIC_IP4_ADDR: '192.0.2.2',
        HEALTH_CHECK_ADDR: '127.0.0.1:8091',
        LOG_FORMAT: 'json',
      },
    })
    await relay.waitForLine(/"connected to the portal"/)
    const gateway = right.spawn('gateway', script('apps/gateway/src/main.ts'), {
      env: environment(gatewayToken, 'gateway'),
    })
    await gateway.waitForLine(/"connected to the portal"/)
    const client = left.spawn('client', script('apps/client/src/main.ts', '--dns-control', 'disabled'), {
      env: environment(clientToken, 'client'),
    })
    await client.waitForLine(/"interface configured"/)
    return { from: left, to: right, target: TARGET, description: 'client and gateway, direct path' }
  },
}
