import assert from 'node:assert/strict'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { buildRelayInternet, INTERNET, NAT_PORT, startRelay } from '../peers/relay-internet.ts'

/** The STUN client of coturn asks our relay who it is. */
export const stunclient: Scenario = {
  name: 'stunclient',
  claim: 'coturn’s STUN client learns from our relay how it looks from outside, over IPv4 and IPv6',
  quick: true,
  async run(lab) {
    const { client, server, peer } = await buildRelayInternet(lab, 'one-mapping')
    await startRelay(server)
    const seen: string[] = []
    for (const family of ['v4', 'v6'] as const) {
      const behindNat = await ask(client, INTERNET.server[family])
      assert.deepEqual(behindNat, { address: INTERNET.nat[family], port: NAT_PORT[family] }, 'behind a NAT')
      const direct = await ask(peer, INTERNET.server[family])
      assert.equal(direct.address, INTERNET.peer[family], 'without a NAT')
      seen.push(behindNat.address)
    }
    return `mapped to ${seen.join(' and ')}`
  },
}

/** Runs the client against a server and returns what it was told. */
async function ask(from: Namespace, server: string): Promise<{ address: string; port: number }> {
  const output = await from.run(['turnutils_stunclient', server], { timeoutMs: 10_000 })
  const match = /UDP reflexive addr: \[?([0-9a-f:.]+?)\]?:(\d+)$/m.exec(output)
  assert.ok(match, `no mapped address in what it printed:\n${output}`)
  return { address: match[1]!, port: Number(match[2]) }
}
