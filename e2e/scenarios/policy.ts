import { waitFor } from '../lab/command.ts'
import type { Scenario } from '../lab/scenario.ts'
import { ADDRESSES } from '../world/network.ts'
import { script } from '../world/script.ts'
import { World } from '../world/world.ts'

/** Who may do what. */
export const policy: readonly Scenario[] = [
  {
    name: 'filter-denied',
    claim: 'a resource for port 80 alone lets nothing else through, and says so at once',
    quick: true,
    async run(lab) {
      const world = await World.start(lab)
      const other = world.network.private.spawn('other', script('e2e/tools/page-server.ts', ADDRESSES.server, '8081'))
      await other.waitForLine(/listening/)
      await world.admin('resource', 'update', '--resource', world.bootstrap.resourceId, '--filter', 'tcp/80')
      await world.fetchPage()
      const start = performance.now()
      if ((await world.fetch('/', { host: `${ADDRESSES.server}:8081`, timeoutMs: 8000 })) !== undefined)
        throw new Error('port 8081 answered')
      const took = performance.now() - start
      if (took > 3000) throw new Error(`the refusal took ${Math.round(took)} ms: no ICMP error came`)
      const ping = await world.ping(ADDRESSES.server, 2).catch(() => undefined)
      if (ping !== undefined && ping.received > 0) throw new Error('a ping came through')
      await world.admin(
        'resource',
        'update',
        '--resource',
        world.bootstrap.resourceId,
        '--filter',
        'tcp/80',
        'tcp/8081',
      )
      await waitFor(
        'port 8081 to open',
        () => world.fetch('/', { host: `${ADDRESSES.server}:8081`, timeoutMs: 2000 }),
        5000,
      )
      return `refused after ${Math.round(took)} ms`
    },
  },
  {
    name: 'policy-removed-mid-transfer',
    claim: 'a transfer stops within a second of its policy',
    async run(lab) {
      const world = await World.start(lab)
      await world.fetchPage()
      const transfer = world.network.client.spawn('transfer', [
        'curl',
        '-sS',
        '-N',
        '--no-buffer',
        '-w',
        '%{size_download}\n',
        '-o',
        `${world.folder}/slow`,
        `http://${ADDRESSES.server}/slow?chunks=400`,
      ])
      const received = async (): Promise<number> =>
        Number((await world.network.client.attempt(['stat', '-c', '%s', `${world.folder}/slow`])) ?? 0)
      await waitFor('the transfer to run', async () => (await received()) > 5000)
      await world.admin('policy', 'delete', '--policy', world.bootstrap.policyId)
      const start = performance.now()
      let last = await received()
      let changedAt = start
      await waitFor('the transfer to stop', async () => {
        const bytes = await received()
        if (bytes !== last) {
          last = bytes
          changedAt = performance.now()
        }
        return performance.now() - changedAt > 2000
      })
      transfer.kill('SIGKILL')
      const took = changedAt - start
      if (took > 1000) throw new Error(`bytes came for another ${Math.round(took)} ms`)
      if ((await world.fetch('/', { timeoutMs: 2000 })) !== undefined) throw new Error('the page still loads')
      await world.fetchPage({ host: ADDRESSES.serverV6 })
      return `the last byte came ${Math.round(took)} ms after the policy was gone`
    },
  },
]
