import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, waitFor } from '@sallyport/e2e/lab/command.ts'
import { newKeyPair } from './keys.ts'
import { makePair, type Peer } from './peer.ts'

/** Debian's wireguard-go: WireGuard in user space, in Go. */
export const wireguardGo: Peer = {
  name: 'wireguard-go',
  about: 'the wireguard-go of the system’s package: WireGuard in user space, in Go',
  async start(lab, { mtu }) {
    const pair = await makePair(lab, 'wggo')
    const keys = [newKeyPair(), newKeyPair()] as const
    for (const [i, namespace] of pair.entries()) {
      // The name of the device is the name of its control socket, which all namespaces share.
      const device = `wgb${process.pid % 10_000}x${i}`
      const configuration = join(lab.logFolder, `${device}.conf`)
      const text = `[Interface]
PrivateKey = ${keys[i]!.privateKey}
ListenPort = 51820
[Peer]
PublicKey = ${keys[1 - i]!.publicKey}
Endpoint = 192.0.2.${2 - i}:51820
AllowedIPs = 10.77.0.0/24
`
      writeFileSync(configuration, text, { mode: 0o600 })
      namespace.spawn(`wireguard-go-${i}`, ['wireguard-go', '--foreground', device])
      await waitFor('wireguard-go to come up', () =>
        namespace.attempt(['wg', 'setconf', device, configuration]).then(done => done !== undefined),
      )
      await namespace.ip(
        `addr add 10.77.0.${i + 1}/24 dev ${device}`,
        `link set ${device} mtu ${mtu}`,
        `link set ${device} up`,
      )
    }
    const status = await run(['dpkg', '--status', 'wireguard-go'])
    const version = /^Version: (.*)$/m.exec(status)?.[1] ?? 'unknown version'
    return { from: pair[0], to: pair[1], target: '10.77.0.2', description: version }
  },
}
