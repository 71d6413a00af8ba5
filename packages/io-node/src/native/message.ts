import type { NativeMemory } from './memory.ts'

/** Bytes of a `msghdr`. */
export const MSGHDR_LENGTH = 56

/** Bytes of an `iovec`. */
export const IOVEC_LENGTH = 16

/** Bytes of a control message's header, in front of its data. */
export const CMSG_HEADER_LENGTH = 16

/** Writes an `iovec` at `at`: `length` bytes at address `base`. */
export function writeIovec(memory: NativeMemory, at: number, base: number, length: number): void {
  memory.setWord(at, base)
  memory.view.setUint32(at + 8, length, true) // the upper half stays zero
}

/**
 * A `msghdr` with its name, control messages and iovecs in one block of native memory.
 *
 * ```text
 * 0 name 4… length │ 16 iov │ 24 iovlen │ 32 control │ 40 controllen │ 48 flags
 * ```
 */
export interface MessageLayout {
  readonly header: number
  readonly name: number
  readonly control: number
  readonly iovecs: number
}

/** Fills in the pointers of a `msghdr`, which stay as they are from call to call. */
export function writeMessagePointers(memory: NativeMemory, layout: MessageLayout): void {
  memory.setWord(layout.header, memory.address + layout.name)
  memory.setWord(layout.header + 16, memory.address + layout.iovecs)
  memory.setWord(layout.header + 32, memory.address + layout.control)
}

/** Sets how many bytes the name has, or has room for. */
export function setNameLength(memory: NativeMemory, header: number, length: number): void {
  memory.view.setUint32(header + 8, length, true)
}

/** Sets how many iovecs count. */
export function setIovecCount(memory: NativeMemory, header: number, count: number): void {
  memory.view.setUint32(header + 24, count, true)
}

/** Sets how many bytes of control messages there are, or is room for. */
export function setControlLength(memory: NativeMemory, header: number, length: number): void {
  memory.view.setUint32(header + 40, length, true)
}

/** Returns how many bytes of control messages arrived. */
export const controlLength = (memory: NativeMemory, header: number): number => memory.view.getUint32(header + 40, true)

/** Writes the header of a control message with `length` bytes of data. Returns where the next one begins. */
export function writeControlHeader(
  memory: NativeMemory,
  at: number,
  level: number,
  type: number,
  length: number,
): number {
  memory.view.setUint32(at, CMSG_HEADER_LENGTH + length, true)
  memory.view.setInt32(at + 8, level, true)
  memory.view.setInt32(at + 12, type, true)
  return at + CMSG_HEADER_LENGTH + ((length + 7) & ~7)
}
