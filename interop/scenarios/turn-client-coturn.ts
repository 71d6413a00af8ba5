import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@sallyport/e2e/lab/command.ts'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import type { LabProcess } from '@sallyport/e2e/lab/process.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { buildRelayInternet, INTERNET } from '../peers/relay-internet.ts'
import type { TurnClientConfiguration } from '../peers/turn-client.ts'

/** Our TURN client has packets echoed through the server of coturn. */
export const turnClientCoturn: Scenario = {
  name: 'turn-client-coturn',
  claim: 'our TURN client allocates on coturn, loses nothing over a channel, refreshes and gives the allocation back',
  quick: true,
  async run(lab) {
    const { client, server, peer } = await buildRelayInternet(lab, 'masquerade')
    const coturn = await startCoturn(lab, server)
    peer.spawn('peer', ['turnutils_peer', '-L', INTERNET.peer.v4, '-p', String(PEER_PORT)])
    await waitFor('the peer to listen', async () =>
      (await peer.run(['ss', '-Hlun', `sport = ${PEER_PORT}`])).includes(INTERNET.peer.v4),
    )
    for (const family of ['v4', 'v6'] as const) await useServer(client, coturn, family)
    return `${MESSAGES} messages each, with the server’s IPv4 and IPv6 address`
  },
}

/**
 * Relays with our client, which reaches the server over `family`.
 *
 * The relayed address is an IPv4 one in any case: Debian's coturn knows ADDITIONAL-ADDRESS-FAMILY by the number of a
 * draft (0x8032) only, so that it doesn't see that we want both.
 */
async function useServer(client: Namespace, coturn: LabProcess, family: 'v4' | 'v6'): Promise<void> {
  const before = coturn.lines.length
  const configuration: TurnClientConfiguration = {
    server: at(INTERNET.server[family], 3478),
    peer: at(INTERNET.peer.v4, PEER_PORT),
    username: USERNAME,
    password: PASSWORD,
    realm: REALM,
    messages: MESSAGES,
  }
  const argv = [process.execPath, '--conditions=development', PROGRAM, JSON.stringify(configuration)]
  const program = client.spawn(`turn-client-${family}`, argv)
  const exit = await program.exitWithin(20_000)
  const output = program.lines.join('\n')

  assert.equal(exit.code, 0, output)
  assert.ok(output.includes(`allocated ${at(INTERNET.server.v4, '')}`), output)
  assert.match(output, new RegExp(`^echoed ${MESSAGES} of ${MESSAGES}$`, 'm'))
  for (const [what, line] of [
    ['refreshed', /refreshed, .*lifetime=[1-9]/],
    ['given back', /refreshed, .*lifetime=0/],
  ] as const)
    await waitFor(`coturn to say that the allocation was ${what}`, () =>
      coturn.lines.slice(before).some(each => line.test(each)),
    )
}

/** Starts coturn with one user and nothing but UDP. */
async function startCoturn(lab: Lab, server: Namespace): Promise<LabProcess> {
  const files = ['--userdb', `${lab.logFolder}/turndb`, '--pidfile', `${lab.logFolder}/turnserver.pid`]
  const addresses = Object.values(INTERNET.server).flatMap(address => ['-L', address, '-E', address])
  const users = ['--lt-cred-mech', '--realm', REALM, '--user', `${USERNAME}:${PASSWORD}`]
  const only = [
    '-n',
    '--no-tcp',
    '--no-tls',
    '--no-dtls',
    '--no-cli',
    '--verbose',
    '--log-file',
    'stdout',
    '--simple-log',
  ]
  const coturn = server.spawn('coturn', ['turnserver', ...only, ...files, ...users, ...addresses])
  await waitFor('coturn to listen', async () => {
    const sockets = await server.run(['ss', '-Hlun', 'sport = 3478'])
    return Object.values(INTERNET.server).every(address => sockets.includes(address))
  })
  return coturn
}

const at = (address: string, port: number | ''): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

const PROGRAM = fileURLToPath(new URL('../peers/turn-client.ts', import.meta.url))
const USERNAME = 'somebody'
const PASSWORD = 'correct horse'
const REALM = 'example.org'
const PEER_PORT = 3480
const MESSAGES = 200
