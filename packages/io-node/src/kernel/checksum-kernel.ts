import { type ChecksumKernel, portableChecksum } from '@sallyport/ip-packet'
import type { Arena } from '@sallyport/sans-io'
import { type Kernel, kernelOf } from './kernel.ts'

let last: Arena | undefined
let lastKernel: Kernel | undefined

/** Sums payloads in WebAssembly where they lie in an arena of `createArena`, elsewhere in JavaScript. */
export const wasmChecksum: ChecksumKernel = (arena, offset, length, sum) => {
  if (arena !== last) {
    last = arena
    lastKernel = kernelOf(arena)
  }
  if (lastKernel === undefined) return portableChecksum(arena, offset, length, sum)
  const swapped = lastKernel.checksum(lastKernel.base + offset, length)
  return sum + ((swapped >>> 8) | ((swapped & 0xff) << 8)) // RFC 1071 §2(B): the sum doesn't care for byte order
}
