import { type NativeFunction, type NativeLibrary, nativeLibrary } from './library.ts'

/**
 * The system calls that Node.js has no way to. Pointers are numbers; a negative result means: see {@link errno}.
 *
 * Functions are fields rather than methods, so that a caller can hold them in constants.
 */
export interface Libc {
  readonly open: (path: string, flags: number) => number
  readonly close: (fd: number) => number
  readonly ioctl: (fd: number, request: number, argument: number) => number
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly bind: (fd: number, address: number, length: number) => number
  readonly getsockname: (fd: number, address: number, length: number) => number
  readonly setsockopt: (fd: number, level: number, option: number, value: number, length: number) => number
  readonly getsockopt: (fd: number, level: number, option: number, value: number, length: number) => number
  readonly read: (fd: number, buffer: number, length: number) => number
  readonly write: (fd: number, buffer: number, length: number) => number
  readonly writev: (fd: number, iovecs: number, count: number) => number
  readonly send: (fd: number, buffer: number, length: number, flags: number) => number
  readonly recv: (fd: number, buffer: number, length: number, flags: number) => number
  readonly sendto: (
    fd: number,
    buffer: number,
    length: number,
    flags: number,
    address: number,
    addressLength: number,
  ) => number
  readonly sendmsg: (fd: number, message: number, flags: number) => number
  readonly recvmsg: (fd: number, message: number, flags: number) => number
  /** Returns the error number of the last call that failed. */
  readonly errno: () => number
}

let bound: Libc | undefined

/** Returns the C library, or `undefined` where native code can't be had. */
export function libc(): Libc | undefined {
  const library = nativeLibrary()
  if (library !== undefined) bound ??= bindAll(library)
  return bound
}

function bindAll(library: NativeLibrary): Libc {
  const need = (declaration: string): NativeFunction => {
    const found = library.bind(declaration)
    if (found === undefined) throw new Error(`the C library lacks ${declaration}`)
    return found
  }
  return {
    open: need('int open(str, int)'),
    close: need('int close(int)'),
    ioctl: need('int ioctl(int, ulong, uintptr_t)'),
    socket: need('int socket(int, int, int)'),
    bind: need('int bind(int, uintptr_t, uint)'),
    getsockname: need('int getsockname(int, uintptr_t, uintptr_t)'),
    setsockopt: need('int setsockopt(int, int, int, uintptr_t, uint)'),
    getsockopt: need('int getsockopt(int, int, int, uintptr_t, uintptr_t)'),
    read: need('long read(int, uintptr_t, size_t)'),
    write: need('long write(int, uintptr_t, size_t)'),
    writev: need('long writev(int, uintptr_t, int)'),
    send: need('long send(int, uintptr_t, size_t, int)'),
    recv: need('long recv(int, uintptr_t, size_t, int)'),
    sendto: need('long sendto(int, uintptr_t, size_t, int, uintptr_t, uint)'),
    sendmsg: need('long sendmsg(int, uintptr_t, int)'),
    recvmsg: need('long recvmsg(int, uintptr_t, int)'),
    errno: () => library.errno(),
  }
}
