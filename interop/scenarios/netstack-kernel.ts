import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import type { NetStackConfiguration } from '../peers/netstack-peer.ts'

/** TCP without a kernel, against a kernel. */
export const netstackKernel: Scenario = {
  name: 'netstack-kernel',
  claim:
    "our TCP and Linux's carry 10 MB both ways at once, over IPv4 and IPv6, also while packets are lost and overtake",
  async run(lab) {
    const rates: string[] = []
    for (const { name, ...line } of LINES)
      for (const [ours, theirs] of ADDRESSES)
        rates.push(`${name} ${await carryBothWays(lab, { ours, theirs, bytes: BYTES, ...line })} Mbit/s`)
    return rates.join(', ')
  },
}

/** Returns how many megabits a second went each way. */
async function carryBothWays(lab: Lab, configuration: NetStackConfiguration): Promise<number> {
  const { ours, theirs, bytes } = configuration
  const host = await lab.namespace('host')
  const stack = host.spawn('netstack', [...NODE, PEER, JSON.stringify(configuration)])
  await stack.waitForLine(/^up/)
  const receiver = host.spawn('receive', [...NODE, STREAM, 'receive', plain(theirs), '5002'])
  await receiver.waitForLine(/^listening/)
  const start = performance.now()
  const sender = host.spawn('send', [...NODE, STREAM, 'send', plain(ours), '5001', String(bytes)])
  const [sent, received, theySent, theyReceived] = await Promise.all([
    stack.waitForLine(/^sent (.+)$/, TIMEOUT_MS),
    stack.waitForLine(/^received (.+)$/, TIMEOUT_MS),
    sender.waitForLine(/^done (.+)$/, TIMEOUT_MS),
    receiver.waitForLine(/^done (.+)$/, TIMEOUT_MS),
  ])
  const rate = Math.round((bytes * 8) / 1e3 / (performance.now() - start))

  assert.equal(received[1], theySent[1], 'what the kernel sent and what we received')
  assert.equal(theyReceived[1], sent[1], 'what we sent and what the kernel received')
  await stack.waitForLine(/^closed: finished/)
  await lab.clear()
  return rate
}

const plain = (address: string): string => address.replace(/[[\]]/g, '')

const BYTES = 10e6
const TIMEOUT_MS = 60_000
const LINES = [
  { name: 'clean', loss: 0, reordering: 0 },
  { name: 'bad', loss: 0.01, reordering: 0.01 },
] as const
const ADDRESSES = [
  ['10.77.0.2', '10.77.0.1'],
  ['[fd77::2]', '[fd77::1]'],
] as const
const NODE = [process.execPath, '--conditions=development']
const PEER = fileURLToPath(new URL('../peers/netstack-peer.ts', import.meta.url))
const STREAM = fileURLToPath(new URL('../tools/tcp-stream.ts', import.meta.url))
