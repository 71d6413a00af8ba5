import assert from 'node:assert/strict'
import { wireguardGoVersion } from '@sallyport/bench/peers/wireguard-go.ts'
import { sleep } from '@sallyport/e2e/lab/command.ts'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { nodeRandom } from '@sallyport/io-node'
import { randomBytes, toBase64 } from '@sallyport/sans-io'
import { INNER_ADDRESSES, WireguardPair } from '../peers/wireguard-pair.ts'
import { transfer } from '../tools/transfer.ts'

/** WireGuard in user space, in Go: handshakes in both roles, data both ways, re-keys in the middle of it. */
export const wireguardGo: Scenario = {
  name: 'wireguard-go',
  claim: 'our tunnel and wireguard-go shake hands in both roles, with and without PSK, and carry data across re-keys',
  quick: true,
  async run(lab) {
    const rates: number[] = []
    for (const initiator of ['ours', 'theirs'] as const)
      for (const hasPresharedKey of [false, true]) rates.push(...(await carry(lab, initiator, hasPresharedKey)))
    await refuseWrongPresharedKey(lab)
    const rekeys = await carryAcrossOurRekeys(lab)
    const [slowest, fastest] = [Math.min(...rates), Math.max(...rates)].map(Math.round)
    return `${await wireguardGoVersion()}: ${rates.length} × 100 MB at ${slowest}–${fastest} Mbit/s, ${rekeys} re-keys under way`
  },
}

/** The same, at the pace of the protocol: it takes two minutes until wireguard-go makes another handshake. */
export const wireguardGoRekey: Scenario = {
  name: 'wireguard-go-rekey',
  claim: 'a transfer goes on while wireguard-go, by its own clock, makes another handshake',
  async run(lab) {
    const pair = await WireguardPair.start(lab, 'slow', { theyKnowUs: true })
    const bytesPerSecond = 2e6
    await transfer({ ...fromThem(pair), port: 5001, bytes: 135 * bytesPerSecond, bytesPerSecond, timeoutMs: 170_000 })

    assert.equal(pair.established('initiator'), 0, 'our side made a handshake of its own')
    assert.ok(pair.established('responder') >= 2, `${pair.established('responder')} handshakes`)
    return `${pair.established('responder')} handshakes`
  },
}

/** 100 MB in each direction; whoever opens the first connection makes the handshake. */
async function carry(lab: Lab, initiator: 'ours' | 'theirs', hasPresharedKey: boolean): Promise<number[]> {
  const presharedKey = newPresharedKey()
  const pair = await WireguardPair.start(lab, `${initiator === 'ours' ? 'o' : 't'}${hasPresharedKey ? 'psk' : ''}`, {
    theyKnowUs: initiator === 'theirs',
    ...(hasPresharedKey ? { ourPresharedKey: presharedKey, theirPresharedKey: presharedKey } : {}),
  })
  const [ourWay, theirWay] = [fromUs(pair), fromThem(pair)]
  const [first, second] = initiator === 'ours' ? [ourWay, theirWay] : [theirWay, ourWay]
  const rates = [
    await transfer({ ...first, port: 5001, bytes: BYTES, timeoutMs: 60_000 }),
    await transfer({ ...second, port: 5002, bytes: BYTES, timeoutMs: 60_000 }),
  ]

  assert.equal(pair.established(initiator === 'ours' ? 'initiator' : 'responder'), 1, 'sessions in the expected role')
  assert.equal(pair.established(initiator === 'ours' ? 'responder' : 'initiator'), 0, 'sessions in the other role')
  const { latestHandshake, received, sent } = await pair.theirView()
  assert.ok(Math.abs(latestHandshake - Date.now() / 1000) < 120, `their latest handshake was at ${latestHandshake}`)
  assert.ok(received > BYTES && sent > BYTES, `they received ${received} bytes and sent ${sent}`)
  await pair.stop()
  return rates
}

/** What makes the others worth something: keys matter. */
async function refuseWrongPresharedKey(lab: Lab): Promise<void> {
  const [ourPresharedKey, theirPresharedKey] = [newPresharedKey(), newPresharedKey()]
  const pair = await WireguardPair.start(lab, 'wrong', { theyKnowUs: false, ourPresharedKey, theirPresharedKey })
  const answer = await pair.ours.attempt(['ping', '-c', '2', '-W', '1', INNER_ADDRESSES.theirs])

  assert.equal(answer, undefined, 'a ping was answered although the preshared keys differ')
  assert.equal(pair.established('initiator'), 0, 'a session was made although the preshared keys differ')
  const { latestHandshake, received } = await pair.theirView()
  assert.equal(latestHandshake, 0, 'they completed a handshake although the preshared keys differ')
  assert.ok(received > 0, 'our initiation never reached them: the refusal proves nothing')
  await pair.stop()
}

/** Our clock runs {@link CLOCK_RATE} times faster than theirs, so that we make another handshake every few seconds. */
async function carryAcrossOurRekeys(lab: Lab): Promise<number> {
  const pair = await WireguardPair.start(lab, 'rekey', { theyKnowUs: false, clockRate: CLOCK_RATE })
  const handshakes = new Set<number>()
  let isDone = false
  const watch = (async () => {
    for (; !isDone; await sleep(250)) handshakes.add((await pair.theirView()).latestHandshake)
  })()
  const bytesPerSecond = 12e6
  const options = { bytes: REKEY_SECONDS * bytesPerSecond, bytesPerSecond, timeoutMs: 60_000 }
  try {
    await transfer({ ...fromUs(pair), ...options, port: 5001 })
  } finally {
    isDone = true
    await watch
  }
  handshakes.delete(0)
  const sessions = pair.established('initiator')

  assert.ok(sessions >= 4, `our side made ${sessions} sessions in ${REKEY_SECONDS} s`)
  assert.ok(handshakes.size >= 4, `their side saw handshakes at ${[...handshakes].join(', ')} only`)
  assert.equal(pair.established('responder'), 0, 'sessions that they asked for')
  assert.ok(!pair.program.lines.includes('expired'), 'the tunnel expired')
  await pair.stop()
  return sessions - 1
}

const fromUs = ({ ours, theirs }: WireguardPair) => ({ from: ours, to: theirs, address: INNER_ADDRESSES.theirs })
const fromThem = ({ ours, theirs }: WireguardPair) => ({ from: theirs, to: ours, address: INNER_ADDRESSES.ours })

const newPresharedKey = (): string => toBase64(randomBytes(nodeRandom, 32))

const BYTES = 100e6
const CLOCK_RATE = 30
/** Long enough for at least three re-keys, which happen every 120 / 30 s. */
const REKEY_SECONDS = 15
