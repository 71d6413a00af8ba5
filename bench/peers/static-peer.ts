import { fileURLToPath } from 'node:url'
import type { StaticConfiguration } from '../static/run-static-tunnel.ts'
import { newKeyPair } from './keys.ts'
import { makePair, type Peer } from './peer.ts'

const program = fileURLToPath(new URL('../static/main.ts', import.meta.url))

/** Our packet path alone: two processes with static keys. */
export const staticPeer: Peer = {
  name: 'static',
  about: 'our packet path alone: WireGuard between two processes with static keys',
  async start(lab, { mtu }) {
    const [left, right] = await makePair(lab, 'static')
    const keys = [newKeyPair(), newKeyPair()] as const
    const processes = [left, right].map((namespace, i) => {
      const configuration: StaticConfiguration = {
        privateKey: keys[i]!.privateKey,
        peerPublicKey: keys[1 - i]!.publicKey,
        port: 51_820,
        remote: `192.0.2.${2 - i}:51820`,
        address: `10.77.0.${i + 1}`,
        route: '10.77.0.0/24',
        mtu,
      }
      const argv = [process.execPath, '--conditions=development', program, JSON.stringify(configuration)]
      return namespace.spawn(`static-${i}`, argv)
    })
    const up = await Promise.all(processes.map(each => each.waitForLine(/^up: (.*)/)))
    return { from: left, to: right, target: '10.77.0.2', description: up[0]![1]! }
  },
}
