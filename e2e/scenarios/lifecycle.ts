import { waitFor } from '../lab/command.ts'
import type { Scenario } from '../lab/scenario.ts'
import { World } from '../world/world.ts'

/** Coming and going. */
export const lifecycle: readonly Scenario[] = [
  {
    name: 'gateway-restart',
    claim: 'a gateway that is restarted serves its clients again at once',
    quick: true,
    async run(lab) {
      const world = await World.start(lab)
      await world.fetchPage()
      const exit = await world.gateways[0]!.end('SIGTERM')
      if (exit.code !== 0) throw new Error(`the gateway ended with ${JSON.stringify(exit)}`)
      await world.startGateway(0)
      const took = await world.timeToPage(10_000)
      return `the page loads ${Math.round(took)} ms after the gateway is back`
    },
  },
  {
    name: 'two-gateways-failover',
    claim: 'when the gateway in use is shut down, the other one serves within 2 s, asked for once',
    async run(lab) {
      const world = await World.start(lab, { gateways: 2 })
      await world.fetchPage()
      const used = await world.gatewayOf(await world.path())
      const asked = world.intents().length
      world.gateways[used]!.kill('SIGTERM')
      const took = await world.timeToPage(10_000)
      if ((await world.gatewayOf(await world.path())) === used) throw new Error('it is still the same gateway')
      if (world.intents().length - asked !== 1)
        throw new Error(`asked for access ${world.intents().length - asked} times`)
      if (took > 2000) throw new Error(`it took ${took} ms`)
      return `${Math.round(took)} ms`
    },
  },
  {
    name: 'client-sign-out',
    claim: 'a client that signs out says goodbye: the gateway drops it at once',
    quick: true,
    async run(lab) {
      const world = await World.start(lab)
      await world.fetchPage()
      const start = performance.now()
      const ended = world.client.end('SIGTERM')
      await world.gateways[0]!.waitForLine(/"disconnected"/, 3000)
      const took = performance.now() - start
      const exit = await ended
      if (exit.code !== 0) throw new Error(`the client ended with ${JSON.stringify(exit)}`)
      if ((await world.network.client.run(['ip', 'link'])).includes('tun-firezone'))
        throw new Error('its device is still there')
      return `the gateway dropped it after ${Math.round(took)} ms`
    },
  },
  {
    name: 'token-revoked',
    claim: 'a client whose token is deleted is disconnected, ends with code 1, and reaches nothing',
    async run(lab) {
      const world = await World.start(lab)
      await world.fetchPage()
      const tokens = await world.admin<{ id: string; type: string }[]>('token', 'list')
      const token = tokens.find(({ type }) => type === 'client')
      if (token === undefined) throw new Error(`no client token in ${JSON.stringify(tokens)}`)
      const start = performance.now()
      await world.admin('token', 'delete', '--token', token.id)
      const exit = await waitFor('the client to end', () => world.client.exit, 10_000)
      const took = performance.now() - start
      if (exit.code !== 1) throw new Error(`the client ended with ${JSON.stringify(exit)}`)
      await world.gateways[0]!.waitForLine(/"disconnected"/, 5000)
      const again = world.network.client.spawn('client-again', world.clientCommand(), { env: world.clientEnv() })
      const refused = await waitFor('the client to be refused', () => again.exit, 10_000)
      if (refused.code !== 1) throw new Error(`a new start ended with ${JSON.stringify(refused)}`)
      return `the client ended ${Math.round(took)} ms after the token`
    },
  },
]
