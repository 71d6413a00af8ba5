import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import { connect } from '@sallyport/e2e/lab/network.ts'

/** Something that carries IP packets between two hosts, to be measured. */
export interface Peer {
  /** How it is called on the command line and in tables. */
  readonly name: string
  /** One sentence for `--list`. */
  readonly about: string
  /** Brings a tunnel up between hosts of its own. */
  start(lab: Lab, settings: PeerSettings): Promise<RunningPeer>
}

/** What all peers of a run have in common. */
export interface PeerSettings {
  /** The longest packet inside of the tunnel, in bytes. */
  readonly mtu: number
}

/** A tunnel that is up. */
export interface RunningPeer {
  /** Where measurements start. */
  readonly from: Namespace
  /** Where they lead to. */
  readonly to: Namespace
  /** The address to measure against: reached from {@link from} through the tunnel only. */
  readonly target: string
  /** Its version and settings, for the report. */
  readonly description: string
}

/** Makes two hosts with a cable between them: 192.0.2.1 and 192.0.2.2. */
export async function makePair(lab: Lab, name: string): Promise<readonly [Namespace, Namespace]> {
  const left = await lab.namespace(`${name}-left`)
  const right = await lab.namespace(`${name}-right`)
  await connect(
    { namespace: left, interface: 'wan', addresses: ['192.0.2.1/24'] },
    { namespace: right, interface: 'wan', addresses: ['192.0.2.2/24'] },
  )
  return [left, right]
}
