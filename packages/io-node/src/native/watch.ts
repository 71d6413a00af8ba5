import { type NativeFunction, nativeLibrary } from './library.ts'
import { NativeMemory } from './memory.ts'

/** A descriptor under watch. */
export interface Watch {
  /** Ends the watch. To be called before the descriptor is closed. Harmless when called again. */
  close(): void
}

/**
 * Calls `onReadable` on the main loop whenever `fd` has something to read (libuv's `uv_poll`).
 *
 * The callback runs outside of what Node.js calls a callback, which is cheap and has two consequences, both seen with
 * Node.js 26:
 * - An exception in it would be swallowed, or crash a later garbage collection. Therefore it is caught here and thrown
 *   again in a `setImmediate`, where it is an ordinary uncaught exception.
 * - Promises and `process.nextTick`s that are started in it wait until something else wakes the loop. Therefore only
 *   the packet path belongs in it; everything else goes through {@link Later}.
 *
 * Throws an `Error` if the descriptor can't be watched.
 */
export function watchReadable(fd: number, onReadable: () => void): Watch {
  uv ??= bindUv()
  const native = uv
  const handle = new NativeMemory(uv.handleSize)
  const failed = uv.init(uv.loop, handle.address, fd) || uv.start(handle.address, UV_READABLE, uv.onPoll)
  if (failed !== 0) throw new Error(`libuv can't watch descriptor ${fd}: ${failed}`)
  const entry: Entry = { handle, onReadable, isOpen: true }
  handles.set(handle.address, entry)
  return {
    close() {
      if (!entry.isOpen) return
      entry.isOpen = false
      native.stop(handle.address)
      native.close(handle.address, native.onClosed) // the memory is libuv's until it calls back
    },
  }
}

interface Entry {
  readonly handle: NativeMemory
  readonly onReadable: () => void
  isOpen: boolean
}

/** By address: what keeps memory and callbacks from being collected while libuv holds on to them. */
const handles = new Map<number, Entry>()

function readable(address: number): void {
  const entry = handles.get(address)
  if (entry === undefined || !entry.isOpen) return
  try {
    entry.onReadable()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}

const UV_POLL_HANDLE = 8
const UV_READABLE = 1

interface Uv {
  readonly loop: number
  readonly handleSize: number
  readonly init: NativeFunction
  readonly start: NativeFunction
  readonly onPoll: number
  readonly stop: NativeFunction
  readonly close: NativeFunction
  readonly onClosed: number
}

let uv: Uv | undefined

function bindUv(): Uv {
  const library = nativeLibrary()
  const need = (declaration: string): NativeFunction => {
    const found = library?.bind(declaration)
    if (found === undefined) throw new Error(`libuv is out of reach: ${declaration}`)
    return found
  }
  const loop = need('uintptr_t uv_default_loop()')
  const handleSize = need('size_t uv_handle_size(int)')
  return {
    loop: loop(),
    handleSize: handleSize(UV_POLL_HANDLE),
    init: need('int uv_poll_init(uintptr_t, uintptr_t, int)'),
    start: need('int uv_poll_start(uintptr_t, int, uintptr_t)'),
    onPoll: library!.register('void sallyport_poll(uintptr_t handle, int status, int events)', address =>
      readable(address!),
    ),
    stop: need('int uv_poll_stop(uintptr_t)'),
    close: need('void uv_close(uintptr_t, uintptr_t)'),
    onClosed: library!.register('void sallyport_closed(uintptr_t handle)', address => {
      handles.delete(address!)
    }),
  }
}
