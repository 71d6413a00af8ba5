import { Arena } from '@sallyport/sans-io'
import { KERNEL_WASM } from './kernel-bytes.ts'

// Every JavaScript runtime has WebAssembly, but only the type library of browsers says so.
interface WasmMemory {
  readonly buffer: ArrayBuffer
}
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => WasmMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** The functions of `kernel.c`, at work in the memory of one arena. Offsets are absolute in that memory. */
export interface Kernel {
  /** The arena's first byte in the kernel's memory: to be added to offsets of the arena. */
  readonly base: number
  /** The eight words of the key that `seal` and `open` use. */
  readonly key: Uint32Array
  seal(from: number, length: number, into: number, counterLow: number, counterHigh: number): void
  /** Returns 1 if the tag was right. */
  open(from: number, length: number, into: number, counterLow: number, counterHigh: number): number
  /** Returns the folded sum of the little-endian 16-bit words of `length` bytes, fewer than 2^18. */
  checksum(from: number, length: number): number
}

/**
 * Makes an arena of `length` zero bytes that native code, JavaScript and the WebAssembly kernel can all work in.
 *
 * Every machine that runs in this process may share one; packets then cross it without being copied.
 */
export function createArena(length: number): Arena {
  const pages = Math.ceil((KERNEL_SPACE + length + KERNEL_OVERREAD) / PAGE)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages }) // never grows: addresses stay true
  const arena = new Arena(new Uint8Array(memory.buffer, KERNEL_SPACE, length))
  kernels.set(arena, instantiate(memory))
  return arena
}

/** Returns the kernel at work in `arena`, or `undefined` if {@link createArena} didn't make it. */
export const kernelOf = (arena: Arena): Kernel | undefined => kernels.get(arena)

const kernels = new WeakMap<Arena, Kernel>()

const PAGE = 65_536
/** What the kernel's own data and stack need at the start of a memory. */
const KERNEL_SPACE = PAGE
/** The kernel never writes behind a message, but vectors of it may be read to the end of the last one. */
const KERNEL_OVERREAD = 64

let compiled: object | undefined

interface Exports {
  key_at(): number
  seal: Kernel['seal']
  open: Kernel['open']
  checksum: Kernel['checksum']
}

function instantiate(memory: WasmMemory): Kernel {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL_WASM, 'base64'))
  const exports = new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Exports
  return {
    base: KERNEL_SPACE,
    key: new Uint32Array(memory.buffer, exports.key_at(), 8),
    seal: exports.seal,
    open: exports.open,
    checksum: exports.checksum,
  }
}
