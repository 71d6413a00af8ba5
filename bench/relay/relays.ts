import { join } from 'node:path'
import { run, waitFor } from '@sallyport/e2e/lab/command.ts'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import type { LabProcess } from '@sallyport/e2e/lab/process.ts'
import { script } from '@sallyport/e2e/world/script.ts'
import { nodeCrypto } from '@sallyport/io-node'
import { formatUsername, relayPassword } from '@sallyport/turn-server'
import { makePair } from '../peers/peer.ts'
import type { TurnUser } from './routes.ts'

/** A relay that runs, alone on one core. */
export interface RunningRelay {
  /** Where clients and peers are. */
  readonly left: Namespace
  /** Where the relay is, its interface being `wan`. */
  readonly right: Namespace
  readonly process: LabProcess
  readonly user: TurnUser
  /** Its version and settings, for the report. */
  readonly description: string
}

/** A relay to be measured. */
export interface RelayKind {
  readonly name: string
  /** Starts it at {@link RELAY_ADDRESS}. */
  start(lab: Lab): Promise<RunningRelay>
}

/** Where each relay listens, in a namespace of its own. */
export const RELAY_ADDRESS = '192.0.2.2'

/** Where those are who use it. */
export const LOAD_ADDRESS = '192.0.2.1'

/** The words that keep a program on one core. */
export const onCore = (core: number, argv: readonly string[]): string[] => ['taskset', '-c', String(core), ...argv]

/** Ours, as it is installed, without a portal. */
const ours: RelayKind = {
  name: 'sallyport',
  async start(lab) {
    const [left, right] = await makePair(lab, 'relay')
    const process = right.spawn('relay', onCore(0, script('apps/relay/src/main.ts')), {
      env: {
        PUBLIC_IP4_ADDR: RELAY_ADDRESS,
        AUTH_SECRET: SECRET,
        USER_QUOTA: '10000',
        HEALTH_CHECK_ADDR: '127.0.0.1:8091',
        LOG_FORMAT: 'json',
        RUST_LOG: 'warn',
      },
    })
    await listening(right)
    const name = { expiry: String(Math.floor(Date.now() / 1000) + 86_400), salt: 'bench' }
    const user: TurnUser = {
      username: formatUsername(name),
      password: relayPassword(name, SECRET, nodeCrypto({ cipher: 'node' })),
      realm: 'firezone',
      dialect: 'firezone',
    }
    return { left, right, process, user, description: 'apps/relay on one core' }
  },
}

/** The TURN server of the system's package, without anything that costs it time: logs, quotas, other protocols. */
const coturn: RelayKind = {
  name: 'coturn',
  async start(lab) {
    const [left, right] = await makePair(lab, 'coturn')
    const user: TurnUser = { username: 'bench', password: 'bench', realm: 'bench.invalid', dialect: 'standard' }
    const argv = [
      ['turnserver', '-n', '-L', RELAY_ADDRESS, '-E', RELAY_ADDRESS, '--relay-threads', '1'],
      ['--lt-cred-mech', '--realm', user.realm, '--user', `${user.username}:${user.password}`],
      ['--user-quota', '0', '--total-quota', '0', '--allow-loopback-peers', '--stale-nonce', '0'],
      ['--no-tcp', '--no-tls', '--no-dtls', '--no-cli', '--no-software-attribute'],
      ['--log-file', '/dev/null', '--no-stdout-log', '--simple-log'],
      ['--userdb', join(lab.logFolder, 'turndb'), '--pidfile', join(lab.logFolder, 'turnserver.pid')],
    ]
    const process = right.spawn('coturn', onCore(0, argv.flat()))
    await listening(right)
    const status = await run(['dpkg', '--status', 'coturn'])
    const version = /^Version: (.*)$/m.exec(status)?.[1] ?? 'unknown version'
    return { left, right, process, user, description: `coturn ${version} on one core, one relay thread` }
  },
}

/** All of them; ours first. */
export const RELAYS: readonly RelayKind[] = [ours, coturn]

const listening = (namespace: Namespace): Promise<unknown> =>
  waitFor('the relay to listen', async () => (await namespace.run(['ss', '-Hlun', 'sport = 3478'])).includes('3478'))

const SECRET = 'a secret that a portal would share'
