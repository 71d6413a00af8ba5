import { libc } from '../native/libc.ts'
import { isNative } from '../native/mode.ts'
import { openNativeTun } from './native-tun.ts'
import { openSimpleTun } from './simple-tun.ts'
import { removeStaleVeth } from './stale-veth.ts'
import type { TunDevice, TunOptions } from './tun-device.ts'
import { TunError, TunNodeError } from './tun-error.ts'
import { openVethTun } from './veth-tun.ts'

/**
 * Creates a TUN device: a native one where that is possible, else a simple one.
 *
 * Takes CAP_NET_ADMIN and nothing else where `/dev/net/tun` may be opened. Where not, a pair of veth interfaces takes its
 * place, for CAP_NET_ADMIN and CAP_NET_RAW. Throws a {@link TunError}, whose message is one line for an operator.
 */
export function openTun(options: TunOptions = {}): TunDevice {
  if (libc() === undefined)
    throw new TunError('TUN_UNSUPPORTED', `no TUN devices here: ${process.platform} on ${process.arch}, or no koffi`)
  if (options.name !== undefined) removeStaleVeth(options.name)
  try {
    return (isNative() ? openNativeTun(options) : undefined) ?? openSimpleTun(options)
  } catch (error) {
    if (!(error instanceof TunNodeError) || !isNative()) throw error
    const substitute = openVethTun(options)
    if (substitute !== undefined) return substitute
    const advice = 'or grant CAP_NET_ADMIN and CAP_NET_RAW, for a veth pair in its place'
    throw new TunError(error.code, `${error.message}, ${advice}`)
  }
}
