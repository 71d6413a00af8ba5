import { libc } from '../src/native/libc.ts'
import { nativeLibrary } from '../src/native/library.ts'

/**
 * Moves this process to a network namespace of its own, which ends with it. Returns whether that is permitted.
 *
 * To be called before anything else is opened. Threads of libuv's pool stay behind, which no test here minds.
 */
export function enterNetworkNamespace(): boolean {
  if (libc() === undefined) return false
  const unshare = nativeLibrary()!.bind('int unshare(int)')
  return unshare?.(CLONE_NEWNET) === 0
}

const CLONE_NEWNET = 0x40000000
