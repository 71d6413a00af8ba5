import { libc } from '../native/libc.ts'
import { isNative } from '../native/mode.ts'
import { openNativeTun } from './native-tun.ts'
import { openSimpleTun } from './simple-tun.ts'
import type { TunDevice, TunOptions } from './tun-device.ts'
import { TunError } from './tun-error.ts'

/**
 * Creates a TUN device: a native one where that is possible, else a simple one.
 *
 * Takes CAP_NET_ADMIN and nothing else. Throws a {@link TunError}, whose message is one line for an operator.
 */
export function openTun(options: TunOptions = {}): TunDevice {
  if (libc() === undefined)
    throw new TunError('TUN_UNSUPPORTED', `no TUN devices here: ${process.platform} on ${process.arch}, or no koffi`)
  return (isNative() ? openNativeTun(options) : undefined) ?? openSimpleTun(options)
}
