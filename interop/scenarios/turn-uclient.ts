import assert from 'node:assert/strict'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import type { Exit, LabProcess } from '@sallyport/e2e/lab/process.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { buildRelayInternet, INTERNET, newRelayUser, startRelay } from '../peers/relay-internet.ts'

/** The TURN client of coturn has packets echoed through our relay. */
export const turnUclient: Scenario = {
  name: 'turn-uclient',
  claim: 'coturn’s TURN client allocates, binds channels and loses nothing on our relay, over IPv4 and IPv6',
  async run(lab) {
    const { client, server, peer } = await buildRelayInternet(lab, 'masquerade')
    await startRelay(server)
    const attempts: number[] = []
    for (const family of ['v4', 'v6'] as const) {
      peer.spawn(`peer-${family}`, ['turnutils_peer', '-L', INTERNET.peer[family], '-p', PEER_PORT])
      attempts.push(await echo(client, family))
    }
    await refuseWrongPassword(client)
    return `${MESSAGES} messages each, after ${attempts.join(' and ')} attempts to draw usable channel numbers`
  },
}

/**
 * Runs the client until it has drawn channel numbers that RFC 8656 allows, and checks that every message came back.
 *
 * This coturn still draws its two numbers from 0x4000 to 0x7fff, as RFC 5766 had it, and gives up when one is refused:
 * one run in sixteen gets further. All others have to fail in this way and no other.
 */
async function echo(client: Namespace, family: 'v4' | 'v6'): Promise<number> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const { username, password } = newRelayUser()
    const { program, exit } = await runClient(client, family, username, password)
    if (program.lines.some(line => line.includes('channel bind: error 400'))) continue
    const output = program.lines.join('\n')
    assert.equal(exit.code, 0, output)
    assert.match(output, new RegExp(`tot_send_msgs=${MESSAGES}, tot_recv_msgs=${MESSAGES}$`, 'm'))
    assert.match(output, /Total lost packets 0 /)
    return attempt
  }
  throw new Error(`no usable channel numbers in ${MAX_ATTEMPTS} attempts: something else is wrong`)
}

async function refuseWrongPassword(client: Namespace): Promise<void> {
  const { program, exit } = await runClient(client, 'v4', newRelayUser().username, 'wrong')

  assert.notEqual(exit.code, 0, 'a wrong password was accepted')
  assert.ok(
    program.lines.some(line => line.includes('Cannot complete Allocation')),
    program.tail(),
  )
}

async function runClient(
  client: Namespace,
  family: 'v4' | 'v6',
  username: string,
  password: string,
): Promise<{ program: LabProcess; exit: Exit }> {
  const messages = ['-c', '-n', String(MESSAGES), '-l', '400', '-z', '10', '-e', INTERNET.peer[family], '-r', PEER_PORT]
  const relayed = family === 'v6' ? ['-x'] : []
  const argv = ['turnutils_uclient', '-v', '-u', username, '-w', password, ...messages, ...relayed]
  const program = client.spawn('uclient', [...argv, INTERNET.server[family]])
  return { program, exit: await program.exitWithin(30_000) }
}

const PEER_PORT = '3480'
const MESSAGES = 200
/** All of them in vain: once in three million runs. */
const MAX_ATTEMPTS = 240
