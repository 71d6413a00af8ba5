import { isMainThread } from 'node:worker_threads'
import { libc } from './libc.ts'

/**
 * Returns whether the packet path goes through native calls here: 64-bit Linux, a loadable koffi, the main thread.
 *
 * `SALLYPORT_NO_NATIVE=1` says no: then native code only sets devices and sockets up, and packets go through `node:fs`
 * and `node:dgram`.
 */
export const isNative = (): boolean =>
  process.env['SALLYPORT_NO_NATIVE'] !== '1' && isMainThread && libc() !== undefined
