import type { Arena } from '@sallyport/sans-io'
import { nativeLibrary } from './library.ts'

let last: Arena | undefined
let lastAddress = 0
const addresses = new WeakMap<Arena, number>()

/** Returns where an arena's first byte lies in memory: valid while the caller holds on to the arena. */
export function addressOfArena(arena: Arena): number {
  return arena === last ? lastAddress : look(arena)
}

function look(arena: Arena): number {
  let address = addresses.get(arena)
  if (address === undefined) {
    address = nativeLibrary()!.addressOf(arena.bytes)
    addresses.set(arena, address)
  }
  last = arena
  lastAddress = address
  return address
}
