import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, waitFor } from '@sallyport/e2e/lab/command.ts'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import { LAB_PACKAGES, type SystemPackage } from '@sallyport/e2e/lab/packages.ts'
import { newKeyPair } from './keys.ts'
import { makePair, type Peer } from './peer.ts'

/** What a lab with a wireguard-go needs. */
export const WIREGUARD_PACKAGES: readonly SystemPackage[] = [
  ...LAB_PACKAGES,
  { name: 'iputils-ping', program: 'ping' },
  { name: 'wireguard-go', program: 'wireguard-go' },
  { name: 'wireguard-tools', program: 'wg' },
]

/** Debian's wireguard-go: WireGuard in user space, in Go. */
export const wireguardGo: Peer = {
  name: 'wireguard-go',
  about: 'the wireguard-go of the system’s package: WireGuard in user space, in Go',
  async start(lab, { mtu }) {
    const pair = await makePair(lab, 'wggo')
    const keys = [newKeyPair(), newKeyPair()] as const
    for (const [i, namespace] of pair.entries())
      await startWireguardGo(lab, namespace, {
        device: `wgb${process.pid % 10_000}x${i}`,
        privateKey: keys[i]!.privateKey,
        peerPublicKey: keys[1 - i]!.publicKey,
        endpoint: `192.0.2.${2 - i}:51820`,
        address: `10.77.0.${i + 1}/24`,
        mtu,
      })
    return { from: pair[0], to: pair[1], target: '10.77.0.2', description: await wireguardGoVersion() }
  },
}

/** How to start a wireguard-go with one peer. */
export interface WireguardGoOptions {
  /** The name of its device, which is that of its control socket too: all namespaces share those. */
  readonly device: string
  /** In base64, as the other keys. */
  readonly privateKey: string
  readonly peerPublicKey: string
  readonly presharedKey?: string
  /** Where the peer is; without it the peer has to come first. */
  readonly endpoint?: string
  /** Its address in the tunnel, with prefix length; all of 10.77.0.0/24 is allowed. */
  readonly address: string
  readonly mtu: number
}

/** Starts a wireguard-go that listens on port 51820, and sets it up. */
export async function startWireguardGo(lab: Lab, namespace: Namespace, options: WireguardGoOptions): Promise<void> {
  const { device, privateKey, peerPublicKey, presharedKey, endpoint, address, mtu } = options
  const configuration = join(lab.logFolder, `${device}.conf`)
  const lines = [
    '[Interface]',
    `PrivateKey = ${privateKey}`,
    'ListenPort = 51820',
    '[Peer]',
    `PublicKey = ${peerPublicKey}`,
    'AllowedIPs = 10.77.0.0/24',
    ...(presharedKey === undefined ? [] : [`PresharedKey = ${presharedKey}`]),
    ...(endpoint === undefined ? [] : [`Endpoint = ${endpoint}`]),
    '',
  ]
  writeFileSync(configuration, lines.join('\n'), { mode: 0o600 })
  const program = namespace.spawn(`wireguard-go-${device}`, ['wireguard-go', '--foreground', device])
  lab.onClose(() => program.end()) // gently: it removes its control socket then
  await waitFor('wireguard-go to come up', () => {
    if (!program.isRunning) throw new Error(`wireguard-go has ended:\n${program.tail(30)}`)
    return namespace.attempt(['wg', 'setconf', device, configuration]).then(done => done !== undefined)
  })
  await namespace.ip(`addr add ${address} dev ${device}`, `link set ${device} mtu ${mtu}`, `link set ${device} up`)
}

/** Returns which wireguard-go is installed. */
export async function wireguardGoVersion(): Promise<string> {
  const status = await run(['dpkg', '--status', 'wireguard-go'])
  return /^Version: (.*)$/m.exec(status)?.[1] ?? 'unknown version'
}
