import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@sallyport/e2e/lab/command.ts'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { INNER_ADDRESSES, WireguardPair } from '../peers/wireguard-pair.ts'
import { type HandshakeCounts, readHandshakes, watchHandshakes } from '../tools/handshake-traffic.ts'

/** Who is under load asks for a proof of address, and who is asked gives it (paper §5.3). */
export const wireguardGoCookie: Scenario = {
  name: 'wireguard-go-cookie',
  claim: 'our tunnel and wireguard-go understand each other’s cookies, and connect while one of them is under load',
  async run(lab) {
    const theirs = await connectToUsUnderLoad(lab)
    const ours = await connectToThemUnderLoad(lab)
    return `cookies sent: ours ${theirs.cookieReplies}, theirs ${ours.cookieReplies}`
  },
}

/** We hear nobody without a cookie. */
async function connectToUsUnderLoad(lab: Lab): Promise<HandshakeCounts> {
  const pair = await WireguardPair.start(lab, 'cwe', { theyKnowUs: true, ourHandshakeLimit: 0 })
  await watchHandshakes(pair.ours, { from: THEIRS })
  await ping(pair.theirs, INNER_ADDRESSES.ours)

  const counts = await readHandshakes(pair.ours)
  assert.equal(pair.established('responder'), 1, 'sessions that they asked for')
  assert.equal(pair.established('initiator'), 0, 'sessions that we asked for')
  assert.deepEqual(counts, { initiations: 1, cookieReplies: 1, provedInitiations: 1 })
  await pair.stop()
  return counts
}

/** A stranger floods them. Our clock goes faster than theirs, so that we come back while that lasts. */
async function connectToThemUnderLoad(lab: Lab): Promise<HandshakeCounts> {
  const pair = await WireguardPair.start(lab, 'cthey', { theyKnowUs: false, clockRate: 3 })
  await pair.ours.ip(`addr add ${STRANGER}/24 dev wan`)
  await watchHandshakes(pair.theirs, { from: OURS })
  const argv = [FLOOD, STRANGER, `${THEIRS}:51820`, pair.theirPublicKey, String(FLOOD_SECONDS)]
  const flood = pair.ours.spawn('flood', [process.execPath, '--conditions=development', ...argv])
  await flood.waitForLine(/^answered/)
  await ping(pair.ours, INNER_ADDRESSES.theirs)
  assert.ok(flood.isRunning, 'the flood was over before we were connected')

  const counts = await readHandshakes(pair.theirs)
  assert.equal(pair.established('initiator'), 1, 'sessions that we asked for')
  assert.equal(pair.established('responder'), 0, 'sessions that they asked for')
  assert.ok(counts.initiations > 0 && counts.cookieReplies > 0, 'they sent us no cookie')
  assert.ok(counts.provedInitiations > 0, 'we never showed a cookie')
  await flood.exitWithin(FLOOD_SECONDS * 1000)
  await pair.stop()
  return counts
}

/** Pings until there is an answer. */
function ping(from: Namespace, to: string): Promise<unknown> {
  return waitFor(`an answer from ${to}`, () => from.attempt(['ping', '-c1', '-W1', to]))
}

const FLOOD = fileURLToPath(new URL('../tools/flood-handshakes.ts', import.meta.url))
const FLOOD_SECONDS = 5
const [OURS, THEIRS, STRANGER] = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
