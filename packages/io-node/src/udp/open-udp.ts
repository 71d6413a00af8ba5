import { isNative } from '../native/mode.ts'
import { openNativeUdpSocket } from './native-udp-socket.ts'
import { openSimpleUdpSocket } from './simple-udp-socket.ts'
import type { UdpOptions, UdpSocket } from './udp-socket.ts'

/** Opens a UDP socket: a native one where that is possible, else a simple one. Rejects with a `UdpOpenError`. */
export async function openUdpSocket(options: UdpOptions): Promise<UdpSocket> {
  return isNative() ? openNativeUdpSocket(options) : openSimpleUdpSocket(options)
}

/** How to open the sockets of a tunnel. */
export interface OpenUdpOptions {
  /** The port that is tried first for both families; 52625 if left out. */
  readonly port?: number
  /** The firewall mark of what they send. */
  readonly mark?: number
}

/**
 * Opens one socket for each family, on a well-known port where that is free, else on any.
 *
 * @returns one or two sockets: a family that this machine doesn't have is left out.
 * Rejects with a `UdpOpenError` if neither can be opened.
 */
export async function openUdp({ port = PREFERRED_PORT, mark }: OpenUdpOptions = {}): Promise<readonly UdpSocket[]> {
  const shared = { port, orAnyPort: true, ...(mark === undefined ? {} : { mark }) }
  const results = await Promise.allSettled([
    openUdpSocket({ family: 4, ...shared }),
    openUdpSocket({ family: 6, ...shared }),
  ])
  const sockets = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  if (sockets.length === 0) throw (results[0] as PromiseRejectedResult).reason
  return sockets
}

/** 49152 + 3473: the first port for private use, and "fire" on a telephone's keys. */
const PREFERRED_PORT = 52_625
