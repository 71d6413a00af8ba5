import { type Arena, copyBytes, type TransportCipher, type TransportKey } from '@sallyport/sans-io'
import { createArena, type Kernel, kernelOf } from '../kernel/kernel.ts'

/**
 * ChaCha20-Poly1305 by the WebAssembly kernel: what works everywhere without native code.
 *
 * It works in place in arenas of `createArena`; from another arena a packet is copied there and back.
 */
export function wasmCipher(): TransportCipher {
  return new WasmCipher()
}

class WasmCipher implements TransportCipher {
  readonly name = 'wasm'
  #arena: Arena | undefined
  #kernel: Kernel | undefined
  #bench: { readonly arena: Arena; readonly kernel: Kernel } | undefined

  importKey(bytes: Uint8Array): TransportKey {
    if (bytes.length !== 32) throw new RangeError(`a key has 32 bytes, not ${bytes.length}`)
    return new Uint32Array(copyBytes(bytes).buffer) as unknown as TransportKey
  }

  seal(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): void {
    const kernel = this.#kernelOf(arena)
    if (kernel !== undefined) {
      kernel.key.set(key as unknown as Uint32Array)
      kernel.seal(kernel.base + from, length, kernel.base + into, counter | 0, counter / 0x1_0000_0000)
      return
    }
    const bench = this.#benchFor(length)
    bench.kernel.key.set(key as unknown as Uint32Array)
    bench.arena.bytes.set(arena.bytes.subarray(from, from + length))
    bench.kernel.seal(bench.kernel.base, length, bench.kernel.base, counter | 0, counter / 0x1_0000_0000)
    arena.bytes.set(bench.arena.bytes.subarray(0, length + 16), into)
  }

  open(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): boolean {
    const kernel = this.#kernelOf(arena)
    if (kernel !== undefined) {
      kernel.key.set(key as unknown as Uint32Array)
      return kernel.open(kernel.base + from, length, kernel.base + into, counter | 0, counter / 0x1_0000_0000) === 1
    }
    const bench = this.#benchFor(length)
    bench.kernel.key.set(key as unknown as Uint32Array)
    bench.arena.bytes.set(arena.bytes.subarray(from, from + length + 16))
    const base = bench.kernel.base
    if (bench.kernel.open(base, length, base, counter | 0, counter / 0x1_0000_0000) !== 1) return false
    arena.bytes.set(bench.arena.bytes.subarray(0, length), into)
    return true
  }

  #kernelOf(arena: Arena): Kernel | undefined {
    if (arena !== this.#arena) {
      this.#arena = arena
      this.#kernel = kernelOf(arena)
    }
    return this.#kernel
  }

  /** Returns an arena of our own with room for a message, for arenas that the kernel can't reach. */
  #benchFor(length: number): { readonly arena: Arena; readonly kernel: Kernel } {
    if (this.#bench === undefined || this.#bench.arena.bytes.length < length + 16) {
      const arena = createArena(Math.max(length + 16, 65_536))
      this.#bench = { arena, kernel: kernelOf(arena)! }
    }
    return this.#bench
  }
}
