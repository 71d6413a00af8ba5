import { createRequire } from 'node:module'
import type koffi from 'koffi'

type Koffi = typeof koffi

/** A native function: numbers and strings in, a number out. Addresses are passed as numbers. */
export type NativeFunction = (...args: readonly (number | string)[]) => number

/** What this process exports itself, libc and the libraries linked into the executable among it. */
export interface NativeLibrary {
  /** Binds a function by its C declaration, such as `int close(int)`; `undefined` if there is no such symbol. */
  bind(declaration: string): NativeFunction | undefined
  /** Returns `errno` as the last bound call left it. */
  errno(): number
  /**
   * Returns where `bytes` lie in memory.
   *
   * Valid while somebody holds on to the buffer: whoever keeps the address keeps a reference to `bytes` beside it.
   */
  addressOf(bytes: Uint8Array): number
  /**
   * Returns the address of a C function that calls `callback`; for the life of the process.
   *
   * @param declaration - Such as `void callback(uintptr_t handle)`.
   */
  register(declaration: string, callback: (...args: readonly number[]) => void): number
}

/** Keeps what native code may call from being collected. */
const callbacks: unknown[] = []

let loaded: NativeLibrary | null | undefined

/** Returns access to native code, or `undefined` where it can't be had: no koffi for this platform, or not 64-bit Linux. */
export function nativeLibrary(): NativeLibrary | undefined {
  if (loaded === undefined) loaded = load()
  return loaded ?? undefined
}

function load(): NativeLibrary | null {
  // Struct layouts are written down for little-endian LP64 Linux only.
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return null
  let koffi: Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi
  } catch {
    return null
  }
  const self = koffi.load(null)
  return {
    bind(declaration) {
      try {
        return self.func(declaration) as NativeFunction
      } catch {
        return undefined
      }
    },
    errno: () => koffi.errno(),
    addressOf(bytes) {
      // A small typed array may live in the movable heap until its buffer is asked for.
      return Number(koffi.address(new Uint8Array(bytes.buffer))) + bytes.byteOffset
    },
    register(declaration, callback) {
      callbacks.push(callback)
      return Number(koffi.register(callback, koffi.pointer(koffi.proto(declaration))))
    },
  }
}
