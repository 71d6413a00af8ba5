import { fileURLToPath } from 'node:url'
import { newKeyPair } from '@sallyport/bench/peers/keys.ts'
import { makePair } from '@sallyport/bench/peers/peer.ts'
import { startWireguardGo } from '@sallyport/bench/peers/wireguard-go.ts'
import type { StaticConfiguration } from '@sallyport/bench/static/run-static-tunnel.ts'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import type { LabProcess } from '@sallyport/e2e/lab/process.ts'
import type { Role } from '@sallyport/wireguard'

/** How to set up a {@link WireguardPair}. */
export interface WireguardPairOptions {
  /** Whether they know where we are. If they don't, the first handshake must be ours. */
  readonly theyKnowUs: boolean
  /** Each side's idea of the preshared key, in base64. */
  readonly ourPresharedKey?: string
  readonly theirPresharedKey?: string
  /** How many times faster than theirs our clock goes; 1 by default. */
  readonly clockRate?: number
  /** How many handshake messages a second we hear without a cookie; 100 by default. */
  readonly ourHandshakeLimit?: number
}

/** Where each side is inside of the tunnel. */
export const INNER_ADDRESSES = { ours: '10.77.0.1', theirs: '10.77.0.2' } as const

/** Our tunnel and wireguard-go, each on a host of its own, with a cable between them. No packet has been sent yet. */
export class WireguardPair {
  readonly ours: Namespace
  readonly theirs: Namespace
  /** Our process. */
  readonly program: LabProcess
  /** In base64. */
  readonly theirPublicKey: string
  readonly #device: string

  private constructor(
    parts: Pick<WireguardPair, 'ours' | 'theirs' | 'program' | 'theirPublicKey'> & { readonly device: string },
  ) {
    this.ours = parts.ours
    this.theirs = parts.theirs
    this.program = parts.program
    this.theirPublicKey = parts.theirPublicKey
    this.#device = parts.device
  }

  /** Starts both sides. `name` is unique in the lab. */
  static async start(lab: Lab, name: string, options: WireguardPairOptions): Promise<WireguardPair> {
    const [ours, theirs] = await makePair(lab, name)
    // A kernel greets every device with IPv6 packets, which would decide who makes the first handshake.
    for (const host of [ours, theirs])
      await host.sysctl({ 'net.ipv6.conf.all.disable_ipv6': 1, 'net.ipv6.conf.default.disable_ipv6': 1 })
    const [ourKeys, theirKeys] = [newKeyPair(), newKeyPair()]
    const device = `wgi${process.pid % 100_000}${name}`.slice(0, 15)
    await startWireguardGo(lab, theirs, {
      device,
      privateKey: theirKeys.privateKey,
      peerPublicKey: ourKeys.publicKey,
      ...(options.theirPresharedKey === undefined ? {} : { presharedKey: options.theirPresharedKey }),
      ...(options.theyKnowUs ? { endpoint: '192.0.2.1:51820' } : {}),
      address: `${INNER_ADDRESSES.theirs}/24`,
      mtu: MTU,
    })
    const configuration: StaticConfiguration = {
      privateKey: ourKeys.privateKey,
      peerPublicKey: theirKeys.publicKey,
      ...(options.ourPresharedKey === undefined ? {} : { presharedKey: options.ourPresharedKey }),
      port: 51_820,
      remote: '192.0.2.2:51820',
      address: INNER_ADDRESSES.ours,
      route: '10.77.0.0/24',
      mtu: MTU,
      ...(options.ourHandshakeLimit === undefined ? {} : { handshakeLimit: options.ourHandshakeLimit }),
    }
    const argv = [PROGRAM, JSON.stringify(configuration), String(options.clockRate ?? 1)]
    const program = ours.spawn(`ours-${name}`, [process.execPath, '--conditions=development', ...argv])
    await program.waitForLine(/^up/)
    return new WireguardPair({ ours, theirs, program, theirPublicKey: theirKeys.publicKey, device })
  }

  /** How many sessions our side has made in a role. */
  established(role: Role): number {
    return this.program.lines.filter(line => line === `established as ${role}`).length
  }

  /** What their side says of us. */
  async theirView(): Promise<TheirView> {
    const [, peer] = (await this.theirs.run(['wg', 'show', this.#device, 'dump'])).trim().split('\n')
    const [, , , , latestHandshake, received, sent] = peer!.split('\t')
    return { latestHandshake: Number(latestHandshake), received: Number(received), sent: Number(sent) }
  }

  /** Ends both sides. */
  async stop(): Promise<void> {
    await Promise.all([...this.ours.processes, ...this.theirs.processes].map(program => program.end()))
  }
}

/** What `wg show` says of a peer. */
export interface TheirView {
  /** Unix time in seconds; 0 if there was none. */
  readonly latestHandshake: number
  /** In bytes, with headers. */
  readonly received: number
  readonly sent: number
}

const PROGRAM = fileURLToPath(new URL('./wireguard-peer.ts', import.meta.url))
const MTU = 1420
